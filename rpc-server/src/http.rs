//! The face for HTTP: requests are checked, read and answered here, whoever accepted them.
//!
//! From the bottom up: [`Face`] is what HTTP serves and owns; `head` and `admit` look at what comes first of a request,
//! `body` reads the rest, and [`answer`] has it answered by the face's [`Backend`].

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
