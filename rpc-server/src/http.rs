//! HTTP for any listener: checks requests, reads their bodies and makes responses. `serve` calls it for each request of
//! a standalone server, `router` inside an axum application.
//!
//! From the bottom up: [`HttpState`] is the shared state. `head` and `admit` check the head of a request, and `body`
//! reads its body. [`answer()`] lets the state's [`Backend`] answer it.

mod admit;
mod answer;
mod answer_body;
mod authority;
mod backend;
mod body;
mod connection;
mod discard;
mod early;
mod event_stream;
mod foreign_dispatch;
mod head;
mod host;
mod host_header;
mod hyper_refusal;
mod non_call_request;
mod origin;
mod pages;
mod path;
mod respond;
mod router;
mod routes;
mod settings;
mod state;
mod streamed_body;
mod unreachable_endpoints;
mod unread;
#[cfg(feature = "websocket")]
mod upgrade;

pub(crate) use admit::{HeadFault, admit, beside, refuse_head, route};
pub(crate) use answer::answer;
pub(crate) use answer_body::AnswerBody;
pub(crate) use backend::Backend;
pub(crate) use connection::{BodyProgress, ConnectionInfo};
pub(crate) use foreign_dispatch::ForeignDispatch;
pub(crate) use head::hold_head;
pub(crate) use host_header::check_host;
pub(crate) use hyper_refusal::HyperRefusal;
pub(crate) use path::checked as checked_path;
pub(crate) use router::router;
pub(crate) use state::HttpState;
pub(crate) use unreachable_endpoints::UnreachableEndpoints;

pub(crate) use settings::HttpSettings;
pub(crate) use unread::{StalledAnswer, UnreadAnswers};
#[cfg(feature = "websocket")]
pub(crate) use upgrade::take_session;
