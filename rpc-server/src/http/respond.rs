//! Makes HTTP responses from answers: status, `Rpc-Status`, content type and headers. `answer`, `pages` and
//! `non_call_request` use it. `answer_body` makes the body.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;
use rpc_core::headers::RPC_STATUS;
use rpc_core::{AnswerStatus, ErrorCode};

use super::answer_body::AnswerBody;
use super::state::HttpState;
use crate::dispatch::WrittenAnswer;
use crate::load::{ByteRoom, ConnectionLoad};

const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) fn respond(answer: WrittenAnswer, load: &Arc<ConnectionLoad>) -> Response<AnswerBody> {
    let mut room = ByteRoom::new(load);
    room.fit_up_to(answer.body.len());
    respond_with(answer, room, HeaderMap::new())
}

/// Makes a response from the backend's answer to a request without calls. Counts a refusal. The backend has already
/// counted sheds.
pub(super) fn respond_for_backend(
    http_state: &HttpState,
    answer: WrittenAnswer,
    load: &Arc<ConnectionLoad>,
) -> Response<AnswerBody> {
    if let AnswerStatus::Refused(_, status) = answer.status {
        http_state.meter.refused(status);
    }
    respond(answer, load)
}

/// Makes a response, and uses this empty map for its headers.
pub(super) fn respond_with(answer: WrittenAnswer, room: ByteRoom, mut headers: HeaderMap) -> Response<AnswerBody> {
    let (status, fared) = match answer.status {
        AnswerStatus::Success => (StatusCode::OK, HeaderValue::from_static("0")),
        AnswerStatus::Error(code) => (StatusCode::OK, code.get().into()),
        AnswerStatus::Batch { failures } => (StatusCode::OK, failures.into()),
        AnswerStatus::Refused(code, status) => (status, code.get().into()),
        // `AnswerStatus` is non-exhaustive. Give each new variant an arm of its own.
        _ => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::INTERNAL_ERROR.get().into()),
    };
    headers.insert(RPC_STATUS, fared);
    if !answer.body.is_empty() {
        headers.insert(CONTENT_TYPE, APPLICATION_JSON);
    }
    if let Some(more) = answer.headers {
        headers.extend(*more);
    }
    let mut response = Response::new(AnswerBody::counted(answer.body, room));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Removes the body of a response and sets `Content-Length` to its length. hyper does not set it over HTTP/2.
pub(super) fn without_body(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response.map(|_| AnswerBody::new(Bytes::new()))
}
