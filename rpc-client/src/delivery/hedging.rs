//! Hedging: if the answer of an attempt is late, sends its request a second time, and takes the first usable answer.
//! `crate::hedge` decides when an answer is late. Only clients that hedge run this code.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rpc_core::{BoxFuture, Effect, Outcome};

use super::entry::{Entry, sort_out};
use super::{Delivery, next_turn};
use crate::breaker::{CircuitState, Verdict};
use crate::endpoints::{AttemptEnd, EndpointAttempt, EndpointState, Pick};
use crate::exchange::{AttemptTimeout, Exchange, ReceivedResponse, read};
use crate::failure::{Failure, FailureKind};
use crate::hedge::Hedging;
use crate::meter::Meter;
use crate::reliability::judge::{AnswerSource, RetryAfter, RetryContext, RetryDecision, judge};
use crate::reliability::verdict::{of_request, verdict};
use crate::replies::VersionCheck;
use crate::runtime::{Instant, timeout_at};
use crate::telemetry;
use crate::transport::Progress;

/// The requests of an attempt.
struct Race {
    first: RacingRequest,
    second: Option<SecondRequest>,
}

/// A request whose answer the client waits for.
struct RacingRequest {
    answer: BoxFuture<Result<ReceivedResponse, Failure>>,
    progress: Progress,
    /// How it ended. `None` while it is in flight.
    came: Option<Result<ReceivedResponse, Failure>>,
    judged: Option<JudgedResponse>,
}

struct SecondRequest {
    request: RacingRequest,
    endpoint: Arc<EndpointState>,
    /// As in `EndpointChoice`, `None` for a client with one endpoint.
    attempt: Option<EndpointAttempt>,
    sent_at: Instant,
    count: HedgeCount,
}

/// Which request gives the result of the attempt.
#[derive(Clone, Copy, PartialEq)]
enum Winner {
    First,
    Second,
}

/// What the answer to a request, or its failure, says about its calls and its endpoint.
struct JudgedResponse {
    /// Whether each call has an answer that the client would not retry.
    is_usable: bool,
    outcomes: Vec<Outcome>,
    verdict: Verdict,
    retry_after: Option<Duration>,
}

/// Counts a hedge when it ends, also if the caller cancels the call meanwhile.
struct HedgeCount {
    meter: Meter,
    calls: usize,
    /// Whether the second request answered them.
    won: bool,
}

impl Delivery {
    /// Returns when the second request of an attempt that is sent now is due, or `None` if there will be none.
    pub(super) fn hedge_at(&self, hedging: &Hedging, now: Instant, timeout: AttemptTimeout) -> Option<Instant> {
        if !self.may_hedge(hedging) {
            return None;
        }
        let entry = self.payload.pending().next()?;
        let delay = hedging.delay(&entry.method.name, self.payload.is_batch())?;
        let at = now.checked_add(delay)?;
        (at.checked_add(delay)? <= first_limit(timeout)).then_some(at)
    }

    /// Adds the response time of the attempt, which was answered, to those of its method.
    pub(super) fn add_response_time(&self, hedging: &Hedging) {
        let since = self.hedged.or(self.endpoint.sent_at);
        if let (Some(since), Some(entry)) = (since, self.payload.pending().next())
            && self.may_hedge(hedging)
        {
            hedging.add(&entry.method.name, self.payload.is_batch(), since.elapsed());
        }
    }

    /// Returns whether the pending calls may run twice at the same time, and a second request has an endpoint.
    fn may_hedge(&self, hedging: &Hedging) -> bool {
        let is_readonly = |entry: &Entry| {
            entry.effect == Effect::None && entry.id.is_some() && !entry.may_have_key() && !entry.opens_stream()
        };
        (self.engine.endpoints.are_many() || hedging.may_use_same_endpoint())
            && !self.plan.is_pinned()
            && self.payload.pending().all(is_readonly)
    }

