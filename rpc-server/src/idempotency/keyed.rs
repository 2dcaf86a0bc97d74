use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::codec::Responder;
use rpc_core::contain::contain;
use rpc_core::{BoxFuture, ErrorCode, ErrorObject, IdRef, KeyRefusal};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Timeout, timeout};
use uuid::Uuid;

use super::keys::{CallKey, fingerprint};
use super::settings::Seat;
use super::{Begin, BeginRequest, End, Fingerprint, Idempotency, Kept, Lease, RequestKeys, StoreError};
use crate::fault::{Cause, Fault, expired, overloaded};
use crate::handler::{Handler, IncomingCall, Respond, Running, Started};
use crate::load::ConnectionLoad;
use crate::middleware::{Refusal, Response};

/// Is how long an answer waits for the store to note what came of its call.
const MAX_NOTING: Duration = Duration::from_secs(5);

/// Runs a call at most once under its key: a handler around the handler.
pub(crate) struct Keyed {
    idempotency: Arc<Idempotency>,
    call: OwnedCall,
    /// Whether there is room to run the call. If not, it is answered with what is kept of an earlier one, or refused.
    has_room: bool,
    /// Until when the first call under the key is waited for, and the right to do so.
    waits: Option<(Instant, Seat)>,
    state: State,
}

/// Holds what is needed to begin the call later, maybe without its request.
struct OwnedCall {
    handler: Arc<dyn Handler>,
    method: rpc_core::MethodRef,
    /// Its text, as that of the params a part of the body.
    id: Bytes,
    params: Option<Bytes>,
    request: Arc<rpc_core::RequestContext>,
    load: Arc<ConnectionLoad>,
    deadline: Option<std::time::Instant>,
    place: usize,
    key: CallKey,
    fingerprint: Fingerprint,
    relied_on: Option<Uuid>,
    sent: Option<Duration>,
}

enum State {
    /// The limits of rates are to count the call.
    New,
    /// The store is to be asked what it knows of the key.
    Asking,
    /// The store is asked.
    Beginning(BoxFuture<Result<Begin, StoreError>>),
    /// Another call under the key still runs.
    Waiting(BoxFuture<()>),
    /// The call is the first one. The handler is there once it has begun.
    Running(Lease, Option<Pin<Box<dyn Running>>>),
    /// The handler is done, and the store is being told.
    Noting(Pin<Box<Timeout<JoinHandle<()>>>>, Kept, Result<(), Fault>),
    Over,
}

impl Keyed {
    /// Wraps a call that has a key; returns nothing where it has none.
    pub(crate) fn new(
        keys: &RequestKeys,
        handler: &Arc<dyn Handler>,
        call: &IncomingCall<'_>,
        body: &Bytes,
    ) -> Option<Result<Self, KeyRefusal>> {
        let id = call.id?;
        let key = keys.of(id)?;
        let idempotency = match keys.keeper(&key) {
            Ok(keeper) => Arc::clone(keeper),
            Err(refusal) => return Some(Err(refusal)),
        };
        let fingerprint = fingerprint(&call.method.name, call.params);
        let call = OwnedCall {
            handler: Arc::clone(handler),
            method: call.method.clone(),
            id: body.slice_ref(id.as_json().as_bytes()),
            params: call.params.map(|params| body.slice_ref(params.as_bytes())),
            request: Arc::clone(call.request),
            load: Arc::clone(call.load),
            deadline: call.deadline,
            place: call.place(),
            key,
            fingerprint,
            relied_on: keys.relied_on(),
            sent: keys.sent(),
        };
        Some(Ok(Self { idempotency, call, has_room: true, waits: None, state: State::New }))
    }

    /// Lets the call be answered only with what is kept of an earlier one.
    pub(crate) fn without_room(mut self) -> Self {
        self.has_room = false;
        self
    }

    /// Counts the call at the limits of rates, and answers where there are too many.
    fn count(&self, responder: &mut Responder<'_>) -> Option<Result<(), Fault>> {
        let after = self.call.handler.count(&self.call.incoming()).err()?;
        Some(Response::from(Refusal::rate_limited(after)).respond(responder))
    }

