//! Runs one message of a request. [`MessageStarter`] finds the method, checks the deadline and the required roles, and
//! polls the handler once. [`Execution`] holds a handler that was still pending, and detaches or drops it when the
//! request is dropped. `single` and `batch` use both; `watched` adds telemetry. This file polls handlers only through
//! [`HandlerRun`].

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use rpc_core::codec::{Output, Responder};
use rpc_core::contain::contain;
use rpc_core::{Denial, Effect, ErrorObject, IdRef, Message, MethodSpec, Request};

use super::work::RequestWork;
use crate::auth;
use crate::call::{Call, MethodLookup};
use crate::drive::{ActiveHandler, HandlerRun, HandlerTime};
use crate::fault::{Executed, Fault, expired, overloaded};
use crate::handler::RunningHandler;
use crate::idempotency::{KeyedCall, RunPermit};
use crate::in_flight::Admission;
use crate::table::Row;
use crate::telemetry::{OptCallTelemetry, entered, watched};

/// Starts the messages of a request one after another.
pub(super) struct MessageStarter<'a> {
    pub(super) work: &'a RequestWork<'a>,
    /// The caller's remaining time, if its request has a deadline.
    left: Option<Duration>,
    /// The method that was called last.
    last: Option<&'a Row>,
}

/// A started message with a pending handler, alone or in a batch.
///
/// If it is dropped before the handler ends, a `readonly` handler is dropped with it. Any other handler continues in
/// its own task.
pub(super) struct Execution<'a> {
    work: &'a RequestWork<'a>,
    target: CallTarget<'a>,
    run: HandlerRun,
    /// The watch of the call, if calls are watched.
    pub(super) watching: OptCallTelemetry,
}

/// What a message asks for, and the method that answers it.
#[derive(Clone, Copy)]
struct CallTarget<'a> {
    id: Option<IdRef<'a>>,
    request: &'a Request<'a>,
    row: &'a Row,
    lookup: MethodLookup,
}

impl<'a> CallTarget<'a> {
    /// Builds the call on demand. Storing it in each pending message would cost memory.
    #[inline]
    fn call(&self, work: &'a RequestWork<'a>, time: &HandlerTime) -> Call<'a> {
        Call {
            method: &self.row.method,
            lookup: self.lookup,
            name: &self.request.method,
            params: self.request.params,
            id: self.id,
            body: work.body,
            request: work.request,
            shape: work.shape,
            deadline: time.deadline,
            load: work.load,
            in_flight: work.in_flight,
            context: None,
        }
    }
}

impl<'a> MessageStarter<'a> {
    #[inline]
    pub(super) fn new(work: &'a RequestWork<'a>) -> Self {
        Self { work, left: work.left(), last: None }
    }

    /// Reads the caller's remaining time again.
    pub(super) fn look_at_clock(&mut self) {
        self.left = self.work.left();
    }

    /// Starts the handler of a message and polls it once. Most are ready then. A pending one is stored in `waiting`.
    pub(super) fn start(
        &mut self,
        message: &'a Message<'a>,
        waiting: &mut Option<Execution<'a>>,
        cx: &mut TaskContext<'_>,
        output: &mut Output,
    ) -> Executed {
        let work = self.work;
        let (id, request) = match message {
            Message::Call(id, call) => (Some(*id), call),
            Message::Notification(call) => (None, call),
            Message::Invalid(invalid) => {
                return refuse(&ErrorObject::invalid_request(invalid.reason), Some(invalid.id), output);
            }
        };
        if self.left.is_some_and(|left| left.is_zero()) {
            return refuse(&expired(), id, output);
        }
        let (row, lookup) = match work.table.find(&request.method, &mut self.last) {
            Some(row) => (row, MethodLookup::Found),
            None => match work.table.other(&request.method) {
                Some(row) => (row, MethodLookup::Unknown),
                None => return not_found(id, output),
            },
        };
        if let Err(denial) = auth::check(&row.method, work.request) {
            return deny(denial, &row.method, id, output);
        }
        let target = CallTarget { id, request, row, lookup };
        let time = HandlerTime::start(&row.method, work.request, self.left, work.limits.handler_timeout);
        let call = target.call(work, &time);
        if work.keys.is_some()
            && let Some(keyed) = keyed(work, row, &call, output)
        {
            return match keyed {
                Ok(handler) => {
                    let run = HandlerRun::new(ActiveHandler::new(handler), time);
                    start_keyed(Execution { work, target, run, watching: None }, waiting, cx, output)
                }
                Err(fault) => Poll::Ready(Err(fault)),
            };
        }
        let mut run = HandlerRun::new(ActiveHandler::default(), time);
        let polled = run.start(&*row.handler, &call, cx, output);
        if polled.is_pending() {
            *waiting = Some(Execution { work, target, run, watching: None });
        }
        polled
    }
}