    /// Reads the answer to the attempt's request. At `at`, sends the request a second time.
    ///
    /// If both requests fail, the result is the failure that leaves open the most: of a request that may have run, then
    /// of a refused one, then of one that was not sent. Of two equal ones, it is the first request's.
    pub(super) async fn receive_hedged(
        &mut self,
        exchange: Exchange,
        at: Instant,
        deadline: Instant,
    ) -> Result<ReceivedResponse, Failure> {
        let Exchange { reply, progress, begun, timeout, max_bytes } = exchange;
        let answer = Box::pin(read(reply, timeout.until, max_bytes));
        let mut race = Race { first: RacingRequest::new(answer, progress), second: None };
        let mut winner = timeout_at(at, self.winner(&mut race)).await.ok();
        if winner.is_none() {
            race.second = self.send_again(&race.first.progress, begun, timeout, deadline);
            winner = timeout_at(first_limit(timeout), self.winner(&mut race)).await.ok();
        }
        if winner.is_none() && timeout.soft.is_some_and(|soft| soft < timeout.until) {
            self.paid = next_turn(&self.engine, &self.payload, deadline);
            if self.paid.is_none() {
                winner = timeout_at(timeout.until, self.winner(&mut race)).await.ok();
            }
        }
        let winner = winner.unwrap_or_else(|| {
            race.time_out(begun);
            self.winner_of_failed(&mut race)
        });
        self.end_race(race, winner)
    }

    /// Sends the request of the attempt a second time, if that may help and the retry budget allows it at once.
    fn send_again(
        &mut self,
        first: &Progress,
        begun: Instant,
        timeout: AttemptTimeout,
        deadline: Instant,
    ) -> Option<SecondRequest> {
        let now = Instant::now();
        // If the client itself holds the request back, another one would wait as well.
        if first.is_held_back() || first_limit(timeout).saturating_duration_since(now) < now - begun {
            return None;
        }
        let (endpoint, attempt) = self.second_endpoint(now)?;
        let calls = self.payload.pending().count();
        if self.engine.throttles(now) {
            return None;
        }
        // A hedge without a budget is no failure, so it is not counted as an exhausted budget, for which users alert.
        self.engine.settings.retry_budget.withdraw(calls, now, Duration::ZERO)?;
        self.sent += 1;
        let (progress, meter) = (Progress::default(), self.engine.observer.meter());
        let headers = self.request_headers(&endpoint, deadline.saturating_duration_since(now));
        let request = self.request(headers, timeout.until, progress.clone());
        let send = |request| endpoint.transport.send(request);
        let reply = telemetry::wrap_hedge(&mut self.watching, self.sent, &endpoint.labels, request, send);
        let max_bytes = self.payload.max_response_bytes(self.engine.settings.max_response_bytes);
        let answer = Box::pin(read(reply, timeout.until, max_bytes));
        let (request, count) = (RacingRequest::new(answer, progress), HedgeCount { meter, calls, won: false });
        Some(SecondRequest { request, endpoint, attempt, sent_at: now, count })
    }

    /// Chooses the endpoint of the second request: another one, or the same one if the user allows that.
    fn second_endpoint(&self, now: Instant) -> Option<(Arc<EndpointState>, Option<EndpointAttempt>)> {
        let (endpoints, current) = (&self.engine.endpoints, &self.endpoint.current);
        let is_tracked = self.endpoint.is_tracked();
        if is_tracked {
            let tried: Vec<_> = self.endpoint.tried.iter().chain([current]).cloned().collect();
            let pick = Pick { tried: &tried, hash_key: self.endpoint.hash_key, ..Pick::first(now) };
            if let Some(attempt) = endpoints.begin_hedge(&pick, current.tier()) {
                return Some((Arc::clone(attempt.endpoint()), Some(attempt)));
            }
        }
        let may_stay = self.engine.hedging.as_ref().is_some_and(|hedging| hedging.may_use_same_endpoint());
        // The circuit counts one test at a time.
        let is_closed = current.is_usable() && current.circuit() == CircuitState::Closed;
        (may_stay && is_closed).then(|| {
            let attempt = is_tracked.then(|| endpoints.begin_at(Arc::clone(current)));
            (Arc::clone(current), attempt)
        })
    }

    /// Waits for the request that gives the result of the attempt. It can be called again after a timeout.
    async fn winner(&self, race: &mut Race) -> Winner {
        poll_fn(|cx| self.poll_winner(race, cx)).await
    }