    fn ask(&self) -> BoxFuture<Result<Begin, StoreError>> {
        let Idempotency { store, lease, .. } = &*self.idempotency;
        let request = BeginRequest::new(self.call.key.key, self.call.fingerprint, *lease);
        store.begin(request.sent(self.call.sent))
    }

    /// Answers where the store has panicked, which is the user's, before it told anything of the key. So no handler
    /// sees the call.
    #[cold]
    fn store_panicked(&mut self, responder: &mut Responder<'_>) -> Result<(), Fault> {
        self.state = State::Over;
        self.idempotency.refused(&StoreError::failed("it panicked"));
        Err(Fault::refuse(&ErrorObject::internal(), responder))
    }

    /// Goes on with what the store knows of the key, or answers with it.
    fn begun(&mut self, begun: Result<Begin, StoreError>, responder: &mut Responder<'_>) -> Option<Result<(), Fault>> {
        self.state = State::Over;
        let meter = self.idempotency.meter;
        Some(match begun {
            Ok(Begin::Fresh(lease)) => {
                self.waits = None;
                meter.key("fresh");
                let Some(fault) = self.why_not(responder) else {
                    self.state = State::Running(lease, None);
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
                // No handler sees the call for this request, which its client may know to be the first.
                Err(Fault::refuse(&unknown(), responder))
            }
            Ok(Begin::Mismatch) => Err(Fault::refuse_key(KeyRefusal::Mismatch, responder)),
            Err(error) => {
                self.idempotency.refused(&error);
                Err(Fault::refuse_key(KeyRefusal::StoreUnavailable, responder))
            }
        })
    }

    /// Says why a call that would be the first one does not run after all.
    fn why_not(&self, responder: &mut Responder<'_>) -> Option<Fault> {
        let request = &self.call.request;
        let late = || self.call.deadline.is_some_and(|deadline| deadline <= request.now());
        if request.is_cancelled() || late() {
            Some(Fault::refuse(&expired(), responder))
        } else if self.call.relied_on.is_some_and(|store| store != self.idempotency.info().identity) {
            // The store has become another one while it was asked.
            Some(Fault::refuse_key(KeyRefusal::OtherStore, responder))
        } else if self.has_room {
            None
        } else {
            Some(Fault::refuse(&overloaded(), responder))
        }
    }

    /// Waits for the first call under the key, unless someone does already or the time for it is over.
    fn wait(&mut self, responder: &mut Responder<'_>) -> Option<Result<(), Fault>> {
        let now = Instant::now();
        let key = self.call.key.key;
        if self.has_room
            && self.waits.is_none()
            && let Some(seat) = self.idempotency.seat(key)
        {
            let left = self.call.deadline.map(|deadline| deadline.saturating_duration_since(self.call.request.now()));
            // Only a part of what is left: the caller may have its own idea of how long an attempt takes, and the other
            // calls of a batch wait, too.
            let wait = left.map_or(self.idempotency.wait, |left| (left / 8).min(self.idempotency.wait));
            self.waits = now.checked_add(wait).map(|until| (until, seat));
            self.idempotency.meter.key("wait");
        }
        match &self.waits {
            Some((until, _)) if *until > now && !self.call.request.is_cancelled() => {
                self.state = State::Waiting(self.idempotency.store.settled(key, *until - now));
                None
            }
            _ => Some(Err(Fault::refuse_key(KeyRefusal::InProgress, responder))),
        }
    }

    /// Runs the handler, which is begun at first.
    fn run(&mut self, cx: &mut TaskContext<'_>, responder: &mut Responder<'_>) -> Poll<Result<(), Fault>> {
        let State::Running(_, handler) = &mut self.state else { unreachable!("only called in this state") };
        let handler = match handler {
            Some(handler) => handler,
            None => match self.call.start(responder) {
                Started::Done(result) => return Poll::Ready(result),
                Started::Running(running) => handler.insert(running),
            },
        };
        handler.as_mut().poll(cx, responder)
    }

    /// Tells the store what came of the call, and returns the answer unless the store takes its time.
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
            // A layer has answered for a handler that goes on, or may.
            Err(Fault { cause: Cause::GivenUp, .. }) => End::Unknown,
            Err(fault) if self.call.is_without_effect(fault) => End::Released,
            _ if responder.outcome_since(start).len() > self.idempotency.store.max_answer_bytes() => {
                self.idempotency.meter.unkept("too_large");
                End::Kept(Kept::without_answer())
            }
            _ => End::Kept(kept(responder)),
        };
        let noting = note(&self.idempotency, lease, end);
        self.state = State::Over;
        let Some(noting) = noting else { return Some(result) };
        // An answer that is given before it is noted could be lost, and its repeat be told that it still runs.
        self.state = State::Noting(Box::pin(timeout(MAX_NOTING, noting)), kept(responder), result);
        responder.retract(start);
        None
    }
}

