//! The open streams of a server: how many there may be, and whether they must end because the server drains.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::load::{CapacityError, ConnectionLoad};
use crate::meter::{Gauge, Meter, RaisedGauge};
use crate::quota::Quota;

/// The open streams of a server.
#[derive(Debug)]
pub(crate) struct OpenStreams {
    room: Quota,
    is_draining: AtomicBool,
    drain: Arc<Notify>,
    meter: Meter,
}

impl OpenStreams {
    pub(crate) fn new(most: usize, meter: Meter) -> Self {
        Self { room: Quota::new(most), is_draining: AtomicBool::new(false), drain: Arc::default(), meter }
    }

    /// Counts a stream until the guard is dropped. Fails with what is exhausted: the connection's share or the server's
    /// room.
    pub(crate) fn open(self: &Arc<Self>, load: &Arc<ConnectionLoad>) -> Result<StreamGuard, CapacityError> {
        if self.is_draining() {
            return Err(CapacityError::Server);
        }
        load.take_stream()?;
        if self.room.take_leaving(1, 0).is_err() {
            load.give_stream_back();
            return Err(CapacityError::Server);
        }
        let raised = self.meter.raise(Gauge::Streams);
        Ok(StreamGuard { all: Arc::clone(self), load: Arc::clone(load), _raised: raised })
    }

    /// Ends all streams, and refuses further ones.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
        self.drain.notify_waiters();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }
}

/// Counts a stream as open until this is dropped.
#[derive(Debug)]
pub(crate) struct StreamGuard {
    all: Arc<OpenStreams>,
    load: Arc<ConnectionLoad>,
    _raised: RaisedGauge,
}

impl StreamGuard {
    pub(super) fn is_draining(&self) -> bool {
        self.all.is_draining()
    }

    /// Returns a future that is ready when the server drains.
    pub(super) fn drained(&self) -> tokio::sync::futures::OwnedNotified {
        Arc::clone(&self.all.drain).notified_owned()
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.load.give_stream_back();
        self.all.room.give_back(1);
    }
}
