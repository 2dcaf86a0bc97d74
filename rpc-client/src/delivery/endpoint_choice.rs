//! [`EndpointChoice`]: the endpoint of a delivery's attempts, and those of its failed attempts.

use std::sync::Arc;

use rpc_core::Effect;
use uuid::Uuid;

use super::entry::Entry;
use super::payload::Payload;
use crate::breaker::{CircuitState, Verdict};
use crate::endpoints::{AttemptEnd, EndpointAttempt, EndpointState, Pick};
use crate::engine::Engine;
use crate::reliability::retry::Retry;
use crate::runtime::Instant;

/// The endpoint of a delivery's attempts.
pub(super) struct EndpointChoice {
    /// The endpoint of the attempt in flight, or of the last one.
    pub(super) current: Arc<EndpointState>,
    /// The attempt in flight. Always `None` for a client with one endpoint and no circuit breaker for it: such a client
    /// has nothing to compare.
    pub(super) attempt: Option<EndpointAttempt>,
    /// The endpoints of failed attempts, and those that lack the store that the keys need. Once all endpoints were
    /// tried, only the last one stays.
    pub(super) tried: Vec<Arc<EndpointState>>,
    /// Whether there is no endpoint yet. `current` then stands for the first one.
    pub(super) is_unresolved: bool,
    /// The number of entries that the next attempt sends to another endpoint without a retry.
    pub(super) failing_over: usize,
    /// The hash of the calls' hash key.
    pub(super) hash_key: Option<u64>,
    /// When the last attempt was sent, after all that the client did before.
    pub(super) sent_at: Option<Instant>,
    /// Whether the client itself held the last request back until it failed.
    pub(super) was_held_back: bool,
    /// Whether it is the client's only endpoint and has a circuit breaker. Without an attempt in flight, the circuit
    /// then lets no attempt through.
    pub(super) is_guarded_single: bool,
}

impl EndpointChoice {
    /// Chooses the endpoint of the first attempt. For calls with a ticket and several endpoints, `find_store` does.
    #[inline]
    pub(super) fn first(engine: &Engine, payload: &Payload, hash_key: Option<u64>, has_ticket: bool) -> Self {
        engine.endpoints.start_health_checks();
        match engine.endpoints.only() {
            Some(only) if only.guards_single() => {
                let mut choice = Self::of(Arc::clone(only), hash_key);
                choice.is_guarded_single = true;
                choice.begin_at_single(engine, payload);
                choice
            }
            Some(only) => Self::of(Arc::clone(only), hash_key),
            None => {
                engine.endpoints.start_discovery();
                if has_ticket && !engine.endpoints.are_none() {
                    return Self::of(engine.endpoints.fallback(), hash_key);
                }
                Self::first_of_many(engine, payload, hash_key)
            }
        }
    }

    fn first_of_many(engine: &Engine, payload: &Payload, hash_key: Option<u64>) -> Self {
        let (endpoints, may_test) = (&engine.endpoints, may_test(payload, &engine.settings.retry));
        let pick = Pick { hash_key, may_test, ..Pick::first(Instant::now()) };
        let Some(attempt) = endpoints.begin(&pick) else {
            // The first set may arrive at any time. After it, the fallback is an endpoint.
            let is_unresolved = endpoints.are_none();
            let fallback = endpoints.fallback();
            if is_unresolved {
                return Self { is_unresolved: true, ..Self::of(fallback, hash_key) };
            }
            let attempt = Some(endpoints.begin_at(Arc::clone(&fallback)));
            return Self { attempt, ..Self::of(fallback, hash_key) };
        };
        let choice = Self::of(Arc::clone(attempt.endpoint()), hash_key);
        Self { attempt: Some(attempt), ..choice }
    }

    #[inline]
    fn of(current: Arc<EndpointState>, hash_key: Option<u64>) -> Self {
        Self {
            current,
            attempt: None,
            tried: Vec::new(),
            is_unresolved: false,
            failing_over: 0,
            hash_key,
            sent_at: None,
            was_held_back: false,
            is_guarded_single: false,
        }
    }

    /// Makes the choice for a call that continues after an attempt of another delivery.
    pub(super) fn after(other: &Self) -> Self {
        let next = Self::of(Arc::clone(&other.current), other.hash_key);
        Self { tried: other.tried.clone(), is_guarded_single: other.is_guarded_single, ..next }
    }

    /// Begins an attempt at the client's only endpoint, if its circuit allows that.
    pub(super) fn begin_at_single(&mut self, engine: &Engine, payload: &Payload) {
        let may_test = may_test(payload, &engine.settings.retry);
        self.attempt = engine.endpoints.begin(&Pick { may_test, ..Pick::first(Instant::now()) });
    }

    /// Returns whether the endpoint needs to know how the attempt ends.
    #[inline]
    pub(super) fn is_tracked(&self) -> bool {
        self.attempt.is_some()
    }

    /// Returns whether the circuit of the client's only endpoint lets no attempt through.
    pub(super) fn is_cut_off(&self) -> bool {
        self.is_guarded_single && self.attempt.is_none()
    }

    /// Returns whether the circuit of the client's only endpoint would let through at most a test.
    pub(super) fn forbids_retry(&self) -> bool {
        self.is_guarded_single && self.current.circuit() != CircuitState::Closed
    }

    /// Ends the attempt. If it failed, adds its endpoint to `tried`.
    pub(super) fn end(&mut self, end: AttemptEnd<'_>, now: Instant) {
        let Some(attempt) = self.attempt.take() else { return };
        if matches!(end.verdict, Verdict::Failure | Verdict::RateFailure) || (end.timed_out && !self.was_held_back) {
            self.tried.push(Arc::clone(&self.current));
        }
        attempt.end(end, now);
    }

    /// Returns what the pick of the next endpoint depends on.
    pub(super) fn pick(&self, store: Option<Uuid>, may_test: bool, now: Instant) -> Pick<'_> {
        Pick { tried: &self.tried, store, is_known: false, hash_key: self.hash_key, may_test, now }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.tried.last().is_some_and(|tried| Arc::ptr_eq(tried, &self.current))
    }
}

/// Returns whether the calls may test an endpoint that has failed. The client must be able to retry them if the test
/// fails, whatever it may have done.
pub(super) fn may_test(payload: &Payload, client: &Retry) -> bool {
    let is_repeatable = |entry: &Entry| entry.effect != Effect::Once || entry.key().is_some();
    payload.pending().all(|entry| is_repeatable(entry) && !entry.retry(client).is_never())
}
