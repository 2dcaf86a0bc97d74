//! Calls in flight, counted for the server and for the connection at once. A [`CallRoom`] belongs to a request and
//! returns its calls on drop. [`HeldCalls`] outlives the request, for detached handlers. `in_flight` decides which
//! calls get room.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{CapacityError, ConnectionLoad};
use crate::quota::Quota;

/// The calls that a request has in flight, from its connection's share and from the server's quota. They are returned
/// when this is dropped.
#[derive(Debug)]
pub(crate) struct CallRoom<'a> {
    all: &'a Quota,
    load: &'a Arc<ConnectionLoad>,
    /// Only the owner changes it, or code that takes a part over, so relaxed ordering is enough.
    calls: AtomicUsize,
}

impl<'a> CallRoom<'a> {
    /// Takes room for this many calls from the connection's share and from the server's quota, or fails.
    #[inline]
    pub(crate) fn take(all: &'a Quota, load: &'a Arc<ConnectionLoad>, calls: usize) -> Result<Self, CapacityError> {
        load.take_calls(calls)?;
        if all.take_leaving(calls, 0).is_err() {
            load.give_calls_back(calls);
            return Err(CapacityError::Server);
        }
        Ok(Self { all, load, calls: AtomicUsize::new(calls) })
    }

    /// Returns the room held beyond this many calls.
    #[inline]
    pub(crate) fn keep(&self, calls: usize) {
        let held = self.calls.load(Ordering::Relaxed);
        if held > calls {
            let spare = self.hand_over(held - calls);
            give_back(self.all, self.load, spare);
        }
    }

    /// Hands over room for up to this many calls and returns how many. The new owner has to return it.
    pub(crate) fn hand_over(&self, calls: usize) -> usize {
        let less = |held: usize| Some(held.saturating_sub(calls));
        let held = self.calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        held.unwrap_or_default().min(calls)
    }
}

impl Drop for CallRoom<'_> {
    fn drop(&mut self) {
        give_back(self.all, self.load, *self.calls.get_mut());
    }
}

fn give_back(all: &Quota, load: &ConnectionLoad, calls: usize) {
    load.give_calls_back(calls);
    all.give_back(calls);
}

impl ConnectionLoad {
    #[inline]
    fn take_calls(&self, calls: usize) -> Result<(), CapacityError> {
        if self.is_limited() {
            self.calls.take_leaving(calls, 0).map_err(|_| CapacityError::Connection)
        } else {
            Ok(())
        }
    }

    #[inline]
    fn give_calls_back(&self, calls: usize) {
        if self.is_limited() {
            self.calls.give_back(calls);
        }
    }
}

/// Room for calls that continue without their request. The owner has to return it explicitly.
#[derive(Debug)]
pub(crate) struct HeldCalls {
    load: Arc<ConnectionLoad>,
    calls: usize,
}

impl HeldCalls {
    /// Takes over the room of one call.
    pub(crate) fn of(room: &CallRoom<'_>) -> Self {
        Self { load: Arc::clone(room.load), calls: room.hand_over(1) }
    }

    /// Takes no room.
    pub(crate) fn nothing(load: &Arc<ConnectionLoad>) -> Self {
        Self { load: Arc::clone(load), calls: 0 }
    }

    /// Takes room for one call even where there is none. The quotas are overdrawn then.
    pub(crate) fn overdraw(all: &Quota, load: &Arc<ConnectionLoad>) -> Self {
        all.overdraw(1);
        if load.is_limited() {
            load.calls.overdraw(1);
        }
        Self { load: Arc::clone(load), calls: 1 }
    }

    pub(crate) fn give_back(&self, all: &Quota) {
        give_back(all, &self.load, self.calls);
    }
}
