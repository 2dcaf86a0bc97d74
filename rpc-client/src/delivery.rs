//! Delivers one call, or the entries of a batch that share a request, until each has an answer or a failure.
//! [`Delivery`] sends attempts. After each, `settle` decides what is retried, by the rules of `reliability`.
//! `store_plan` handles idempotency keys, and `exchange` bounds each attempt. A delivery uses transports only through
//! their trait.

mod admission;
mod endpoint_choice;
mod entry;
mod failover;
mod hedging;
mod payload;
mod probe;
mod settle;
mod shared_parts;
mod split;
mod split_state;
mod store_plan;

use std::sync::Arc;
use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};
use rpc_core::headers::{RPC_ATTEMPT, RPC_IDEMPOTENCY};
use rpc_core::{Effect, Outcome};

use crate::breaker::Verdict;
use crate::credentials::Authorization;
use crate::endpoints::EndpointState;
use crate::engine::Engine;
use crate::error::{Answer, AnswerResult};
use crate::exchange::{AttemptTimeout, Exchange, ReceivedResponse};
use crate::failure::{Failure, FailureKind};
use crate::replies::VersionCheck;
use crate::runtime::{Instant, sleep};
use crate::telemetry::{self, CallSpan, MaybeWatch};
use crate::transport::{ProbePurpose, Progress, Request};
use endpoint_choice::EndpointChoice;
pub(crate) use entry::Entry;
pub(crate) use payload::Payload;
pub(crate) use probe::{Probe, is_unauthorized};
pub(crate) use shared_parts::SharedParts;
pub(crate) use split_state::SplitDelivery;
use split_state::SplitState;
use store_plan::{DeliveryTime, StorePlan};

/// What the request of a stream accepts: the stream, or the answer of an ordinary call.
const ACCEPTS_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream, application/json");

/// The delivery of a payload, from its first attempt to its last.
pub(crate) struct Delivery {
    engine: Arc<Engine>,
    endpoint: EndpointChoice,
    headers: Option<Box<HeaderMap>>,
    payload: Payload,
    plan: StorePlan,
    authorization: Authorization,
    start: Instant,
    /// The number of requests sent.
    sent: u32,
    /// The number of the request that gives the result of the last attempt.
    number: u32,
    /// When the last attempt sent its first request, if it has sent a second one, since the answer was late.
    hedged: Option<Instant>,
    /// How long the next attempt waits for its turn. Set if the client gave up the last attempt for it, and has already
    /// taken it from the retry budget.
    paid: Option<Duration>,
    /// Set if the calls belong to several callers, or did.
    split: Option<Box<SplitState<Self>>>,
    watching: MaybeWatch,
}

impl Delivery {
    /// Prepares a delivery. It is boxed, since otherwise it would be moved from future to future.
    pub(crate) fn new(engine: Arc<Engine>, shared: SharedParts, payload: Payload, start: Instant) -> Box<Self> {
        let SharedParts { headers, pin, hash_key } = shared;
        let endpoint = EndpointChoice::first(&engine, &payload, hash_key, pin.is_some());
        let watching = engine.observer.watch(&payload, &endpoint.current.labels, start);
        let (plan, authorization) = (StorePlan::new(pin), Authorization::default());
        Box::new(Self {
            engine,
            endpoint,
            headers,
            payload,
            plan,
            authorization,
            start,
            sent: 0,
            number: 0,
            hedged: None,
            paid: None,
            split: None,
            watching,
        })
    }

    /// Links the delivery's span with the spans of its calls, which belong to several callers.
    pub(crate) fn link(&self, calls: &[CallSpan]) {
        telemetry::link(&self.watching, calls);
    }

