//! Retires HTTP/2 connections that fall silent, so that new requests do not join a dead one. [`InFlight`] follows one
//! request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper_util::client::legacy::connect::CaptureConnection;
use tokio::time::Instant;

use crate::transport::Progress;

/// When an HTTP/2 connection last brought an answer to its end, in microseconds since `start`. 0 before the first.
///
/// hyper-util keeps it with the connection, which only HTTP/2 connections have.
#[derive(Clone, Debug)]
pub(super) struct LastAnswer(Arc<Times>);

#[derive(Debug)]
struct Times {
    start: Instant,
    micros: AtomicU64,
}

impl LastAnswer {
    pub(super) fn new() -> Self {
        Self(Arc::new(Times { start: Instant::now(), micros: AtomicU64::new(0) }))
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

/// A request over what may be HTTP/2, from its beginning to the end of its answer.
///
/// Requests share an HTTP/2 connection. One that falls silent, while its socket stays open, would take all further
/// requests. So a connection takes no more of them once a request has timed out on it that was begun after its last
/// answer. Over HTTP/1.1 hyper closes the connection of any request that is given up.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) connection: CaptureConnection,
    progress: Progress,
    pub(super) begun: Instant,
    /// Whether the head of its answer has come.
    pub(super) has_answer: bool,
}

impl InFlight {
    pub(super) fn new(connection: CaptureConnection, progress: Progress) -> Self {
        Self { connection, progress, begun: Instant::now(), has_answer: false }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let connection = self.connection.connection_metadata();
        let Some(connection) = &*connection else { return };
        let mut extras = http::Extensions::new();
        connection.get_extras(&mut extras);
        let Some(last_answer) = extras.get::<LastAnswer>() else { return };
        match self.progress.has_timed_out() {
            // A connection that answers others is alive, and this call is slow.
            true if !last_answer.is_after(self.begun) => connection.poison(),
            false if self.has_answer => last_answer.note(),
            _ => {}
        }
    }
}
