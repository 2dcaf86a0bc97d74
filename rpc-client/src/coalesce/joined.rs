//! [`WaitingCall`]: a gathered call as its caller sees it, until it has an answer. [`JoinedDelivery`] delivers the
//! calls of a request, and gives each caller its answer.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rpc_core::Outcome;

use super::coalescer::{Coalescer, GatheredCall, LaneSlot, LeavingRequest};
use super::lane_key::LaneKey;
use super::lanes::{Arrival, Place};
use crate::delivery::{Delivery, Entry, Payload, SplitDelivery};
use crate::engine::Engine;
use crate::error::AnswerResult;
use crate::failure::{Failure, FailureKind};
use crate::joined_call::{JoinedCall, JoinedEvent, JoinedRequest};
use crate::runtime::{Instant, spawn, timeout_at, yield_now};
use crate::telemetry::{self, CallSpan, MaybeWatch};

/// A gathered call whose caller waits for the answer. Dropping it removes the call from the gathered ones. If the call
/// has left and no other caller waits for its request, dropping it cancels the request.
pub(super) struct WaitingCall {
    engine: Arc<Engine>,
    coalescer: Arc<Coalescer>,
    key: Arc<LaneKey>,
    joined: Arc<JoinedCall>,
    ticket: u64,
    /// When to look at the call's place again, unless the caller is notified before. `None` once it has left.
    looks_at: Option<Instant>,
    start: Instant,
    deadline: Instant,
    /// How long calls gather.
    wait: Duration,
    watching: MaybeWatch,
}

/// A caller that waits behind older calls looks after this many times of the time for which calls gather. By then the
/// calls have left, unless the caller of the oldest one has stopped to poll it.
const STALLED: u32 = 4;

impl WaitingCall {
    /// Adds a call to the gathered ones.
    pub(super) fn gather(
        engine: Arc<Engine>,
        coalescer: Arc<Coalescer>,
        key: Arc<LaneKey>,
        payload: Payload,
        start: Instant,
        wait: Duration,
    ) -> Self {
        let only = engine.endpoints.only();
        let labels = only.map_or_else(telemetry::EndpointLabels::default, |only| only.labels.clone());
        let watching = engine.observer.watch(&payload, &labels, start);
        let joined = Arc::new(JoinedCall::default());
        let mut entry = payload.into_entry();
        entry.joined = Some(Arc::clone(&joined));
        let (deadline, id, bytes) = (entry.deadline, entry.id.clone(), entry.len());
        let call = GatheredCall { entry, joined: Arc::clone(&joined), start, span: CallSpan::of(&watching) };
        let (ticket, place) = coalescer.gather(&key, Arrival { call, id, bytes, leaves_at: start + wait });
        let mut waiting =
            Self { engine, coalescer, key, joined, ticket, looks_at: None, start, deadline, wait, watching };
        waiting.take_place(place);
        waiting
    }

    /// Waits for the answer, until the deadline.
    pub(super) async fn wait(mut self) -> AnswerResult {
        let answered = loop {
            let until = self.looks_at.unwrap_or(self.deadline).min(self.deadline);
            match timeout_at(until, poll_fn(|cx| self.joined.poll(cx))).await {
                Ok(JoinedEvent::Answered(answered)) => break answered,
                Ok(JoinedEvent::Notified) => self.look(),
                Err(_) if Instant::now() < self.deadline => self.look(),
                Err(_) => break Err(self.expire()),
            }
        };
        telemetry::settled(&mut self.watching, 0, &answered);
        answered
    }

    fn look(&mut self) {
        if self.looks_at.is_some() {
            let place = self.coalescer.place(&self.key, self.ticket, Instant::now());
            self.take_place(place);
        }
    }

    fn take_place(&mut self, place: Place<LeavingRequest>) {
        self.looks_at = match place {
            Place::Left => None,
            Place::Behind => Some(Instant::now() + STALLED * self.wait),
            Place::First(leaves_at) => Some(leaves_at),
            Place::Leaving(requests) => {
                let start = |request| JoinedDelivery::start(&self.engine, &self.coalescer, &self.key, request);
                requests.into_iter().for_each(start);
                if self.joined.request().is_some() { None } else { Some(Instant::now() + STALLED * self.wait) }
            }
        };
    }

    /// Makes the failure of a call whose deadline is over.
    fn expire(&mut self) -> Failure {
        if self.looks_at.is_some() && self.coalescer.remove(&self.key, self.ticket) {
            return Failure::new(FailureKind::Expired);
        }
        Failure::new(FailureKind::Timeout(self.start.elapsed()))
    }
}

