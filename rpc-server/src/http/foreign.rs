//! Serves a `Dispatch` of the user's own within the server's limits. [`Foreign`] contains its panics, and replaces
//! answers that are too large or for which there is no room. It drops headers that only HTTP may set.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, StatusCode};
use rpc_core::codec::{self, ParseLimits};
use rpc_core::contain::{Contained, contain, defuse};
use rpc_core::{
    Answer, AnswerStatus, BoxFuture, Denial, Dispatch, ErrorCode, ErrorObject, IdRef, Message, Packet, RequestContext,
};

use crate::dispatch::{Written, whole_error};
use crate::fault::withheld;
use crate::load::{ConnectionLoad, Full, Room};
use crate::throttle::Throttle;

/// A `Dispatch` of the user's own, which HTTP serves within its limits.
pub(crate) struct Foreign {
    pub(crate) dispatch: Arc<dyn Dispatch>,
    pub(crate) max_response_bytes: usize,
}

/// What HTTP says itself of a connection, or of how long a body is.
const OF_HTTP: [HeaderName; 7] =
    [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, HeaderName::from_static("keep-alive")];

impl Foreign {
    /// Answers a message, and takes room for the answer.
    pub(crate) async fn dispatch(
        &self,
        body: &Bytes,
        request: &Arc<RequestContext>,
        load: &Arc<ConnectionLoad>,
        reserved: Option<Room>,
    ) -> Written {
        let answered = run(|| self.dispatch.dispatch(body.clone(), Arc::clone(request))).await;
        let mut answer = match answered {
            Some(answer) if answer.body.len() <= self.max_response_bytes => written(answer),
            Some(answer) => replaced(written(answer), body, &ErrorCode::RESPONSE_TOO_LARGE.into()),
            None => replaced(Written::new(Vec::new(), AnswerStatus::Success), body, &ErrorObject::internal()),
        };
        let mut room = reserved.unwrap_or_else(|| Room::new(load));
        if let Err(full) = room.fit(answer.body.len()) {
            self.withhold(&mut answer, body, full);
            room.fit_up_to(answer.body.len());
        }
        answer.room = Some(room);
        answer
    }

    /// Returns what the client of this request is told that asks before it sends calls.
    pub(super) async fn announce(&self, request: Arc<RequestContext>) -> Written {
        match run(|| self.dispatch.announce(request)).await {
            Some(answer) if answer.body.len() <= self.max_response_bytes => written(answer),
            Some(_) => refused(&ErrorCode::RESPONSE_TOO_LARGE.into()),
            None => refused(&ErrorObject::internal()),
        }
    }

    /// Replaces an answer for which there is no room.
    pub(super) fn withhold(&self, answer: &mut Written, body: &Bytes, full: Full) {
        let given = std::mem::replace(answer, Written::new(Vec::new(), AnswerStatus::Success));
        *answer = replaced(given, body, &withheld(full));
    }

    /// Refuses what requires roles. Nobody has any, since HTTP itself does not find out who calls.
    pub(super) fn deny(roles: &[&str]) -> Box<Written> {
        Box::new(Written::lacking(Denial::Unauthenticated, roles))
    }
}

/// Runs the user's code, or returns `None` where it panics. A panic when its future is dropped goes no further.
async fn run(begin: impl FnOnce() -> BoxFuture<Answer>) -> Option<Answer> {
    let answered = match contain(begin) {
        Some(future) => AssertUnwindSafe(Contained::new(future)).catch_unwind().await.map_err(defuse).ok(),
        None => None,
    };
    if answered.is_none() {
        static PANICKED: Throttle = Throttle::with(10);
        if let Some(suppressed) = PANICKED.pass() {
            tracing::error!(suppressed, "`Dispatch` panicked");
        }
    }
    answered
}

fn written(answer: Answer) -> Written {
    let status = match answer.status {
        // HTTP has no final response of this status, and the connection would end without one.
        AnswerStatus::Refused(code, status) if status.is_informational() => {
            AnswerStatus::Refused(code, StatusCode::INTERNAL_SERVER_ERROR)
        }
        status => status,
    };
    let mut written = Written::new(answer.body.into(), status);
    written.headers = answer.headers.map(of_answer);
    written
}

/// Leaves out what is HTTP's own to say. It would break the connection if it were wrong.
fn of_answer(mut headers: Box<HeaderMap>) -> Box<HeaderMap> {
    for name in OF_HTTP {
        headers.remove(name);
    }
    headers
}

/// Answers all calls of a request with an error in the place of what they were answered with. What the headers say of
/// calls that no handler has seen stays.
fn replaced(given: Written, body: &Bytes, error: &ErrorObject) -> Written {
    // The size of the body is limited, and what a `Dispatch` takes of it is its own matter.
    let limits = ParseLimits::default().max_entries(usize::MAX).max_id_bytes(usize::MAX).max_method_bytes(usize::MAX);
    let mut answer = Written { body: Vec::new(), status: AnswerStatus::Success, ..given };
    match codec::parse(body, &limits) {
        Ok(Packet::Single(Message::Invalid(invalid))) => answer.replace_whole(invalid.id, error),
        Ok(packet) => {
            answer.replace_with(error, &packet);
            answer = answer.to(&packet);
        }
        Err(_) => answer.replace_whole(IdRef::NULL, error),
    }
    answer
}

/// Refuses a request that brings no calls.
fn refused(error: &ErrorObject) -> Written {
    let mut answer = whole_error(IdRef::NULL, error);
    answer.status = AnswerStatus::Refused(error.code(), StatusCode::INTERNAL_SERVER_ERROR);
    answer
}
