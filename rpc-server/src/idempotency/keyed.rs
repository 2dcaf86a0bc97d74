//! A call under an idempotency key. [`KeyedCall`] wraps a handler: it counts the call at the rate limits and asks the
//! store. Then it runs the handler, waits for the first call, replays the kept answer, or refuses the call. It tells
//! the store how the call ended, also if it is dropped while its handler runs. It knows stores only by the
//! [`Store`](super::Store) trait.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::codec::Responder;
use rpc_core::contain::contain;
use rpc_core::{BoxFuture, ErrorCode, ErrorObject, KeyRefusal};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Timeout, timeout};
use uuid::Uuid;

use super::keys::fingerprint;
use super::settings::RepeatWaitSlot;
use super::{Begin, BeginRequest, End, Fingerprint, Idempotency, Kept, Key, Lease, RequestKeys, StoreError};
use crate::call::{Call, OwnedCall};
use crate::drive::ActiveHandler;
use crate::fault::{Executed, Fault, FaultCause, expired, overloaded};
use crate::handler::{Handler, RunningHandler};

/// How long an answer waits at most for the store to note the end of its call.
const MAX_NOTING: Duration = Duration::from_secs(5);

/// A call that runs at most once under its key: a running handler around another.
pub(crate) struct KeyedCall {
    idempotency: Arc<Idempotency>,
    handler: Arc<dyn Handler>,
    call: OwnedCall,
    key: Key,
    fingerprint: Fingerprint,
    /// The store that the client relies on.
    relied_on: Option<Uuid>,
    /// The earliest time at which the key may have been sent.
    sent: Option<Duration>,
    room: RunPermit,
    /// The time until which the call waits for the first call under the key, and its right to wait.
    waits: Option<(Instant, RepeatWaitSlot)>,
    state: KeyedCallState,
}

/// Whether a call has room in the limit of calls in flight, so that it may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunPermit {
    Taken,
    /// No room. The call gets the kept answer of an earlier call, or is refused.
    None,
}

enum KeyedCallState {
    /// The rate limits have not counted the call yet.
    New,
    /// The store has not been asked for the key yet.
    Asking,
    /// The store looks the key up.
    Beginning(BoxFuture<Result<Begin, StoreError>>),
    /// Another call under the key is still running.
    Waiting(BoxFuture<()>),
    /// The call is the first one. `ActiveHandler` holds the handler once it has started.
    Running(Lease, ActiveHandler),
    /// The handler has ended, and the store is noting that.
    Noting(Pin<Box<Timeout<JoinHandle<()>>>>, Kept, Result<(), Fault>),
    Over,
}

impl KeyedCall {
    /// Wraps a call that has a key. Returns `None` if the call has no key, and an error if the server refuses the key.
    pub(crate) fn new(
        keys: &RequestKeys,
        handler: &Arc<dyn Handler>,
        call: &Call<'_>,
        room: RunPermit,
    ) -> Option<Result<Self, KeyRefusal>> {
        let key = keys.of(call.id?)?;
        let idempotency = match keys.keeper(&key) {
            Ok(keeper) => Arc::clone(keeper),
            Err(refusal) => return Some(Err(refusal)),
        };
        Some(Ok(Self {
            idempotency,
            handler: Arc::clone(handler),
            key: key.key,
            fingerprint: fingerprint(call.method_name(), call.params),
            call: call.to_owned().with_key(key.given),
            relied_on: keys.relied_on(),
            sent: keys.sent(),
            room,
            waits: None,
            state: KeyedCallState::New,
        }))
    }

    /// Counts the call at the rate limits. Answers it if it exceeds one of them.
    fn count(&self, responder: &mut Responder<'_>) -> Option<Result<(), Fault>> {
        let after = self.handler.count(&self.call.borrow()).err()?;
        Some(Err(Fault::rate_limited(after, responder)))
    }

    fn ask(&self) -> BoxFuture<Result<Begin, StoreError>> {
        let Idempotency { store, lease, .. } = &*self.idempotency;
        let request = BeginRequest::new(self.key, self.fingerprint, *lease);
        store.begin(request.sent(self.sent))
    }

    /// Answers a call after its store panicked and returned nothing about the key. The store may be user code. No
    /// handler sees the call.
    #[cold]
    fn store_panicked(&mut self, responder: &mut Responder<'_>) -> Result<(), Fault> {
        self.state = KeyedCallState::Over;
        self.idempotency.refused(&StoreError::failed("it panicked"));
        Err(Fault::refuse(&ErrorObject::internal(), responder))
    }