    /// Sends the payload until every entry has ended, and returns their answers in order.
    pub(crate) async fn run(mut self: Box<Self>) -> Vec<AnswerResult> {
        let mut begun = match self.split {
            Some(_) => Box::pin(self.resume()).await,
            None => self.start,
        };
        if self.plan.is_pinned() && self.engine.endpoints.are_many() && !self.endpoint.is_unresolved {
            Box::pin(self.find_store()).await;
        }
        loop {
            if self.is_guarded() && self.is_rejected() {
                break;
            }
            let came = self.attempt(begun).await;
            let check = VersionCheck::of(self.engine.settings.strict_version);
            let (head, answers) = match came {
                Ok(ReceivedResponse { head, body }) => {
                    self.payload.keep_meta(&head);
                    let answers = self.payload.read(&body, &head.headers, check);
                    (Some(head), answers)
                }
                Err(failure) => {
                    let head = failure.head();
                    if let Some(head) = &head {
                        self.payload.keep_meta(head);
                    }
                    (head, self.payload.fail(failure, check))
                }
            };
            telemetry::attempted(&mut self.watching, &answers);
            // Nearly all calls end here.
            if self.sent == 1 && self.engine.on_attempt.is_none() && are_results(&answers, self.payload.entries()) {
                self.have_results(&answers);
                return answers;
            }
            let Some(pause) = self.settle(answers, head.as_ref(), begun) else { break };
            if !pause.is_zero() {
                sleep(pause).await;
            }
            if self.endpoint.is_guarded_single {
                self.endpoint.begin_at_single(&self.engine, &self.payload);
            } else if self.engine.endpoints.are_many() {
                Box::pin(self.move_on()).await;
            }
            begun = Instant::now();
        }
        let answers = self.payload.into_answers();
        self.engine.settings.retry_budget.deposit(answers.iter().filter(|answered| is_answer(answered)).count());
        answers
    }

    /// Records that the first attempt returned a result for each entry.
    #[inline]
    fn have_results(&mut self, answers: &[AnswerResult]) {
        if self.endpoint.is_tracked() {
            self.end_attempt(Verdict::Success, false, None);
        }
        if let Some(throttler) = &self.engine.throttler {
            throttler.add(answers.len(), 0, Instant::now());
        }
        if let Some(hedging) = &self.engine.hedging {
            self.add_response_time(hedging);
        }
        self.engine.settings.retry_budget.deposit(answers.len());
        self.engine.observer.meter().attempts(Outcome::Executed, answers.len());
        for (index, answered) in answers.iter().enumerate() {
            telemetry::settled(&mut self.watching, index, answered);
        }
    }

    /// Sends the pending entries once.
    async fn attempt(&mut self, mut now: Instant) -> Result<ReceivedResponse, Failure> {
        self.sent += 1;
        (self.number, self.hedged, self.paid) = (self.sent, None, None);
        let deadline = self.deadline();
        if deadline <= now {
            return Err(Failure::new(FailureKind::Expired));
        }
        if self.endpoint.is_unresolved {
            now = Box::pin(self.resolve_endpoint(deadline)).await?;
        }
        if self.engine.credentials.is_some() {
            now = Box::pin(self.authorize(deadline)).await?;
        }
        let Self { engine, headers, payload, plan, authorization, watching, .. } = self;
        let endpoint = &self.endpoint.current;
        if plan.must_learn(payload) {
            let may_renew = engine.credentials.as_ref().is_some_and(|held| authorization.may_renew(held));
            let probe = Probe { engine, endpoint, headers: headers.as_deref(), may_renew };
            now = plan.learn(payload, probe, DeliveryTime { start: self.start, now, deadline }).await?;
            telemetry::identified(watching, payload);
        }
        if self.sent > 1 {
            plan.renew(payload, now);
        }
        if self.split.is_some() && !self.has_callers(now) {
            return Err(Failure::new(FailureKind::Expired));
        }
        let has_store = self.plan.has_store();
        self.payload.pending_mut().for_each(|entry| entry.begin(has_store));
        let timeout = self.timeout(now, deadline);
        let progress = Progress::default();
        let headers = self.request_headers(&self.endpoint.current, deadline - now);
        let request = self.request(headers, timeout.until, progress.clone());
        let (engine, payload) = (&self.engine, &self.payload);
        let endpoint = &self.endpoint.current;
        let send = |request| endpoint.transport.send(request);
        let reply = payload.accept(telemetry::wrap(&mut self.watching, self.sent, request, send));
        self.endpoint.sent_at = Some(now);
        let is_observed = self.endpoint.is_tracked() || engine.throttler.is_some();
        let observed = is_observed.then(|| progress.clone());
        let max_bytes = payload.max_response_bytes(engine.settings.max_response_bytes);
        let exchange = Exchange { reply, progress, begun: now, timeout, max_bytes };
        if let Some(hedging) = &engine.hedging
            && let Some(at) = self.hedge_at(hedging, now, timeout)
        {
            return Box::pin(self.receive_hedged(exchange, at, deadline)).await;
        }
        let mut paid = None;
        let gives_up = || {
            paid = next_turn(engine, payload, deadline);
            paid.is_some()
        };
        let came = exchange.receive(gives_up).await;
        self.paid = paid;
        self.endpoint.was_held_back = observed.is_some_and(|progress| progress.is_held_back());
        if let Ok(ReceivedResponse { head, .. }) = &came {
            self.plan.note(&self.endpoint.current.store, &head.headers);
        }
        came
    }

