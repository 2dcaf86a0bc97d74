//! Admission of calls, and the count of detached tasks. [`InFlight`] holds the server's quota of calls and the limits
//! of those that run. An [`Admission`] holds one request's share and returns it on drop. A [`DetachedGuard`] keeps a
//! detached task counted until it ends. This file spawns futures, but it knows no `Call` and no handler.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::Limits;
use crate::load::{CallRoom, CapacityError, ConnectionLoad, HeldCalls};
use crate::meter::{Gauge, Meter, RaisedGauge};
use crate::quota::{Quota, QuotaExhausted, QuotaGuard};
use crate::stream::OpenStreams;

/// The calls in flight of a server, and its detached handlers.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// The room for further calls.
    room: Quota,
    /// Extra room for pages and for requests with keys, when `room` is exhausted. Such a request may only receive kept
    /// answers.
    spare: Quota,
    /// How long a handler may take.
    pub(crate) handler_timeout: Duration,
    /// The maximum size of a response, in bytes.
    pub(crate) max_response_bytes: usize,
    /// The open streams. Calls that have opened one are no longer in flight.
    pub(crate) streams: Arc<OpenStreams>,
    detached: AtomicUsize,
    /// Set when the server stops: clients can no longer retry here.
    ending: AtomicBool,
    none_detached: Notify,
    meter: Meter,
}

impl InFlight {
    pub(crate) fn new(limits: &Limits, meter: Meter) -> Self {
        Self {
            room: Quota::new(limits.max_calls_in_flight),
            spare: Quota::new(limits.max_calls_in_flight.div_ceil(16)),
            handler_timeout: limits.handler_timeout,
            max_response_bytes: limits.max_response_bytes,
            streams: Arc::new(OpenStreams::new(limits.max_streams, meter)),
            detached: AtomicUsize::new(0),
            ending: AtomicBool::new(false),
            none_detached: Notify::new(),
            meter,
        }
    }

    /// Reserves room for `calls` calls. Fails with what is exhausted: the connection's share or the server's room.
    #[inline]
    pub(crate) fn admit<'a>(
        &'a self,
        load: &'a Arc<ConnectionLoad>,
        calls: usize,
    ) -> Result<CallRoom<'a>, CapacityError> {
        CallRoom::take(&self.room, load, calls)
    }

    /// Admits a request with keys although there is no room. It may get kept answers, since its caller would only
    /// retry. A connection that has used up its own share is not admitted.
    #[cold]
    pub(crate) fn admit_kept_only<'a>(
        &'a self,
        load: &'a Arc<ConnectionLoad>,
        full: CapacityError,
    ) -> Option<Admission<'a>> {
        match (full, self.spare.take(1)) {
            (CapacityError::Server, Ok(spare)) => Some(Admission::KeptOnly { load, _spare: spare }),
            _ => None,
        }
    }

    /// Reserves room for a page. The spare room serves pages too, since metrics matter most when a server is full.
    pub(crate) fn admit_page(&self) -> Result<QuotaGuard<'_>, QuotaExhausted> {
        self.room.take(1).or_else(|_| self.spare.take(1))
    }

    /// Counts a handler that is detached from its request. It takes over the room of the request.
    pub(crate) fn detach(self: &Arc<Self>, admission: &Admission<'_>) -> DetachedGuard {
        // Telemetry watches its call until it ends, and counts it as in flight.
        self.count(admission.hand_over(), None)
    }

    /// Counts a handler that continues although its call may have ended. It takes room of its own. If necessary, it
    /// overdraws the quota, so that no other call starts instead.
    pub(crate) fn leave_behind(self: &Arc<Self>, load: &Arc<ConnectionLoad>) -> DetachedGuard {
        self.count(HeldCalls::overdraw(&self.room, load), Some(self.meter.raise(Gauge::CallsInFlight)))
    }

    fn count(self: &Arc<Self>, room: HeldCalls, as_call: Option<RaisedGauge>) -> DetachedGuard {
        self.detached.fetch_add(1, Ordering::Relaxed);
        let detached = self.meter.raise(Gauge::DetachedHandlers);
        DetachedGuard { in_flight: Arc::clone(self), room, _raised: (detached, as_call) }
    }

    /// Returns whether more calls run than allowed, in all or for this connection. Then even calls with room must not
    /// start.
    pub(crate) fn is_overdrawn(&self, load: &ConnectionLoad) -> bool {
        self.room.is_overdrawn() || load.is_overdrawn()
    }

    /// Returns whether there is no room for another call.
    pub(crate) fn is_full(&self) -> bool {
        self.room.is_exhausted()
    }

    /// Returns how many more calls may run.
    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.room.left()
    }

    /// Marks the server as ending: what still runs is cut.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Waits until no detached handler runs.
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

/// What a request may do with its calls. Dropping it releases the room.
#[derive(Debug)]
pub(crate) enum Admission<'a> {
    /// Run their handlers.
    Room(CallRoom<'a>),
    /// Return kept answers. No handler may start.
    KeptOnly { load: &'a Arc<ConnectionLoad>, _spare: QuotaGuard<'a> },
}

impl Admission<'_> {
    /// Releases the room beyond that of `calls` calls.
    #[inline]
    pub(crate) fn keep(&self, calls: usize) {
        if let Self::Room(room) = self {
            room.keep(calls);
        }
    }

    /// Hands over the room of a call that is detached from its request.
    fn hand_over(&self) -> HeldCalls {
        match self {
            Self::Room(room) => HeldCalls::of(room),
            Self::KeptOnly { load, .. } => HeldCalls::nothing(load),
        }
    }
}

/// Counts a handler without a caller until this is dropped.
#[derive(Debug)]
pub(crate) struct DetachedGuard {
    in_flight: Arc<InFlight>,
    room: HeldCalls,
    /// The levels of detached handlers and, where nothing else counts the call, of calls in flight.
    _raised: (RaisedGauge, Option<RaisedGauge>),
}

impl DetachedGuard {
    /// Runs a future in its own task, and counts it until it ends. Drops it if there is no runtime.
    pub(crate) fn spawn(self, future: impl Future<Output = ()> + Send + 'static) {
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            let _counted = self;
            future.await;
        });
    }
}

impl Drop for DetachedGuard {
    fn drop(&mut self) {
        self.room.give_back(&self.in_flight.room);
        if self.in_flight.detached.fetch_sub(1, Ordering::Release) == 1 {
            self.in_flight.none_detached.notify_waiters();
        }
    }
}
