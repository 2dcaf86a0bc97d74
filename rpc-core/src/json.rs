//! Writes JSON byte for byte as serde_json does, but text with less work: serde_json looks for bytes to escape one by
//! one.
//!
//! serde_json's own formatter writes the numbers. Nothing here is generic over the writer, so nearly all of it is
//! compiled once.

mod compound;
mod key;
mod number;
mod serializer;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use text::JsonText;
