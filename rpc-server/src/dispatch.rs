//! From bytes to an answer. Nothing here performs I/O; the only clock is the one that bounds handlers.

mod batch;
mod detach;
mod execution;
mod run;
mod slice;
mod time;
mod written;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use rpc_core::codec::{self, Output};
use rpc_core::{AnswerStatus, IdRef, Message, Packet, RequestContext};

use crate::Limits;
use crate::fault::Fault;
use crate::idempotency::{Idempotency, RequestKeys};
use crate::quota::{Exhausted, Taken};
use crate::table::Table;
pub(crate) use detach::InFlight;
use execution::{Begun, Execution};
pub(crate) use written::{NO, SOON, Written, whole_error};

#[derive(Debug)]
pub(crate) struct Dispatcher {
    pub(crate) table: Table,
    pub(crate) limits: Limits,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) idempotency: Option<Arc<Idempotency>>,
}

/// What the messages of one request share while they run.
struct Work<'a> {
    dispatcher: &'a Dispatcher,
    body: &'a Bytes,
    request: &'a Arc<RequestContext>,
    /// Nearly no request has any.
    keys: Option<Box<RequestKeys>>,
    room: Taken<'a>,
    /// Whether there was no room, so that no handler may begin. Then there are keys.
    is_full: bool,
    /// Whether there is one message, and not a batch.
    single: bool,
}

impl Work<'_> {
    /// Returns how long the caller still waits, if it says so.
    #[inline]
    fn left(&self) -> Option<Duration> {
        self.request.deadline().map(|deadline| deadline.saturating_duration_since(self.request.now()))
    }
}

impl Dispatcher {
    pub(crate) fn new(table: Table, mut limits: Limits, idempotency: Option<Arc<Idempotency>>) -> Self {
        // A batch takes room for all that it runs at a time. One that is wider than there is room would never run.
        limits.max_batch_concurrency = limits.max_batch_concurrency.clamp(1, limits.max_calls_in_flight.max(1));
        let in_flight = Arc::new(InFlight::new(&limits));
        Self { table, limits, in_flight, idempotency }
    }

    /// Answers a message. `has_keys` says whether the request may have idempotency keys.
    pub(crate) async fn dispatch(&self, body: &Bytes, request: &Arc<RequestContext>, has_keys: bool) -> Written {
        let packet = match codec::parse(body, self.limits.max_batch_entries) {
            Ok(packet) => packet,
            Err(error) => return whole_error(IdRef::NULL, &error.to_error_object()).refused(),
        };
        let (calls, id) = match &packet {
            Packet::Single(Message::Call(id, _)) => (1, *id),
            Packet::Single(_) => (1, IdRef::NULL),
            Packet::Batch(entries) => (entries.len().min(self.limits.max_batch_concurrency), IdRef::NULL),
        };
        let keys = match has_keys.then(|| self.keys(request, &packet, id)).transpose() {
            Ok(keys) => keys.flatten(),
            Err(broken) => return *broken,
        };
        let (room, is_full) = match (self.in_flight.room.take(calls), &packet, &keys) {
            (Ok(room), _, _) => (room, false),
            // What is kept of an earlier call is given even then, since its caller would only come again.
            (Err(Exhausted), Packet::Single(_), Some(_)) => (self.in_flight.room.nothing(), true),
            (Err(Exhausted), _, _) => return Written::overloaded(id),
        };
        let may_come_again = keys.is_some();
        let mut unfinished = Unfinished { request: Some(request), may_come_again, in_flight: &self.in_flight };
        let work =
            Work { dispatcher: self, body, request, keys, room, is_full, single: matches!(packet, Packet::Single(_)) };
        let mut answer = match &packet {
            Packet::Single(message) => single(&work, message).await,
            Packet::Batch(entries) => batch::run(&work, entries).await,
        };
        unfinished.request = None;
        if let Some(keys) = &work.keys {
            answer.announce(keys);
        }
        answer
    }

    /// Reads the idempotency keys of a request, or answers in its place.
    #[cold]
    fn keys(
        &self,
        request: &RequestContext,
        packet: &Packet<'_>,
        id: IdRef<'_>,
    ) -> Result<Option<Box<RequestKeys>>, Box<Written>> {
        let read = RequestKeys::read(self.idempotency.as_ref(), request, packet);
        read.map(|keys| keys.map(Box::new)).map_err(|broken| Box::new(Written::broken_keys(id, broken)))
    }
}

/// Cancels its request when it is dropped before the request is answered.
struct Unfinished<'a> {
    request: Option<&'a RequestContext>,
    /// Whether the caller may come again for the answers, since they are kept under keys.
    may_come_again: bool,
    in_flight: &'a InFlight,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request {
            self.in_flight.leave(request, self.may_come_again);
        }
    }
}

async fn single(work: &Work<'_>, message: &Message<'_>) -> Written {
    let answered = !matches!(message, Message::Notification(_));
    let mut output = Output::new(work.dispatcher.limits.max_response_bytes);
    let result = match Execution::begin(work, message, work.left(), &mut None, &mut output) {
        Begun::Done(result) => result,
        Begun::Running(mut execution) => poll_fn(|cx| execution.poll(cx, &mut output)).await,
    };
    let status = match result {
        Err(Fault { code, .. }) if answered => AnswerStatus::Error(code),
        // The client of a notification is not to learn of its errors.
        _ => AnswerStatus::Success,
    };
    let written = Written::new(output.into_bytes(), status);
    match result {
        Err(fault) => written.with_advice(fault, work.keys.as_deref()),
        Ok(()) => written,
    }
}

/// What executing one message comes to.
type Executed = Poll<Result<(), Fault>>;
