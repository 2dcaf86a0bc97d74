//! Serves a `Dispatch` of the user's own within the server's limits. [`ForeignDispatch`] contains its panics, and
//! replaces answers that are too large or for which there is no room. It drops headers that only HTTP may set.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, StatusCode};
use rpc_core::codec::{self, ParseLimits};
use rpc_core::contain::{CatchDropPanic, contain, defuse};
use rpc_core::{
    Answer, AnswerStatus, BoxFuture, Denial, Dispatch, ErrorCode, ErrorObject, IdRef, Message, Packet, RequestContext,
};

use crate::dispatch::{WrittenAnswer, whole_error};
use crate::fault::withheld;
use crate::load::{ByteRoom, CapacityError, ConnectionLoad};
use crate::throttle::Throttle;

/// A `Dispatch` of the user's own, which HTTP serves within its limits.
pub(crate) struct ForeignDispatch {
    pub(crate) dispatch: Arc<dyn Dispatch>,
    pub(crate) max_response_bytes: usize,
}

/// The headers that only HTTP may set: those about the connection and the length of the body.
const OF_HTTP: [HeaderName; 7] =
    [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, HeaderName::from_static("keep-alive")];

impl ForeignDispatch {
    /// Answers a message and reserves room for the answer.
    pub(crate) async fn dispatch(
        &self,
        body: &Bytes,
        request: &Arc<RequestContext>,
        load: &Arc<ConnectionLoad>,
        reserved: Option<ByteRoom>,
    ) -> WrittenAnswer {
        let answered = run(|| self.dispatch.dispatch(body.clone(), Arc::clone(request))).await;
        let mut answer = match answered {
            Some(answer) if answer.body.len() <= self.max_response_bytes => written(answer),
            Some(answer) => replaced(written(answer), body, &ErrorCode::RESPONSE_TOO_LARGE.into()),
            None => replaced(WrittenAnswer::new(Vec::new(), AnswerStatus::Success), body, &ErrorObject::internal()),
        };
        let mut room = reserved.unwrap_or_else(|| ByteRoom::new(load));
        if let Err(full) = room.fit(answer.body.len()) {
            self.withhold(&mut answer, body, full);
            room.fit_up_to(answer.body.len());
        }
        answer.room = Some(room);
        answer
    }

    /// Returns the answer to a client that asks about the server before it sends calls.
    pub(super) async fn announce(&self, request: Arc<RequestContext>) -> WrittenAnswer {
        match run(|| self.dispatch.announce(request)).await {
            Some(answer) if answer.body.len() <= self.max_response_bytes => written(answer),
            Some(_) => refused(&ErrorCode::RESPONSE_TOO_LARGE.into()),
            None => refused(&ErrorObject::internal()),
        }
    }

    /// Replaces an answer for which there is no room.
    pub(super) fn withhold(&self, answer: &mut WrittenAnswer, body: &Bytes, full: CapacityError) {
        let given = std::mem::replace(answer, WrittenAnswer::new(Vec::new(), AnswerStatus::Success));
        *answer = replaced(given, body, &withheld(full));
    }

    /// Refuses access that requires roles. No caller has roles here, since HTTP alone does not authenticate.
    pub(super) fn deny(roles: &[&str]) -> Box<WrittenAnswer> {
        Box::new(WrittenAnswer::lacking(Denial::Unauthenticated, roles))
    }
}

/// Runs the user's code. Returns `None` if it panics. Contains a panic that occurs while its future is dropped.
async fn run(begin: impl FnOnce() -> BoxFuture<Answer>) -> Option<Answer> {
    let answered = match contain(begin) {
        Some(future) => AssertUnwindSafe(CatchDropPanic::new(future)).catch_unwind().await.map_err(defuse).ok(),
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

fn written(answer: Answer) -> WrittenAnswer {
    let status = match answer.status {
        // An informational status is not final, and the connection would end without a final response.
        AnswerStatus::Refused(code, status) if status.is_informational() => {
            AnswerStatus::Refused(code, StatusCode::INTERNAL_SERVER_ERROR)
        }
        status => status,
    };
    let mut written = WrittenAnswer::new(answer.body.into(), status);
    written.headers = answer.headers.map(of_answer);
    written.stream = answer.stream.filter(|_| status == AnswerStatus::Success);
    written
}

/// Removes the headers that only HTTP may set. Wrong values would break the connection.
fn of_answer(mut headers: Box<HeaderMap>) -> Box<HeaderMap> {
    for name in OF_HTTP {
        headers.remove(name);
    }
    headers
}

/// Replaces the answers to all calls of a request with an error. Headers about calls that no handler has seen are kept.
fn replaced(given: WrittenAnswer, body: &Bytes, error: &ErrorObject) -> WrittenAnswer {
    // The size of the body is limited already, and the `Dispatch` decides what else it accepts.
    let limits = ParseLimits::default().max_entries(usize::MAX).max_id_bytes(usize::MAX).max_method_bytes(usize::MAX);
    let mut answer = WrittenAnswer { body: Vec::new(), status: AnswerStatus::Success, ..given };
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

/// Rejects a request without calls.
fn refused(error: &ErrorObject) -> WrittenAnswer {
    let mut answer = whole_error(IdRef::NULL, error);
    answer.status = AnswerStatus::Refused(error.code(), StatusCode::INTERNAL_SERVER_ERROR);
    answer
}
