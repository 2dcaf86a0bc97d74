use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use rpc_core::codec::{Output, Responder};
use rpc_core::contain::contain;
use rpc_core::{Denial, Effect, ErrorObject, IdRef, Message, MethodRef, MethodSpec, Request};

use super::detach::Detached;
use super::run::{Call, Run, discard, guard};
use super::time::Time;
use super::{Executed, Work};
use crate::auth;
use crate::fault::{Fault, expired, overloaded};
use crate::handler::{IncomingCall, Running, Started};
use crate::idempotency::Keyed;
use crate::table::{Row, Table};
use crate::telemetry::{Watching, entered, watched};

/// How a message fares once it was begun.
pub(super) enum Begun<'a> {
    /// It is answered, if there is an answer to give.
    Done(Result<(), Fault>),
    /// Its handler waits, and has to be polled again.
    Waiting(Execution<'a>),
}

/// Runs one message to its answer, alone or in a batch.
///
/// When it is dropped before that, a `readonly` handler is dropped with it. Any other goes on in a task of its own.
pub(super) struct Execution<'a> {
    work: &'a Work<'a>,
    id: Option<IdRef<'a>>,
    row: &'a Row,
    run: Run,
    /// Watches the call, where it waits and is watched.
    pub(super) watching: Watching,
}

