//! Moves a delivery from endpoint to endpoint. A retry goes to another endpoint. An entry that may have run goes only
//! to an endpoint with the store that knows of its key.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::Delivery;
use super::endpoint_choice::may_test;
use super::probe::{Probe, ProbeTime, is_unauthorized};
use crate::breaker::Verdict;
use crate::endpoints::{AttemptEnd, EndpointAttempt, EndpointState, Pick};
use crate::failure::{Failure, FailureKind};
use crate::reliability::keys::StoreMatch;
use crate::runtime::Instant;
use crate::telemetry;

/// How many endpoints a delivery asks for their store before each attempt, at most. Each question takes time from the
/// call.
const MAX_PROBES: usize = 16;

impl Delivery {
    /// Ends the attempt at its endpoint. Returns whether another endpoint is left for entries that were not sent.
    pub(super) fn end_attempt(&mut self, verdict: Verdict, timed_out: bool, retry_after: Option<Duration>) -> bool {
        if !self.endpoint.is_tracked() {
            return false;
        }
        let now = Instant::now();
        let is_batch = self.payload.is_batch();
        let Some(entry) = self.payload.entries().first() else { return false };
        let took = self.endpoint.sent_at.map_or(Duration::ZERO, |sent| now - sent);
        let verdict = if self.endpoint.was_held_back { Verdict::Ignored } else { verdict };
        let end = AttemptEnd { verdict, timed_out, method: &entry.method.name, is_batch, took, retry_after };
        self.endpoint.end(end, now);
        let store = self.plan.required_store(&self.payload);
        let pick = Pick { is_known: true, ..self.endpoint.pick(store, false, now) };
        !self.endpoint.was_held_back && !self.endpoint.is_guarded_single && self.engine.endpoints.has(&pick)
    }

    /// Begins the next attempt: at another endpoint, if the last attempt failed because of its endpoint.
    pub(super) async fn move_on(&mut self) {
        let mut next = None;
        if self.endpoint.has_failed() {
            next = self.find_endpoint().await;
            if next.is_none() {
                // All endpoints were tried. The next round starts, and avoids only the last endpoint.
                self.endpoint.tried = vec![Arc::clone(&self.endpoint.current)];
                next = self.find_endpoint().await;
            }
        }
        self.begin_at(next);
    }

    /// Begins the first attempt of calls with a ticket, at an endpoint that has their store.
    pub(super) async fn find_store(&mut self) {
        // A gateway may check the credentials of each probe. If they cannot be fetched, the attempt reports that.
        let found = match self.authorize(self.deadline()).await {
            Ok(_) => self.find_endpoint().await,
            Err(_) => None,
        };
        self.endpoint.tried.clear();
        // If no endpoint is known to have the store, any endpoint can say that it has another one.
        let any = || self.engine.endpoints.begin(&self.endpoint.pick(None, false, Instant::now()));
        let next = found.or_else(any);
        self.begin_at(next);
    }

    /// Waits for the first endpoints of the client, and begins the attempt at one of them. Returns the time after that.
    ///
    /// # Errors
    ///
    /// There is no endpoint at this time.
    pub(super) async fn resolve_endpoint(&mut self, until: Instant) -> Result<Instant, Failure> {
        self.engine.endpoints.wait(until).await?;
        self.endpoint.is_unresolved = false;
        self.endpoint.current = self.engine.endpoints.fallback();
        telemetry::moved(&mut self.watching, &self.endpoint.current.labels);
        if self.plan.is_pinned() {
            self.find_store().await;
        } else {
            let next = self.find_endpoint().await;
            self.begin_at(next);
        }
        let now = Instant::now();
        if now < until { Ok(now) } else { Err(Failure::new(FailureKind::Expired)) }
    }

    /// Makes `next` the attempt in flight. Without it, begins another attempt at the current endpoint.
    fn begin_at(&mut self, next: Option<EndpointAttempt>) {
        let next = next.unwrap_or_else(|| self.engine.endpoints.begin_at(Arc::clone(&self.endpoint.current)));
        let failing_over = std::mem::take(&mut self.endpoint.failing_over);
        if !Arc::ptr_eq(next.endpoint(), &self.endpoint.current) {
            if failing_over > 0 {
                self.engine.observer.meter().failovers(failing_over);
            }
            self.endpoint.current = Arc::clone(next.endpoint());
            self.plan.move_to(&self.payload, &self.endpoint.current.store, Instant::now());
            telemetry::moved(&mut self.watching, &self.endpoint.current.labels);
        }
        self.endpoint.attempt = Some(next);
    }

    /// Begins an attempt at an endpoint that was not tried, and that has the store that the keys need.
    async fn find_endpoint(&mut self) -> Option<EndpointAttempt> {
        let store = self.plan.required_store(&self.payload);
        let may_test = may_test(&self.payload, &self.engine.settings.retry);
        let pick = self.endpoint.pick(store, may_test, Instant::now());
        let Some(store) = store else { return self.engine.endpoints.begin(&pick) };
        // An endpoint that is known to have the store needs no question.
        if let Some(attempt) = self.engine.endpoints.begin(&Pick { is_known: true, ..pick }) {
            return Some(attempt);
        }
        let enough = self.half_of_the_time();
        for _ in 0..MAX_PROBES {
            let now = Instant::now();
            // A pinned client is pinned to the endpoint only once that is known to have the store.
            let endpoint = self.engine.endpoints.peek(&self.endpoint.pick(Some(store), may_test, now))?;
            if now >= enough {
                return None;
            }
            if self.has_store(&endpoint, store).await {
                let pick = self.endpoint.pick(Some(store), may_test, Instant::now());
                return self.engine.endpoints.begin(&Pick { is_known: true, ..pick });
            }
            self.endpoint.tried.push(endpoint);
        }
        None
    }

    /// Returns the latest deadline of the pending entries.
    pub(super) fn deadline(&self) -> Instant {
        self.payload.pending().map(|entry| entry.deadline).max().unwrap_or_else(Instant::now)
    }

    /// Returns when half of the time that the calls have left is over.
    fn half_of_the_time(&self) -> Instant {
        let now = Instant::now();
        now + self.deadline().saturating_duration_since(now) / 2
    }

    /// Returns whether an endpoint has this store. Probes the endpoint if that is not known.
    async fn has_store(&mut self, endpoint: &EndpointState, store: Uuid) -> bool {
        let credentials = self.engine.credentials.clone();
        let renewable = credentials.filter(|held| self.authorization.may_renew(held));
        let asked = self.ask_store(endpoint, store, renewable.is_some()).await;
        if let Some(credentials) = renewable.filter(|_| asked.is_err_and(|failure| is_unauthorized(&failure))) {
            self.authorization.renew(&credentials);
            if self.authorize(self.deadline()).await.is_ok() {
                let _ = self.ask_store(endpoint, store, false).await;
            }
        }
        endpoint.store.matches(store, Instant::now()) == StoreMatch::Same
    }

    /// Probes an endpoint, unless it is known whether it has this store.
    ///
    /// The probe saves what the answer says in `endpoint.store`. Without an answer, the endpoint does not match.
    async fn ask_store(&self, endpoint: &EndpointState, store: Uuid, may_renew: bool) -> Result<(), Failure> {
        let (now, deadline) = (Instant::now(), self.deadline());
        if endpoint.store.matches(store, now) == StoreMatch::Unknown && now < deadline {
            let probe = Probe { engine: &self.engine, endpoint, headers: self.headers.as_deref(), may_renew };
            probe.store(ProbeTime::of_call(now, deadline, deadline - self.start)).await?;
        }
        Ok(())
    }
}
