//! [`EndpointAttempt`]: an attempt that its endpoint counts as in flight until it ends.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::live::LiveEndpoints;
use super::state::EndpointState;
use crate::breaker::{Breaker, CircuitState, Permit, Verdict};
use crate::runtime::Instant;

/// An attempt that its endpoint counts as in flight.
///
/// An attempt that is dropped without [`end`](Self::end) says nothing about the endpoint: the caller cancelled it.
pub(crate) struct EndpointAttempt {
    live: Arc<LiveEndpoints>,
    endpoint: Arc<EndpointState>,
    /// `None` once the circuit breaker knows the result.
    permit: Option<Permit>,
}

/// How an attempt ended.
#[derive(Clone, Copy)]
pub(crate) struct AttemptEnd<'a> {
    pub(crate) verdict: Verdict,
    /// Whether no answer came in time. If the time was short, that says nothing about the endpoint.
    pub(crate) timed_out: bool,
    /// The method of the call, or of the first call of a batch.
    pub(crate) method: &'a str,
    pub(crate) is_batch: bool,
    pub(crate) took: Duration,
    /// How long the server asks to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl EndpointAttempt {
    pub(super) fn new(live: &Arc<LiveEndpoints>, endpoint: Arc<EndpointState>) -> Self {
        let permit = endpoint.breaker.as_ref().map(Breaker::begin);
        Self::with_permit(live, endpoint, permit)
    }

    /// Begins an attempt that tests an endpoint whose circuit is not closed.
    pub(super) fn test(live: &Arc<LiveEndpoints>, endpoint: Arc<EndpointState>, permit: Permit) -> Self {
        Self::with_permit(live, endpoint, Some(permit))
    }

    fn with_permit(live: &Arc<LiveEndpoints>, endpoint: Arc<EndpointState>, permit: Option<Permit>) -> Self {
        endpoint.pending.fetch_add(1, Ordering::Relaxed);
        Self { live: Arc::clone(live), endpoint, permit }
    }

    pub(crate) fn endpoint(&self) -> &Arc<EndpointState> {
        &self.endpoint
    }

    /// Tells the endpoint how the attempt ended.
    pub(crate) fn end(mut self, end: AttemptEnd<'_>, now: Instant) {
        let AttemptEnd { verdict, timed_out, method, is_batch, took, retry_after } = end;
        let had_time = !timed_out || self.live.methods.is_slow(method, is_batch, took);
        let verdict = if had_time { verdict } else { Verdict::Ignored };
        match verdict {
            Verdict::Success => {
                let relative = self.live.methods.relative(method, is_batch, took);
                self.endpoint.load.add(relative, now);
            }
            Verdict::Failure | Verdict::RateFailure => self.endpoint.load.penalize(retry_after, now),
            Verdict::Ignored => {}
        }
        self.record(verdict, now);
    }

    /// Tells the circuit breaker alone how a test ended that was a health check.
    pub(super) fn end_check(mut self, verdict: Verdict, now: Instant) {
        self.record(verdict, now);
    }

    /// Tells the circuit breaker the result, once.
    fn record(&mut self, verdict: Verdict, now: Instant) {
        if let (Some(breaker), Some(permit)) = (&self.endpoint.breaker, self.permit.take())
            && let Some(state) = breaker.record(permit, verdict, now, rand::random)
        {
            if state == CircuitState::Closed {
                self.endpoint.load.end_penalty();
            }
            self.live.circuit_changed(&self.endpoint, state, now);
        }
    }
}

impl Drop for EndpointAttempt {
    fn drop(&mut self) {
        self.record(Verdict::Ignored, Instant::now());
        self.endpoint.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for EndpointAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}
