use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::time::{Instant, timeout_at};

use crate::client::{Client, Inner};
use crate::failure::{Failure, Kind};
use crate::transport::Request;

/// Keeps this much of an answer whose HTTP status is an error.
const BODY_START: usize = 4096;

/// Waits this long for it.
const BODY_START_TIME: Duration = Duration::from_secs(1);

/// Sends one request and reads its answer, within the time and the size that are allowed.
pub(crate) async fn exchange(
    client: &Client,
    body: Vec<u8>,
    headers: Option<&HeaderMap>,
    budget: Duration,
) -> Result<Bytes, Failure> {
    if budget.is_zero() {
        return Err(Failure::new(Kind::Expired));
    }
    // A budget beyond what a clock can hold is a very long time, and a year is one.
    let now = Instant::now();
    let deadline = now.checked_add(budget).unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 60 * 60));
    let inner = &*client.inner;
    let request =
        Request { body: body.into(), headers: merge(&inner.settings.headers, headers), deadline: deadline.into_std() };
    let answer = timeout_at(deadline, send(inner, request, deadline)).await;
    answer.unwrap_or_else(|_| Err(Failure::new(Kind::Timeout(budget))))
}

async fn send(inner: &Inner, request: Request, deadline: Instant) -> Result<Bytes, Failure> {
    let reply = inner.transport.send(request).await?;
    if let Some(status) = reply.status.filter(|status| !status.is_success()) {
        // The status is known by now, so a body that breaks off or stalls takes nothing away from it, nor much time.
        let body = reply.body.start(BODY_START, deadline.min(Instant::now() + BODY_START_TIME)).await;
        return Err(Failure::new(Kind::Status(status, reply.headers, body)));
    }
    let limit = inner.settings.max_response_bytes;
    match reply.body.read(limit).await? {
        (body, true) => Ok(body),
        (_, false) => Err(Failure::new(Kind::AnswerTooLarge(limit))),
    }
}

fn merge(base: &Arc<HeaderMap>, extra: Option<&HeaderMap>) -> Arc<HeaderMap> {
    let mut headers = Arc::clone(base);
    // Most calls and batches have no headers of their own, and share the client's.
    if let Some(extra) = extra.filter(|extra| !extra.is_empty()) {
        let headers = Arc::make_mut(&mut headers);
        for (name, value) in extra {
            headers.insert(name, value.clone());
        }
    }
    headers
}
