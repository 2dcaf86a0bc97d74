//! HTTP for any listener: checks requests, reads their bodies and makes responses. `serve` calls it for each request of
//! a standalone server, `router` inside an axum application.
//!
//! From the bottom up: [`Face`] is the shared state. `head` and `admit` check the head of a request, and `body` reads
//! its body. [`answer()`] lets the face's [`Backend`] answer it.

mod admit;
mod answer;
mod answer_body;
mod arrival;
mod authority;
mod backend;
mod body;
mod discard;
mod early;
mod face;
mod foreign;
mod head;
mod host;
mod host_header;
mod origin;
mod out_of_reach;
mod pages;
mod path;
mod refusal;
mod respond;
mod router;
mod routes;
mod settings;
mod streamed;
mod turned_away;
mod unread;

pub(crate) use admit::{HeadFault, admit, beside, refuse_head, route};
pub(crate) use answer::answer;
pub(crate) use answer_body::AnswerBody;
pub(crate) use arrival::{Arrival, Connection};
pub(crate) use backend::Backend;
pub(crate) use face::Face;
pub(crate) use foreign::Foreign;
pub(crate) use head::hold_head;
pub(crate) use host_header::check_host;
pub(crate) use out_of_reach::OutOfReach;
pub(crate) use path::checked as checked_path;
pub(crate) use refusal::Refusal;
pub(crate) use router::router;

pub(crate) use settings::HttpSettings;
pub(crate) use unread::{LeftBehind, Unread};
