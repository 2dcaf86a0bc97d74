//! Bytes to messages and back: the envelope is parsed once and borrowed from.

mod foreign_error;
mod output;
mod parse;
mod request;
mod response;
mod scan;

pub use foreign_error::ForeignError;
pub use output::{Output, Responder, outcome_of};
pub use parse::{ParseError, ParseLimits, parse};
pub(crate) use request::write_string;
pub use request::{close_request, open_request};
pub use response::{NoAnswer, Reply, ReplyOutcome, each_reply, error_of, parse_replies, parse_reply};

/// How many levels of arrays and objects a request may be nested, its own object included.
///
/// Nesting is what recursive decoders pay for with stack, and what a value that is passed on unread would make the next
/// reader pay for. It is also where `serde_json` stops.
pub const MAX_DEPTH: usize = 128;