impl Drop for WaitingCall {
    fn drop(&mut self) {
        let Some(request) = self.joined.request() else {
            if !self.coalescer.remove(&self.key, self.ticket)
                && let Some(request) = self.joined.request()
            {
                // It left meanwhile.
                self.joined.abandon();
                request.leave();
            }
            return;
        };
        self.joined.abandon();
        // A request whose first answer is here early has failed for other calls. Its retries need no slot.
        if self.joined.is_answered() && request.take_slot() {
            drop(LaneSlot::of(&self.coalescer, &self.key));
        }
        request.leave();
    }
}

/// The delivery of gathered calls. When it ends or is dropped, each caller has an answer.
struct JoinedDelivery {
    coalescer: Arc<Coalescer>,
    key: Arc<LaneKey>,
    request: Arc<JoinedRequest>,
    calls: Vec<Arc<JoinedCall>>,
}

impl JoinedDelivery {
    /// Sends a request, in a task of its own.
    fn start(engine: &Arc<Engine>, coalescer: &Arc<Coalescer>, key: &Arc<LaneKey>, leaving: LeavingRequest) {
        let LeavingRequest { calls, request } = leaving;
        let now = Instant::now();
        let start = calls.first().map_or(now, |call| call.start);
        let mut entries = Vec::with_capacity(calls.len());
        let mut joined = Vec::with_capacity(calls.len());
        let mut spans = Vec::with_capacity(calls.len());
        for GatheredCall { entry, joined: call, span, .. } in calls {
            if entry.deadline <= now {
                call.answer(|| Err(Failure::new(FailureKind::Expired)));
                continue;
            }
            entries.push(entry);
            joined.push(call);
            spans.push(span);
        }
        let (coalescer, key) = (Arc::clone(coalescer), Arc::clone(key));
        let delivery = Self { coalescer, key, request: Arc::clone(&request), calls: joined };
        if !entries.is_empty() {
            let task = spawn(delivery.run(Arc::clone(engine), entries, spans, start));
            request.run_by(task.abort_handle());
        }
    }

    async fn run(self, engine: Arc<Engine>, entries: Vec<Entry>, spans: Vec<CallSpan>, start: Instant) {
        let sent = Instant::now();
        let is_batch = entries.len() > 1;
        let payload = Payload::new(entries, is_batch);
        let shared = self.key.shared();
        let delivery = telemetry::in_trace_of(&spans, || Delivery::new(engine, shared, payload, start));
        delivery.link(&spans);
        drop(spans);
        let (delivery, mut splits) = delivery.splitting();
        let (mut retries, mut delivery) = (FuturesUnordered::new(), pin!(delivery.run()));
        let answers = poll_fn(|cx| {
            while let Poll::Ready(Some(split)) = splits.poll_recv(cx) {
                retries.push(retry(split));
            }
            while let Poll::Ready(Some(())) = retries.poll_next_unpin(cx) {}
            delivery.as_mut().poll(cx)
        });
        let answers = answers.await;
        if answers.iter().any(Result::is_ok) {
            self.coalescer.round_trips.add_request(sent.elapsed());
        }
        let mut slot = self.take_slot();
        if self.coalescer.has_gathered(&self.key) {
            // Calls that wait leave before the callers make their next ones.
            slot = None;
        }
        for (call, answered) in self.calls.iter().zip(answers).filter(|(call, _)| !call.is_split_off()) {
            call.answer(|| answered);
        }
        // The callers may make their next calls at once. These leave together instead of the first one alone.
        yield_now().await;
        drop(slot);
        while let Some(split) = splits.recv().await {
            retries.push(retry(split));
        }
        while retries.next().await.is_some() {}
    }

    fn take_slot(&self) -> Option<LaneSlot> {
        self.request.take_slot().then(|| LaneSlot::of(&self.coalescer, &self.key))
    }
}

/// Retries a call that has left its request, and gives its caller the answer.
async fn retry(split: SplitDelivery<Delivery>) {
    let SplitDelivery { caller, delivery } = split;
    if let Some(answered) = delivery.run().await.pop() {
        caller.answer(|| answered);
    }
}

impl Drop for JoinedDelivery {
    fn drop(&mut self) {
        drop(self.take_slot());
        for call in &self.calls {
            // The task has panicked, or its runtime has ended. Otherwise the call has its answer already.
            call.answer(|| {
                let failure = Failure::transport("the task that delivered the call ended without an answer");
                Err(failure.with_outcome(Outcome::Unknown))
            });
        }
    }
}