    /// Continues with what the store knows of the key, or answers the call with it.
    fn begun(&mut self, begun: Result<Begin, StoreError>, responder: &mut Responder<'_>) -> Option<Result<(), Fault>> {
        self.state = KeyedCallState::Over;
        let meter = self.idempotency.meter;
        Some(match begun {
            Ok(Begin::Fresh(lease)) => {
                self.waits = None;
                meter.key("fresh");
                let Some(fault) = self.why_not(responder) else {
                    self.state = KeyedCallState::Running(lease, ActiveHandler::default());
                    return None;
                };
                drop(note(&self.idempotency, lease, End::Released));
                Err(fault)
            }
            Ok(Begin::Running) => return self.wait(responder),
            Ok(Begin::Done(kept)) => {
                meter.key("hit");
                responder.replay(&kept.outcome, kept.code).map_err(Fault::of_kept)
            }
            Ok(Begin::Unknown) => {
                meter.key("unknown");
                responder.error(&unknown()).map_err(Fault::from)
            }
            Ok(Begin::Forgotten) => {
                meter.key("forgotten");
                // No handler sees the call of this request. The client may know that this request is its first.
                Err(Fault::refuse(&unknown(), responder))
            }
            Ok(Begin::Mismatch) => Err(Fault::refuse_key(KeyRefusal::Mismatch, responder)),
            Err(error) => {
                self.idempotency.refused(&error);
                Err(Fault::refuse_key(KeyRefusal::StoreUnavailable, responder))
            }
        })
    }

    /// Answers a call under a fresh key that must not run after all.
    fn why_not(&self, responder: &mut Responder<'_>) -> Option<Fault> {
        if self.call.is_late() {
            Some(Fault::refuse(&expired(), responder))
        } else if self.relied_on.is_some_and(|store| store != self.idempotency.info().identity) {
            // The identity of the store changed while it was asked.
            Some(Fault::refuse_key(KeyRefusal::OtherStore, responder))
        } else if self.room == RunPermit::None {
            Some(Fault::refuse(&overloaded(), responder))
        } else {
            None
        }
    }

    /// Waits for the first call under the key, unless another repeat already waits or the time for it is over.
    fn wait(&mut self, responder: &mut Responder<'_>) -> Option<Result<(), Fault>> {
        let now = Instant::now();
        if self.room == RunPermit::Taken
            && self.waits.is_none()
            && let Some(wait_slot) = self.idempotency.wait_slot(self.key)
        {
            let left = self.call.context().remaining();
            // Waits for only a part of the remaining time. The caller may limit its attempts itself, and the other
            // calls of a batch wait, too.
            let wait = left.map_or(self.idempotency.wait, |left| (left / 8).min(self.idempotency.wait));
            self.waits = now.checked_add(wait).map(|until| (until, wait_slot));
            self.idempotency.meter.key("wait");
        }
        match &self.waits {
            Some((until, _)) if *until > now && !self.call.request().is_cancelled() => {
                self.state = KeyedCallState::Waiting(self.idempotency.store.settled(self.key, *until - now));
                None
            }
            _ => Some(Err(Fault::refuse_key(KeyRefusal::InProgress, responder))),
        }
    }

    /// Runs the handler. The first poll starts it.
    fn run(&mut self, cx: &mut TaskContext<'_>, responder: &mut Responder<'_>) -> Executed {
        let KeyedCallState::Running(_, active) = &mut self.state else { unreachable!("only called in this state") };
        if active.is_running() {
            return active.poll(cx, responder);
        }
        let started = active.start(&*self.handler, &self.call.borrow(), cx, responder);
        // The params keep the request's body in memory.
        self.call.params = None;
        started
    }

