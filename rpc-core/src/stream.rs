//! Streams: calls that are answered by items first, and by their result last.
//!
//! What users name: [`Stream`], [`At`], [`After`], [`Shared`], [`StreamSpec`] and [`Lag`]. What transports handle:
//! [`AnswerStream`], the messages of an accepted stream.

mod after;
mod answer_stream;
mod at;
mod guards;
mod shared;
mod slot;
mod spec;

pub use after::After;
pub use answer_stream::{AnswerStream, StreamMessage, StreamMessages};
pub use at::At;
#[doc(no_inline)]
pub use futures_core::Stream;
pub use guards::{assert_cursor, assert_item_error};
pub use shared::Shared;
pub(crate) use slot::StreamSlot;
pub use spec::{Lag, StreamSpec};
