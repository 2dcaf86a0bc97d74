//! Bytes to messages and back: the envelope is parsed once and borrowed from.

mod depth;
mod output;
mod parse;
mod request;
mod response;

pub use depth::{MAX_DEPTH, is_deeper_than};
pub use output::{Output, Responder};
pub use parse::{ParseError, parse};
pub use request::{close_request, open_request};
pub use response::{Reply, parse_replies, parse_reply};
