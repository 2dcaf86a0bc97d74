//! Asks a server for its store of idempotency keys.

use bytes::Bytes;
use http::HeaderMap;

use crate::endpoint::Endpoint;
use crate::engine::Engine;
use crate::exchange::{AttemptTimeout, Exchange};
use crate::failure::Failure;
use crate::reliability::keys::Known;
use crate::runtime::{Instant, timeout_at};
use crate::transport::{Progress, Request};

/// Asks the server at an endpoint, with the headers of a call.
#[derive(Clone, Copy)]
pub(crate) struct Probe<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) headers: Option<&'a HeaderMap>,
}

impl Probe<'_> {
    /// Asks for the server's store, if nobody else has asked meanwhile. Fails only where nothing of it reached the
    /// server.
    pub(super) async fn store(self, until: Instant) -> Result<Known, Failure> {
        let store = &self.endpoint.store;
        let Ok(_turn) = timeout_at(until, store.asking.lock()).await else { return Ok(Known::Nothing) };
        let now = Instant::now();
        let known = store.current(now);
        if known != Known::Nothing {
            return Ok(known);
        }
        let answer = self.send(self.engine.headers.of_probe(self.headers), until).await;
        if answer.as_ref().is_err_and(Failure::is_expired) {
            // It has waited for a connection all the time, which the call itself may do for longer.
            return Ok(Known::Nothing);
        }
        store.learn(answer, now)
    }

    /// Asks for the server's store, its time, and whose the keys of the call are.
    pub(crate) async fn scope(self, until: Instant) -> Result<HeaderMap, Failure> {
        let ask = || {
            let left = until.saturating_duration_since(Instant::now());
            self.send(self.engine.headers.of_scope_probe(self.headers, left), until)
        };
        match ask().await {
            // An idle connection may be gone, and to ask once more does no harm.
            Err(failure) if failure.is_transport() => ask().await,
            answer => answer,
        }
    }

    async fn send(self, headers: HeaderMap, until: Instant) -> Result<HeaderMap, Failure> {
        let begun = Instant::now();
        let progress = Progress::default();
        let request = Request { body: Bytes::new(), headers, deadline: until.into_std(), progress: progress.clone() };
        let reply = self.endpoint.transport.probe(request);
        let timeout = AttemptTimeout { until, soft: None };
        let max_bytes = self.engine.settings.max_response_bytes;
        let answer = Exchange { reply, progress, begun, timeout, max_bytes }.receive(|| true).await;
        answer.map(|exchanged| exchanged.headers)
    }
}