impl<'a> Execution<'a> {
    /// Finds the handler of a message, with a hint and for a hint of which was the last, hands it the params and polls it
    /// once. Most are done by then, so that there is nothing to keep.
    ///
    /// `left` is how long the caller still waits, if its request says so.
    pub(super) fn begin(
        work: &'a Work<'a>,
        message: &Message<'a>,
        left: Option<Duration>,
        last: &mut Option<&'a Row>,
        cx: &mut TaskContext<'_>,
        output: &mut Output,
    ) -> Begun<'a> {
        let (id, Request { method, params }) = match message {
            Message::Call(id, call) => (Some(*id), call),
            Message::Notification(call) => (None, call),
            Message::Invalid(invalid) => {
                let error = ErrorObject::invalid_request(invalid.reason);
                return refuse(&mut Responder::new(output, Some(invalid.id)), &error);
            }
        };
        if left == Some(Duration::ZERO) {
            return refuse(&mut Responder::new(output, id), &expired());
        }
        let (table, mut other) = (&work.dispatcher.table, None);
        let Some((row, named)) = find(table, method, last, &mut other) else {
            let answered = Responder::new(output, id).error(&ErrorObject::method_not_found());
            return Begun::Done(answered.map_err(Fault::from));
        };
        let request = work.request;
        if let Err(denial) = auth::check(&row.method, request) {
            return Begun::Done(Err(deny(denial, &row.method, &mut Responder::new(output, id))));
        }
        let time = Time::start(&row.method, request, left, work.dispatcher.limits.handler_timeout);
        let call = IncomingCall {
            method: named,
            name: method,
            params: *params,
            id,
            request,
            deadline: time.deadline,
            key: None,
            body: work.body,
            load: work.room.load(),
            context: None,
            place: None,
        };
        if work.keys.is_some()
            && let Some(keyed) = keyed(work, row, &call, output)
        {
            return match keyed {
                Ok(handler) => {
                    let mut execution = Self { work, id, row, run: Run::new(Some(handler), time), watching: None };
                    let polled = execution.poll(cx, output);
                    execution.begun(polled)
                }
                Err(fault) => Begun::Done(Err(fault)),
            };
        }
        let mut handler = None;
        let polled = guard(output, id, &row.method, |responder| {
            time.inherited.enter(|| match row.handler.start(&call, responder) {
                Started::Done(result) => Poll::Ready(result),
                Started::Running(running) => handler.insert(running).as_mut().poll(cx, responder),
            })
        });
        if let Poll::Ready(result) = polled {
            discard(handler, &row.method);
            return Begun::Done(result);
        }
        let mut execution = Self { work, id, row, run: Run::new(handler, time), watching: None };
        let polled = execution.run.wait(&execution.call(), cx, output);
        execution.begun(polled)
    }

    fn begun(self, polled: Executed) -> Begun<'a> {
        match polled {
            Poll::Ready(result) => Begun::Done(result),
            Poll::Pending => Begun::Waiting(self),
        }
    }

    /// Returns the id of the answer, if there is one to give.
    pub(super) fn id(&self) -> Option<IdRef<'a>> {
        self.id
    }

    /// Makes progress. When ready, the answer stands in the output, if there is one to give.
    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>, output: &mut Output) -> Executed {
        let call = self.call();
        watched(&mut self.watching, call.id, || self.run.poll(&call, cx, output))
    }

    fn call(&self) -> Call<'a> {
        Call {
            id: self.id,
            method: &self.row.method,
            request: self.work.request,
            single: self.work.single,
            limit: self.work.dispatcher.limits.handler_timeout,
        }
    }

    #[cold]
    fn abandon(&mut self) {
        let Self { work, id, row, run, watching } = self;
        // Before the handler goes on, so that it does not miss it.
        work.leave();
        if row.method.effect == Effect::None {
            return entered(watching, || discard(run.take(), &row.method));
        }
        let detached = Detached {
            run: std::mem::take(run),
            method: row.method.clone(),
            id: id.map(|id| id.as_json().into()),
            request: work.request.clone(),
            single: work.single,
            limit: work.dispatcher.limits.handler_timeout,
            watching: watching.take(),
        };
        work.dispatcher.in_flight.detach(detached, &work.room);
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

/// Wraps the handler of a call that has a key, or refuses the call.
#[cold]
fn keyed(
    work: &Work<'_>,
    row: &Row,
    call: &IncomingCall<'_>,
    output: &mut Output,
) -> Option<Result<Pin<Box<dyn Running>>, Fault>> {
    let keys = work.keys.as_ref()?;
    let mut responder = Responder::new(output, call.id);
    let keyed =
        || if row.method.effect == Effect::Once { Keyed::new(keys, &row.handler, call, work.body) } else { None };
    // It asks the store, which is the user's.
    let Some(keyed) = contain(keyed) else {
        return Some(Err(Fault::refuse(&ErrorObject::internal(), &mut responder)));
    };
    match keyed {
        Some(Ok(keyed)) if work.is_full => Some(Ok(Box::pin(keyed.without_room()))),
        Some(Ok(keyed)) => Some(Ok(Box::pin(keyed))),
        Some(Err(refusal)) => Some(Err(Fault::refuse_key(refusal, &mut responder))),
        None if work.is_full => Some(Err(Fault::refuse(&overloaded(), &mut responder))),
        None => None,
    }
}

/// Finds the row that answers a call, and the method as its handler is to see it. For a method that there is not, there
/// is a row where a fallback or middleware is to see such calls, and `other` holds the method.
#[inline]
fn find<'t: 'o, 'o>(
    table: &'t Table,
    name: &str,
    last: &mut Option<&'t Row>,
    other: &'o mut Option<MethodRef>,
) -> Option<(&'t Row, &'o MethodRef)> {
    if let Some(row) = table.find(name, last) {
        return Some((row, &row.method));
    }
    let row = table.other(name)?;
    Some((row, other.insert(as_called(&row.method, name))))
}

/// Describes a method that the server does not have under the name by which it was called, which its context, its
/// layers and the fingerprint of its key are to see.
#[cold]
fn as_called(other: &MethodSpec, name: &str) -> MethodRef {
    let mut method = other.clone();
    method.name = name.to_owned().into();
    method.into()
}

/// Answers a call that its caller may not make.
#[cold]
fn deny(denial: Denial, method: &MethodSpec, responder: &mut Responder<'_>) -> Fault {
    Fault::deny(denial, method.requires.unwrap_or_default(), responder)
}

/// Answers a message that no handler is to see.
#[cold]
fn refuse<'a>(responder: &mut Responder<'_>, error: &ErrorObject) -> Begun<'a> {
    Begun::Done(Err(Fault::refuse(error, responder)))
}
