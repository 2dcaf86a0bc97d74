//! Writes JSON as serde_json does, byte for byte, with less work for text: serde_json looks for what needs an escape
//! byte by byte.
//!
//! Numbers are written by serde_json's own formatter. Nothing here is generic over the writer, so that nearly all of it
//! is compiled once.

mod compound;
mod key;
mod number;
mod serializer;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use text::JsonText;
