//! Streams of handlers. A [`StreamPort`] connects a handler's typed items with an [`OpenedStream`], which transports
//! read as text. [`OpenStreams`] counts the open streams, and ends them when the server drains.

mod accepting;
mod form;
mod forward;
mod item_writer;
mod open_streams;
mod opened;
mod port;
mod queue;
mod shared;
#[cfg(test)]
mod tests;

pub(crate) use accepting::{AcceptingStream, StreamPermit};
pub use form::{CursorItems, FallibleItems, ItemForm, PlainItems};
pub(crate) use open_streams::OpenStreams;
pub use port::StreamPort;