    /// Tells the store how the call ended, and returns the result. If the store needs time, removes the answer, which
    /// begins at `start` in the output, and returns `None`. The answer is written again when the store is done.
    fn keep(
        &mut self,
        lease: Lease,
        result: Result<(), Fault>,
        start: usize,
        responder: &mut Responder<'_>,
    ) -> Option<Result<(), Fault>> {
        let kept = |responder: &Responder<'_>| Kept {
            code: result.err().map(|fault| fault.code),
            outcome: Bytes::copy_from_slice(responder.outcome_since(start)),
        };
        let end = match result {
            // A layer has answered for a handler that continues or may continue.
            Err(Fault { cause: FaultCause::GivenUp, .. }) => End::Unknown,
            Err(fault) if self.is_without_effect(fault) => End::Released,
            _ if responder.outcome_since(start).len() > self.idempotency.store.max_answer_bytes() => {
                self.idempotency.meter.unkept("too_large");
                End::Kept(Kept::without_answer())
            }
            _ => End::Kept(kept(responder)),
        };
        let noting = note(&self.idempotency, lease, end);
        self.state = KeyedCallState::Over;
        let Some(noting) = noting else { return Some(result) };
        // An answer must not be sent before its end is noted. If it were lost on the way, a repeat would be told that
        // the call still runs.
        self.state = KeyedCallState::Noting(Box::pin(timeout(MAX_NOTING, noting)), kept(responder), result);
        responder.retract(start);
        None
    }

    /// Returns whether the call may run again under its key.
    fn is_without_effect(&self, fault: Fault) -> bool {
        matches!(fault.cause, FaultCause::Params | FaultCause::Refused | FaultCause::RefusedFor(_))
            || self.call.method().errors.find(fault.code).is_some_and(|error| error.retryable)
    }
}

impl RunningHandler for KeyedCall {
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, responder: &mut Responder<'_>) -> Executed {
        let this = self.get_mut();
        loop {
            let answered = match &mut this.state {
                KeyedCallState::New => {
                    this.state = KeyedCallState::Asking;
                    this.count(responder)
                }
                KeyedCallState::Asking => match contain(|| this.ask()) {
                    Some(begin) => {
                        this.state = KeyedCallState::Beginning(begin);
                        None
                    }
                    None => Some(this.store_panicked(responder)),
                },
                KeyedCallState::Beginning(begin) => match contain(|| begin.as_mut().poll(cx)) {
                    Some(begun) => {
                        let begun = ready!(begun);
                        this.begun(begun, responder)
                    }
                    None => Some(this.store_panicked(responder)),
                },
                KeyedCallState::Waiting(settled) => {
                    if !this.call.request().is_cancelled() {
                        ready!(settled.as_mut().poll(cx));
                    }
                    this.state = KeyedCallState::Asking;
                    None
                }
                KeyedCallState::Running(lease, _) => {
                    let (lease, start) = (*lease, responder.position());
                    let result = ready!(this.run(cx, responder));
                    this.keep(lease, result, start, responder)
                }
                KeyedCallState::Noting(noting, kept, result) => {
                    if ready!(noting.as_mut().poll(cx)).is_err() {
                        this.idempotency.is_late();
                    }
                    // The answer was written before it was retracted, so it fits.
                    let _ = responder.replay(&kept.outcome, kept.code);
                    Some(*result)
                }
                KeyedCallState::Over => unreachable!("a call that is answered is not polled again"),
            };
            if let Some(answer) = answered {
                return Poll::Ready(answer);
            }
        }
    }
}

impl Drop for KeyedCall {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.state, KeyedCallState::Over) {
            // The store may have begun the call. Then the key is released, since no handler has run.
            KeyedCallState::Beginning(begin) => {
                let Ok(runtime) = Handle::try_current() else { return };
                let idempotency = Arc::clone(&self.idempotency);
                runtime.spawn(async move {
                    if let Ok(Begin::Fresh(lease)) = begin.await {
                        drop(note(&idempotency, lease, End::Released));
                    }
                });
            }
            // The handler panicked, or its time is over.
            KeyedCallState::Running(lease, _handler) => drop(note(&self.idempotency, lease, End::Unknown)),
            KeyedCallState::New
            | KeyedCallState::Asking
            | KeyedCallState::Waiting(_)
            | KeyedCallState::Noting(..)
            | KeyedCallState::Over => {}
        }
    }
}

/// Returns the error for an unknown outcome of an earlier call with the key.
fn unknown() -> ErrorObject {
    ErrorCode::OUTCOME_UNKNOWN.into()
}

/// Tells the store how a call ended. If the store does not finish at once, a task of its own continues, whatever
/// happens to the call.
fn note(idempotency: &Arc<Idempotency>, lease: Lease, end: End) -> Option<JoinHandle<()>> {
    let mut finish = idempotency.store.finish(lease, end);
    match finish.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(noted) => {
            idempotency.noted(noted);
            None
        }
        Poll::Pending => {
            let runtime = Handle::try_current().ok()?;
            let idempotency = Arc::clone(idempotency);
            Some(runtime.spawn(async move { idempotency.noted(finish.await) }))
        }
    }
}