    /// Applies the client's credentials, and returns the current time.
    async fn authorize(&mut self, until: Instant) -> Result<Instant, Failure> {
        if let Some(credentials) = &self.engine.credentials {
            self.authorization.apply(credentials, &mut self.headers, until).await?;
        }
        let now = Instant::now();
        if now < until { Ok(now) } else { Err(Failure::new(FailureKind::Expired)) }
    }

    /// Chooses how long to wait for the answer.
    ///
    /// If another attempt may follow, this one leaves time for it, unless the user has set a limit. An attempt is given
    /// up only for another one, and not if the budget has no retry left.
    fn timeout(&self, now: Instant, deadline: Instant) -> AttemptTimeout {
        let Self { engine, payload, plan, .. } = self;
        // An entry that may have run must not reach a store that has forgotten it. So the attempt also ends when the
        // store may forget it, even if the request still waits for its turn.
        let is_bound = |entry: &Entry| entry.uncertain && entry.effect == Effect::Once;
        let deadline = match plan.end() {
            Some(end) if payload.pending().any(is_bound) => deadline.min(end),
            _ => deadline,
        };
        let within = |limit| now.checked_add(limit).map_or(deadline, |until| until.min(deadline));
        if let Some(limit) = engine.settings.attempt_timeout {
            return AttemptTimeout { until: within(limit), soft: None };
        }
        let remembers = plan.remembers(now);
        let may_be_retried =
            |entry: &Entry| entry.has_two_attempts_left(&engine.settings.retry) && entry.is_repeatable(remembers);
        let third = || {
            // The calls of several callers have deadlines of their own. One that has much less time than the others
            // ends at its deadline, and does not make the client give up the attempt of all.
            let longest = deadline - self.start;
            let joined = payload.pending().filter(|_| payload.is_joined());
            let times = joined.map(|entry| entry.deadline.saturating_duration_since(self.start));
            times.filter(|time| *time >= longest / 4).min().unwrap_or(longest) / 3
        };
        let soft = payload.pending().all(may_be_retried).then(|| within(third()));
        AttemptTimeout { until: deadline, soft }
    }

    /// Makes a request for the pending entries.
    fn request(&mut self, headers: HeaderMap, until: Instant, progress: Progress) -> Request {
        let (body, meter) = (self.payload.write(), self.engine.observer.meter());
        Request {
            body,
            headers,
            deadline: until.into_std(),
            progress,
            meter,
            transport: None,
            subscription: self.payload.subscription(),
            purpose: ProbePurpose::Announcement,
        }
    }

    fn request_headers(&self, endpoint: &EndpointState, left: Duration) -> HeaderMap {
        let mut headers = self.engine.headers.of_calls(&endpoint.headers, self.headers.as_deref(), left);
        if self.sent > 1 {
            headers.insert(RPC_ATTEMPT, HeaderValue::from(self.sent));
        }
        if self.payload.opens_stream() {
            headers.insert(ACCEPT, ACCEPTS_STREAM);
        }
        if let Some(keys) = self.plan.header(&self.payload) {
            headers.insert(RPC_IDEMPOTENCY, keys);
        }
        headers
    }
}

/// Takes the retries of the next attempt from the budget, before the client gives up this one for it. Returns how long
/// they wait for their turn, or `None` if the budget or the throttle does not allow them.
fn next_turn(engine: &Engine, payload: &Payload, deadline: Instant) -> Option<Duration> {
    let now = Instant::now();
    if engine.throttles(now) {
        return None;
    }
    // The next attempt needs time as well.
    let longest = deadline.saturating_duration_since(now) / 4;
    engine.withdraw(payload.pending().count(), now, longest)
}

/// Returns whether each entry has a result. An entry that ended before the attempt has no answer.
fn are_results(answers: &[AnswerResult], entries: &[Entry]) -> bool {
    answers.len() == entries.len() && answers.iter().all(|answered| matches!(answered, Ok(Answer::Result(_))))
}

/// Returns whether a call ended with an answer of its own, which refills the retry budget.
fn is_answer(answered: &AnswerResult) -> bool {
    matches!(answered, Ok(Answer::Result(_) | Answer::Error(_)))
}
