//! One request and its response, within the limits of time and size. HTTP errors become failures here. A failure states
//! whether the request was sent.

use std::pin::pin;

use bytes::Bytes;
use http::StatusCode;
use rpc_core::headers::{RPC_FAULT, RPC_REFUSED};
use rpc_core::{BoxFuture, Outcome, codec};

use crate::failure::{Failure, FailureKind, HttpError};
use crate::meta::ResponseMeta;
use crate::runtime::{Instant, timeout_at};
use crate::transport::{Progress, Reply};

/// A request in flight, and the limits of time and size for its answer.
pub(crate) struct Exchange {
    pub(crate) reply: BoxFuture<Result<Reply, Failure>>,
    pub(crate) progress: Progress,
    pub(crate) begun: Instant,
    pub(crate) timeout: AttemptTimeout,
    pub(crate) max_bytes: usize,
}

/// The response to a request.
pub(crate) struct ReceivedResponse {
    pub(crate) head: ResponseMeta,
    pub(crate) body: Bytes,
}

/// How long the client waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttemptTimeout {
    /// The latest time.
    pub(crate) until: Instant,
    /// When to give up in favour of another attempt, if one may follow.
    pub(crate) soft: Option<Instant>,
}

impl Exchange {
    /// Reads the answer, within the limits of time and size.
    ///
    /// `gives_up` is called once, at the soft time limit.
    pub(crate) async fn receive(self, gives_up: impl FnOnce() -> bool) -> Result<ReceivedResponse, Failure> {
        let Self { reply, progress, begun, timeout, max_bytes } = self;
        let mut answer = pin!(read(reply, timeout.until, max_bytes));
        let first = timeout.soft.unwrap_or(timeout.until);
        let mut came = timeout_at(first, answer.as_mut()).await;
        if came.is_err() && first < timeout.until && !gives_up() {
            came = timeout_at(timeout.until, answer).await;
        }
        let came = came.unwrap_or_else(|_| {
            progress.time_out();
            Err(Failure::new(FailureKind::Timeout(begun.elapsed())))
        });
        came.map_err(|failure| {
            // Whatever the error is, a request that was held back until the end has not reached the server.
            if progress.revoke() { failure.with_outcome(Outcome::NotSent) } else { failure }
        })
    }
}

/// Reads an answer, within the limit of its size. An HTTP error that has arrived is read until the deadline.
pub(crate) async fn read(
    reply: BoxFuture<Result<Reply, Failure>>,
    deadline: Instant,
    max_bytes: usize,
) -> Result<ReceivedResponse, Failure> {
    let mut reply = reply.await?;
    if reply.status.is_some_and(|status| status != StatusCode::OK && status.is_success()) {
        // This framework's server answers with 200 or with an error status. A call that any other status marks as
        // refused may have run.
        if let Some(refused) = reply.headers.remove(RPC_REFUSED) {
            reply.headers.insert(RPC_FAULT, refused);
        }
    }
    if let Some(status) = reply.status.filter(|status| !status.is_success()) {
        return Err(http_error(status, reply, deadline, max_bytes).await);
    }
    match reply.body.read(max_bytes).await? {
        (body, true) => {
            Ok(ReceivedResponse { head: ResponseMeta { status: reply.status, headers: reply.headers }, body })
        }
        (body, false) => Err(Failure::new(FailureKind::AnswerTooLarge(max_bytes)).with_body(&body)),
    }
}

/// Reads the response of an HTTP error status.
///
/// The status is already known, so a body that breaks off or stalls does not hide it, and costs little time.
async fn http_error(status: StatusCode, reply: Reply, deadline: Instant, max_bytes: usize) -> Failure {
    let Reply { headers, body, .. } = reply;
    // Many servers send JSON-RPC errors with these statuses. Other statuses may come from a gateway in the server's
    // name.
    let may_answer = (status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS)
        || status == StatusCode::INTERNAL_SERVER_ERROR;
    let may_answer = may_answer && !headers.contains_key(RPC_REFUSED);
    let (body, is_whole) = body.of_error(if may_answer { max_bytes } else { 0 }, deadline).await;
    let text = if is_whole { std::str::from_utf8(&body).ok() } else { None };
    let error = text.and_then(codec::error_of);
    let is_json = text.is_some_and(|text| text.trim_ascii_start().starts_with(['{', '[']));
    let answer = (may_answer && is_json).then(|| body.clone());
    Failure::new(FailureKind::Status(HttpError { status, headers, error, answer })).with_body(&body)
}
