use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rpc_core::codec::Output;
use rpc_core::{IdRef, Inherited, MethodRef, RequestContext};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::run::{Call, Run, discard};
use super::time::Time;
use crate::Limits;
use crate::handler::Running;
use crate::load::{CallRoom, ConnectionLoad, HeldCalls};
use crate::quota::Quota;
use crate::telemetry::{Watching, watched};

/// Knows how many calls run, and which of them go on though nobody waits for them any longer.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// How many more calls may run.
    pub(super) room: Quota,
    /// How many more requests with keys may find out who calls while there is no room, since what is kept of earlier
    /// calls is given even then.
    pub(super) spare: Quota,
    handler_timeout: Duration,
    pub(crate) max_response_bytes: usize,
    detached: AtomicUsize,
    /// Whether the server ends, so that nobody can come again.
    ending: AtomicBool,
    none_detached: Notify,
}

/// A handler that goes on without its request: a method that has an effect is not left half-way.
pub(super) struct Detached {
    pub(super) run: Run,
    pub(super) method: MethodRef,
    pub(super) id: Option<Box<str>>,
    pub(super) request: Arc<RequestContext>,
    pub(super) single: bool,
    /// How long it may go on, unless that is counted already.
    pub(super) limit: Duration,
    pub(super) watching: Watching,
}

impl InFlight {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            room: Quota::new(limits.max_calls_in_flight),
            spare: Quota::new(limits.max_calls_in_flight.div_ceil(16)),
            handler_timeout: limits.handler_timeout,
            max_response_bytes: limits.max_response_bytes,
            detached: AtomicUsize::new(0),
            ending: AtomicBool::new(false),
            none_detached: Notify::new(),
        }
    }

    /// Lets a handler go on in a task of its own. It still counts as a call in flight, in the room that its request had.
    pub(super) fn detach(self: &Arc<Self>, mut handler: Detached, room: &CallRoom<'_>) {
        let Ok(runtime) = Handle::try_current() else { return discard(handler.run.take(), &handler.method) };
        handler.watching.iter_mut().for_each(|watch| watch.detach());
        self.count(HeldCalls::of(room)).spawn(handler, &runtime);
    }

    /// Lets a handler go on that a layer around it has dropped, while its request goes on. It takes room of its own.
    pub(crate) fn adopt(
        self: &Arc<Self>,
        handler: Pin<Box<dyn Running>>,
        method: MethodRef,
        request: Arc<RequestContext>,
        left: Inherited,
        load: &Arc<ConnectionLoad>,
    ) {
        let Ok(runtime) = Handle::try_current() else { return };
        let (time, limit) = Time::left(left, self.handler_timeout);
        let run = Run::new(Some(handler), time);
        let handler = Detached { run, method, id: None, request, single: false, limit, watching: None };
        self.leave_behind(load).spawn(handler, &runtime);
    }

    /// Counts what goes on though its call may be over, in room of its own. Where there is none, room is overdrawn, so that
    /// no other call begins instead.
    pub(crate) fn leave_behind(self: &Arc<Self>, load: &Arc<ConnectionLoad>) -> Counted {
        self.count(HeldCalls::overdraw(&self.room, load))
    }

    /// Tells whether more runs than may, at all or for this connection, so that even calls which have room must not
    /// begin.
    pub(crate) fn is_overdrawn(&self, load: &ConnectionLoad) -> bool {
        self.room.is_overdrawn() || load.is_overdrawn()
    }

    fn count(self: &Arc<Self>, room: HeldCalls) -> Counted {
        self.detached.fetch_add(1, Ordering::Relaxed);
        Counted { in_flight: Arc::clone(self), room }
    }

    /// Tells whether no more calls may run at the moment.
    pub(crate) fn is_full(&self) -> bool {
        self.room.is_exhausted()
    }

    /// Returns how many more calls may run.
    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.room.left()
    }

    /// Says that the server ends and what still runs is cut off.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Waits until no handler goes on without its request.
    pub(crate) async fn none_detached(&self) {
        loop {
            let mut none = pin!(self.none_detached.notified());
            none.as_mut().enable();
            if self.detached.load(Ordering::Acquire) == 0 {
                return;
            }
            none.await;
        }
    }
}

/// Counts a detached handler for as long as it runs.
#[derive(Debug)]
pub(crate) struct Counted {
    in_flight: Arc<InFlight>,
    room: HeldCalls,
}

impl Counted {
    fn spawn(self, handler: Detached, runtime: &Handle) {
        runtime.spawn(self.finish(handler));
    }

    async fn finish(self, handler: Detached) {
        let Detached { mut run, method, id, request, single, limit, mut watching } = handler;
        let call =
            Call { id: id.as_deref().and_then(IdRef::from_json), method: &method, request: &request, single, limit };
        let mut output = Output::lazy(self.in_flight.max_response_bytes);
        let result = poll_fn(|cx| watched(&mut watching, call.id, || run.poll(&call, cx, &mut output))).await;
        tracing::debug!(method = &*method.name, failed = result.is_err(), "handler ended without its caller");
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.room.give_back(&self.in_flight.room);
        if self.in_flight.detached.fetch_sub(1, Ordering::Release) == 1 {
            self.in_flight.none_detached.notify_waiters();
        }
    }
}
