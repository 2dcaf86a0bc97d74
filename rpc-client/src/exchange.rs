use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::time::{Instant, timeout_at};

use crate::client::Inner;
use crate::failure::{Failure, Kind, Outcome};
use crate::transport::Request;

/// Keeps this much of an answer whose HTTP status is an error.
const BODY_START: usize = 4096;

/// Waits this long for it.
const BODY_START_TIME: Duration = Duration::from_secs(1);

/// What came back for a request.
pub(crate) struct Exchanged {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends one request once and reads its answer, within its deadline, which is so far away, and within the size that is
/// allowed.
pub(crate) async fn exchange(inner: &Inner, request: Request, left: Duration) -> Result<Exchanged, Failure> {
    let deadline = Instant::from_std(request.deadline);
    let progress = request.progress.clone();
    let answer = timeout_at(deadline, send(inner, request, deadline)).await;
    let answer = answer.unwrap_or_else(|_| Err(Failure::new(Kind::Timeout(left))));
    answer.map_err(|failure| {
        // Whatever it failed with, a request that was held back until the end has reached nobody.
        if progress.is_held() { failure.with_outcome(Outcome::NotSent) } else { failure }
    })
}

async fn send(inner: &Inner, request: Request, deadline: Instant) -> Result<Exchanged, Failure> {
    let reply = inner.transport.send(request).await?;
    if let Some(status) = reply.status.filter(|status| !status.is_success()) {
        // The status is known by now, so a body that breaks off or stalls takes nothing away from it, nor much time.
        let body = reply.body.start(BODY_START, deadline.min(Instant::now() + BODY_START_TIME)).await;
        return Err(Failure::new(Kind::Status(status, reply.headers, body)));
    }
    let limit = inner.settings.max_response_bytes;
    match reply.body.read(limit).await? {
        (body, true) => Ok(Exchanged { headers: reply.headers, body }),
        (_, false) => Err(Failure::new(Kind::AnswerTooLarge(limit))),
    }
}