impl<'a> Execution<'a> {
    /// Returns the id for the answer, if the message gets one.
    pub(super) fn id(&self) -> Option<IdRef<'a>> {
        self.target.id
    }

    /// Polls the handler. When ready, the answer is in the output, if the message gets one.
    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        let Self { work, target, run, watching } = self;
        let call = target.call(work, run.time());
        watched(watching, call.id, || run.poll(&call, cx, output))
    }

    #[cold]
    fn abandon(&mut self) {
        let Self { work, target, run, watching } = self;
        let call = target.call(work, run.time());
        // Cancel first: the detached handler must see the cancellation.
        work.leave();
        if call.method.effect == Effect::None {
            entered(watching, || run.discard(call.method));
            // A layer may wait behind a handler that has opened a stream. The stream holds its request, so it would
            // never be dropped there.
            drop(work.request.take_stream());
            return;
        }
        let mut watching = watching.take();
        std::mem::take(run).detach(&call, work.in_flight.detach(work.admission), |mut detached| async move {
            let id: Option<Box<str>> = detached.id().map(|id| id.as_json().into());
            let id = id.as_deref().and_then(IdRef::from_json);
            poll_fn(|cx| watched(&mut watching, id, || Pin::new(&mut detached).poll(cx))).await
        });
    }
}

impl Drop for Execution<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.run.is_over() {
            self.abandon();
        }
    }
}

/// Polls a call under a key once, and stores it in `waiting` if it is pending.
#[cold]
fn start_keyed<'a>(
    execution: Execution<'a>,
    waiting: &mut Option<Execution<'a>>,
    cx: &mut TaskContext<'_>,
    output: &mut Output,
) -> Executed {
    let polled = waiting.insert(execution).poll(cx, output);
    if polled.is_ready() {
        *waiting = None;
    }
    polled
}

/// Wraps the handler of a call that has a key, or refuses the call. Returns `None` for a call without a key.
#[cold]
fn keyed(
    work: &RequestWork<'_>,
    row: &Row,
    call: &Call<'_>,
    output: &mut Output,
) -> Option<Result<Pin<Box<dyn RunningHandler>>, Fault>> {
    let keys = work.keys.as_ref()?;
    let room = match work.admission {
        Admission::Room(_) => RunPermit::Taken,
        Admission::KeptOnly { .. } => RunPermit::None,
    };
    let mut responder = Responder::new(output, call.id);
    let keyed =
        || if row.method.effect == Effect::Once { KeyedCall::new(keys, &row.handler, call, room) } else { None };
    // This calls the store, which is user code and may panic.
    let Some(keyed) = contain(keyed) else {
        return Some(Err(Fault::refuse(&ErrorObject::internal(), &mut responder)));
    };
    match (keyed, room) {
        (Some(Ok(keyed)), _) => Some(Ok(Box::pin(keyed))),
        (Some(Err(refusal)), _) => Some(Err(Fault::refuse_key(refusal, &mut responder))),
        (None, RunPermit::None) => Some(Err(Fault::refuse(&overloaded(), &mut responder))),
        (None, RunPermit::Taken) => None,
    }
}

/// Denies a call that its caller may not make.
#[cold]
fn deny(denial: Denial, method: &MethodSpec, id: Option<IdRef<'_>>, output: &mut Output) -> Executed {
    let requires = method.requires.unwrap_or_default();
    Poll::Ready(Err(Fault::deny(denial, requires, &mut Responder::new(output, id))))
}

/// Refuses a message, so that no handler sees it.
#[cold]
fn refuse(error: &ErrorObject, id: Option<IdRef<'_>>, output: &mut Output) -> Executed {
    Poll::Ready(Err(Fault::refuse(error, &mut Responder::new(output, id))))
}

/// Answers a call of a method that the server does not have.
#[cold]
fn not_found(id: Option<IdRef<'_>>, output: &mut Output) -> Executed {
    let answered = Responder::new(output, id).error(&ErrorObject::method_not_found());
    Poll::Ready(answered.map_err(Fault::from))
}