    fn poll_winner(&self, race: &mut Race, cx: &mut Context<'_>) -> Poll<Winner> {
        let Race { first, second } = race;
        let Some(second) = second else { return first.poll(cx).map(|()| Winner::First) };
        let mut is_pending = false;
        for (request, winner) in [(first, Winner::First), (&mut second.request, Winner::Second)] {
            match request.poll(cx) {
                Poll::Ready(()) if self.judge_once(request).is_some_and(|judged| judged.is_usable) => {
                    return Poll::Ready(winner);
                }
                Poll::Ready(()) => {}
                Poll::Pending => is_pending = true,
            }
        }
        if is_pending { Poll::Pending } else { Poll::Ready(self.winner_of_failed(race)) }
    }

    /// Chooses which of two failed requests gives the result.
    fn winner_of_failed(&self, race: &mut Race) -> Winner {
        let Some(second) = &mut race.second else { return Winner::First };
        let openness = |request| self.judge_once(request).map_or(0, JudgedResponse::openness);
        if openness(&mut second.request) > openness(&mut race.first) { Winner::Second } else { Winner::First }
    }

    /// Makes the request that gives the result the one of the attempt, ends the other one, and returns the result.
    fn end_race(&mut self, race: Race, winner: Winner) -> Result<ReceivedResponse, Failure> {
        let Race { first, second } = race;
        let Some(second) = second else { return self.note_end(first) };
        let SecondRequest { request: second, endpoint, mut attempt, mut sent_at, mut count } = second;
        let is_second = winner == Winner::Second;
        count.won = is_second && second.judged.as_ref().is_some_and(|judged| judged.is_usable);
        telemetry::hedge_ended(&mut self.watching, is_second);
        self.hedged = self.endpoint.sent_at;
        self.number = if is_second { self.sent } else { self.sent - 1 };
        let (winner, loser) = if is_second { (second, first) } else { (first, second) };
        if is_second {
            std::mem::swap(&mut self.endpoint.attempt, &mut attempt);
            sent_at = self.endpoint.sent_at.replace(sent_at).unwrap_or(sent_at);
            if !Arc::ptr_eq(&self.endpoint.current, &endpoint) {
                self.endpoint.current = endpoint;
                self.plan.move_to(&self.payload, &self.endpoint.current.store, Instant::now());
                telemetry::moved(&mut self.watching, &self.endpoint.current.labels);
            }
        }
        self.end_loser(loser, attempt, sent_at);
        self.note_end(winner)
    }

    /// Ends a request that does not give the result of the attempt. A request in flight is cancelled, which says
    /// nothing about its endpoint. One that has failed before counts there like any attempt.
    fn end_loser(&mut self, mut loser: RacingRequest, attempt: Option<EndpointAttempt>, sent_at: Instant) {
        if loser.came.as_ref().is_some_and(|came| came.as_ref().is_err_and(Failure::is_connect)) {
            self.engine.endpoints.connect_failed();
        }
        let timed_out = match &loser.came {
            None => return,
            Some(came) => came.as_ref().is_err_and(Failure::has_timed_out),
        };
        let is_held_back = loser.progress.is_held_back();
        let Some(JudgedResponse { outcomes, verdict, retry_after, .. }) = self.judge_once(&mut loser) else { return };
        for (entry, outcome) in self.payload.pending_mut().zip(outcomes) {
            entry.uncertain |= *outcome == Outcome::Unknown;
        }
        let (Some(attempt), Some(entry)) = (attempt, self.payload.entries().first()) else { return };
        let verdict = if is_held_back { Verdict::Ignored } else { *verdict };
        if matches!(verdict, Verdict::Failure | Verdict::RateFailure) || (timed_out && !is_held_back) {
            self.endpoint.tried.push(Arc::clone(attempt.endpoint()));
        }
        let (now, method, is_batch) = (Instant::now(), &*entry.method.name, self.payload.is_batch());
        let (took, retry_after) = (now - sent_at, *retry_after);
        attempt.end(AttemptEnd { verdict, timed_out, method, is_batch, took, retry_after }, now);
    }

