//! Bytes to messages and back. The envelope is parsed once, and messages borrow from it.

mod envelope;
pub mod event_stream;
mod foreign_error;
mod frame;
mod item;
mod output;
mod parse;
mod request;
mod response;
mod rpc_member;
mod salvage;
mod scan;
mod stream_message;

pub use envelope::Envelope;
pub use foreign_error::ForeignError;
pub use frame::{Frame, FrameDecoder, FrameError, begin_frame, end_frame};
pub use item::{ItemLoss, ItemPrefix, write_item};
pub use output::{Output, Responder, outcome_of};
pub use parse::{ParseError, ParseLimits, parse};
pub(crate) use request::write_string;
pub use request::{close_request, open_request};
pub use response::{InvalidResponse, Reply, ReplyOutcome, each_reply, error_of, parse_replies, parse_reply};
pub use rpc_member::{is_message_header, is_response, read_rpc_member, write_rpc_member};
pub use salvage::salvage_ids;
pub use stream_message::{ACCEPTED, ReceivedItem, ReceivedMessage, read_stream_message};

/// The maximum number of nested arrays and objects in a request, its own object included.
///
/// Each level of nesting costs recursive decoders stack. A value passed on unread would cost the next reader stack,
/// too. `serde_json` has the same limit.
pub const MAX_DEPTH: usize = 128;
