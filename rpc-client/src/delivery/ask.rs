use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use rpc_core::headers::{ASKS_SCOPE, RPC_IDEMPOTENCY, RPC_TIMEOUT_MS};
use tokio::time::{Instant, timeout_at};

use super::milliseconds;
use crate::client::Inner;
use crate::exchange::{Patience, receive};
use crate::failure::Failure;
use crate::reliability::keys::Known;
use crate::transport::{Progress, Request};

/// Asks the server for its store, if nobody else has asked meanwhile. Fails only where nothing of it reached the
/// server.
pub(super) async fn ask(inner: &Inner, headers: Option<&HeaderMap>, until: Instant) -> Result<Known, Failure> {
    let Ok(_turn) = timeout_at(until, inner.knowledge.asking.lock()).await else { return Ok(Known::Nothing) };
    let now = Instant::now();
    let known = inner.knowledge.current(now);
    if known != Known::Nothing {
        return Ok(known);
    }
    let answer = ask_head(inner, headers, None, until).await;
    if answer.as_ref().is_err_and(Failure::is_expired) {
        // It has waited for a connection all the time, which the call itself may do for longer.
        return Ok(Known::Nothing);
    }
    inner.knowledge.learn(answer, now)
}

/// Asks the server for its store, its time, and whose the keys of a call with these headers are.
pub(crate) async fn ask_for_ticket(
    inner: &Inner,
    headers: Option<&HeaderMap>,
    until: Instant,
) -> Result<HeaderMap, Failure> {
    let answer = ask_head(inner, headers, Some(ASKS_SCOPE), until).await;
    match answer {
        // An idle connection may be gone, and to ask once more does no harm.
        Err(failure) if failure.is_transport() => ask_head(inner, headers, Some(ASKS_SCOPE), until).await,
        answer => answer,
    }
}

/// Asks the server for the headers alone.
async fn ask_head(
    inner: &Inner,
    headers: Option<&HeaderMap>,
    question: Option<HeaderValue>,
    until: Instant,
) -> Result<HeaderMap, Failure> {
    let now = Instant::now();
    let mut all = HeaderMap::clone(&inner.settings.headers);
    for (name, value) in headers.into_iter().flatten() {
        all.insert(name, value.clone());
    }
    // There is no body that this would speak of.
    all.remove(CONTENT_TYPE);
    all.remove(RPC_TIMEOUT_MS);
    if let Some(question) = question {
        all.insert(RPC_IDEMPOTENCY, question);
        all.insert(RPC_TIMEOUT_MS, milliseconds(until.saturating_duration_since(now)));
    }
    let progress = Progress::default();
    let request = Request { body: Bytes::new(), headers: all, deadline: until.into_std(), progress: progress.clone() };
    let reply = inner.transport.probe(request);
    let answer = receive(inner, reply, &progress, now, Patience { until, soft: None }, || true).await;
    answer.map(|exchanged| exchanged.headers)
}