    /// Notes how the request ended that gives the result, and returns the result.
    fn note_end(&mut self, request: RacingRequest) -> Result<ReceivedResponse, Failure> {
        self.endpoint.was_held_back = request.progress.is_held_back();
        let came = request.came.unwrap_or_else(|| Err(Failure::new(FailureKind::Transport)));
        if let Ok(ReceivedResponse { head, .. }) = &came {
            self.plan.note(&self.endpoint.current.store, &head.headers);
        }
        came
    }

    /// Judges a request that has ended, the first time. Returns `None` if it is in flight.
    fn judge_once<'a>(&self, request: &'a mut RacingRequest) -> Option<&'a JudgedResponse> {
        if request.judged.is_none() {
            request.judged = request.came.as_ref().map(|came| self.judge(came));
        }
        request.judged.as_ref()
    }

    /// Judges a response as `settle` would.
    fn judge(&self, came: &Result<ReceivedResponse, Failure>) -> JudgedResponse {
        let settings = &self.engine.settings;
        let check = VersionCheck::of(settings.strict_version);
        let (answers, headers) = match came {
            Ok(ReceivedResponse { head, body }) => (self.payload.read(body, &head.headers, check), Some(&head.headers)),
            Err(failure) => (self.payload.fail(failure.clone(), check), failure.headers()),
        };
        let mut judged =
            JudgedResponse { is_usable: true, outcomes: Vec::new(), verdict: Verdict::Ignored, retry_after: None };
        for (place, (entry, answered)) in self.payload.pending().zip(answers).enumerate() {
            let source = AnswerSource { headers, place };
            let answered = sort_out(answered, source);
            let (relies, retry) = (entry.relies || self.plan.wants_proof(entry), entry.retry(&settings.retry));
            let call = RetryContext { method: &entry.method, effect: entry.effect, relies, retry };
            let judgment = judge(&answered, source, call);
            judged.is_usable &= answered.is_ok() && judgment.next == RetryDecision::Stop;
            judged.outcomes.push(judgment.outcome);
            judged.verdict = of_request([judged.verdict, verdict(&answered, judgment)].into_iter());
            judged.retry_after = judged.retry_after.max(judgment.retry_after.map(RetryAfter::duration));
        }
        judged
    }
}

/// Returns the first time limit of an attempt.
fn first_limit(timeout: AttemptTimeout) -> Instant {
    timeout.soft.unwrap_or(timeout.until)
}

impl Race {
    /// Gives up all requests in flight.
    fn time_out(&mut self, begun: Instant) {
        let second = self.second.as_mut().map(|second| &mut second.request);
        for request in [&mut self.first].into_iter().chain(second).filter(|request| request.came.is_none()) {
            request.progress.time_out();
            request.end(Err(Failure::new(FailureKind::Timeout(begun.elapsed()))));
        }
    }
}

impl RacingRequest {
    fn new(answer: BoxFuture<Result<ReceivedResponse, Failure>>, progress: Progress) -> Self {
        Self { answer, progress, came: None, judged: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.came.is_none() {
            let Poll::Ready(came) = self.answer.as_mut().poll(cx) else { return Poll::Pending };
            self.end(came);
        }
        Poll::Ready(())
    }

    /// Notes how it ended. As in `Exchange`, a request that was held back until its end was not sent.
    fn end(&mut self, came: Result<ReceivedResponse, Failure>) {
        let is_unsent = came.is_err() && self.progress.revoke();
        self.came =
            Some(came.map_err(|failure| if is_unsent { failure.with_outcome(Outcome::NotSent) } else { failure }));
    }
}

impl JudgedResponse {
    /// Returns how much a failed request leaves open. The higher, the more of its calls may have run.
    fn openness(&self) -> usize {
        const ORDER: [Outcome; 4] = [Outcome::NotSent, Outcome::Refused, Outcome::Unknown, Outcome::Executed];
        let rank = |outcome: &Outcome| ORDER.iter().position(|other| other == outcome);
        self.outcomes.iter().filter_map(rank).max().unwrap_or(0)
    }
}

impl Drop for HedgeCount {
    fn drop(&mut self) {
        self.meter.hedges(self.won, self.calls);
    }
}

#[cfg(test)]
mod tests;