impl OwnedCall {
    fn start(&self, responder: &mut Responder<'_>) -> Started {
        self.handler.start(&self.incoming(), responder)
    }

    fn incoming(&self) -> IncomingCall<'_> {
        IncomingCall {
            method: &self.method,
            name: &self.method.name,
            params: self.params.as_deref().and_then(|params| std::str::from_utf8(params).ok()),
            id: std::str::from_utf8(&self.id).ok().and_then(IdRef::from_json),
            request: &self.request,
            deadline: self.deadline,
            key: Some(&self.key.given),
            body: self.params.as_ref().unwrap_or(&self.id),
            load: &self.load,
            context: None,
            place: Some(self.place),
        }
    }

    /// Tells whether the call may be made again under its key.
    fn is_without_effect(&self, fault: Fault) -> bool {
        matches!(fault.cause, Cause::Params | Cause::Refused | Cause::RefusedFor(_))
            || self.method.errors.find(fault.code).is_some_and(|error| error.retryable)
    }
}

impl Running for Keyed {
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, responder: &mut Responder<'_>) -> Poll<Result<(), Fault>> {
        let this = self.get_mut();
        loop {
            let answered = match &mut this.state {
                State::New => {
                    this.state = State::Asking;
                    this.count(responder)
                }
                State::Asking => match contain(|| this.ask()) {
                    Some(begin) => {
                        this.state = State::Beginning(begin);
                        None
                    }
                    None => Some(this.store_panicked(responder)),
                },
                State::Beginning(begin) => match contain(|| begin.as_mut().poll(cx)) {
                    Some(begun) => {
                        let begun = ready!(begun);
                        this.begun(begun, responder)
                    }
                    None => Some(this.store_panicked(responder)),
                },
                State::Waiting(settled) => {
                    if !this.call.request.is_cancelled() {
                        ready!(settled.as_mut().poll(cx));
                    }
                    this.state = State::Asking;
                    None
                }
                State::Running(lease, _) => {
                    let (lease, start) = (*lease, responder.position());
                    let result = ready!(this.run(cx, responder));
                    this.keep(lease, result, start, responder)
                }
                State::Noting(noting, kept, result) => {
                    if ready!(noting.as_mut().poll(cx)).is_err() {
                        this.idempotency.is_late();
                    }
                    // It has been written before, and fits.
                    let _ = responder.replay(&kept.outcome, kept.code);
                    Some(*result)
                }
                State::Over => unreachable!("a call that is answered is not polled again"),
            };
            if let Some(answer) = answered {
                return Poll::Ready(answer);
            }
        }
    }
}

impl Drop for Keyed {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Beginning(begin) => {
                let Ok(runtime) = Handle::try_current() else { return };
                let idempotency = Arc::clone(&self.idempotency);
                runtime.spawn(async move {
                    if let Ok(Begin::Fresh(lease)) = begin.await {
                        drop(note(&idempotency, lease, End::Released));
                    }
                });
            }
            // It has panicked, or its time was up.
            State::Running(lease, _handler) => drop(note(&self.idempotency, lease, End::Unknown)),
            State::New | State::Asking | State::Waiting(_) | State::Noting(..) | State::Over => {}
        }
    }
}

/// Says that nobody knows what became of an earlier call with the key.
fn unknown() -> ErrorObject {
    ErrorCode::OUTCOME_UNKNOWN.into()
}

/// Tells the store how a call ended. What it does not do at once it goes on with in a task of its own, whatever becomes of
/// the call.
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
