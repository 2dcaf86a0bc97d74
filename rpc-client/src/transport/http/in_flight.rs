//! Retires HTTP/2 connections that fall silent, so that new requests do not join a dead one. [`InFlightRequest`]
//! follows one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper_util::client::legacy::connect::CaptureConnection;
use tokio::time::Instant;

use crate::transport::Progress;

/// When an HTTP/2 connection last finished an answer, in microseconds since `start`. 0 before the first.
///
/// hyper-util stores it with the connection. Only HTTP/2 connections have it.
#[derive(Clone, Debug)]
pub(super) struct LastAnswer(Arc<LastAnswerInner>);

#[derive(Debug)]
struct LastAnswerInner {
    start: Instant,
    micros: AtomicU64,
}

impl LastAnswer {
    pub(super) fn new() -> Self {
        Self(Arc::new(LastAnswerInner { start: Instant::now(), micros: AtomicU64::new(0) }))
    }

    fn micros(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.0.start);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn note(&self) {
        self.0.micros.fetch_max(self.micros(Instant::now()), Ordering::Relaxed);
    }

    fn is_after(&self, begun: Instant) -> bool {
        self.0.micros.load(Ordering::Relaxed) > self.micros(begun)
    }
}

/// A request that may use HTTP/2, from its start to the end of its answer.
///
/// Requests share an HTTP/2 connection. A connection that falls silent with an open socket would take all further
/// requests. So once a request that was begun after the connection's last answer times out, the connection takes no
/// more requests. Over HTTP/1.1 hyper closes the connection of any request that is given up.
#[derive(Debug)]
pub(super) struct InFlightRequest {
    pub(super) connection: CaptureConnection,
    progress: Progress,
    pub(super) begun: Instant,
    /// Whether the head of its answer has arrived.
    pub(super) has_answer: bool,
}

impl InFlightRequest {
    pub(super) fn new(connection: CaptureConnection, progress: Progress) -> Self {
        Self { connection, progress, begun: Instant::now(), has_answer: false }
    }
}

impl Drop for InFlightRequest {
    fn drop(&mut self) {
        let connection = self.connection.connection_metadata();
        let Some(connection) = &*connection else { return };
        let mut extras = http::Extensions::new();
        connection.get_extras(&mut extras);
        let Some(last_answer) = extras.get::<LastAnswer>() else { return };
        match self.progress.has_timed_out() {
            // A connection that answers other requests is alive, and only this call is slow.
            true if !last_answer.is_after(self.begun) => connection.poison(),
            false if self.has_answer => last_answer.note(),
            _ => {}
        }
    }
}
