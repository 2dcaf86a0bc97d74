//! [`Coalescer`]: the gathered calls of a client, shared by their callers. It applies the decisions of `lanes`: it puts
//! calls into requests, and notifies the caller whose turn it is.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rpc_core::MethodRef;

use super::lane_key::LaneKey;
use super::lanes::{Arrival, Group, LaneLimits, Lanes, Place};
use super::round_trips::{RoundTrips, SingleEnd};
use super::settings::Coalesce;
use crate::delivery::Entry;
use crate::joined_call::{JoinedCall, JoinedRequest};
use crate::runtime::Instant;
use crate::telemetry::CallSpan;

/// The gathered calls of a client, and what it knows of round trips.
pub(crate) struct Coalescer {
    pub(super) max_bytes: usize,
    pub(super) round_trips: RoundTrips,
    requests_per_endpoint: usize,
    lanes: Mutex<Lanes<LaneKey, GatheredCall>>,
}

/// A call that gathers, and then is part of a request.
pub(super) struct GatheredCall {
    pub(super) entry: Entry,
    pub(super) joined: Arc<JoinedCall>,
    /// When the caller made the call.
    pub(super) start: Instant,
    pub(super) span: CallSpan,
}

/// A request that is about to be sent.
pub(super) struct LeavingRequest {
    pub(super) calls: Vec<GatheredCall>,
    pub(super) request: Arc<JoinedRequest>,
}

impl Coalescer {
    /// Makes the coalescer of a client with this many endpoints, whose batches have this many entries at most.
    pub(crate) fn new(settings: &Coalesce, max_batch_entries: usize) -> Self {
        let limits = LaneLimits {
            max_entries: settings.max_entries.min(max_batch_entries).max(1),
            max_bytes: settings.max_bytes,
            slots: settings.requests_in_flight.max(1),
        };
        let (round_trips, lanes) = (RoundTrips::default(), Mutex::new(Lanes::new(limits)));
        Self { max_bytes: settings.max_bytes, requests_per_endpoint: limits.slots, round_trips, lanes }
    }

    /// Takes a slot for a call that leaves alone, if one is free.
    pub(super) fn take_slot(self: &Arc<Self>, key: &Arc<LaneKey>, endpoints: usize) -> Option<LaneSlot> {
        let mut lanes = self.lock();
        // The set of endpoints may have changed.
        lanes.set_slots(self.requests_per_endpoint.saturating_mul(endpoints));
        let is_free = lanes.take_slot(key);
        drop(lanes);
        is_free.then(|| LaneSlot::of(self, key))
    }

    /// Adds a call to the gathered ones. Returns its ticket and its place.
    pub(super) fn gather(&self, key: &Arc<LaneKey>, arrival: Arrival<GatheredCall>) -> (u64, Place<LeavingRequest>) {
        let mut lanes = self.lock();
        let (ticket, place) = lanes.gather(key, arrival);
        (ticket, self.board(lanes, key, place))
    }

    /// Returns the place of a gathered call. If it is time, the gathered calls leave.
    pub(super) fn place(&self, key: &Arc<LaneKey>, ticket: u64, now: Instant) -> Place<LeavingRequest> {
        let mut lanes = self.lock();
        let place = lanes.place(key, ticket, now);
        self.board(lanes, key, place)
    }

    /// Removes a call whose caller no longer waits. Returns whether it had not left.
    pub(super) fn remove(&self, key: &Arc<LaneKey>, ticket: u64) -> bool {
        let mut lanes = self.lock();
        let removed = lanes.remove(key, ticket);
        if removed.is_some() {
            Self::notify_first(lanes, key);
        }
        removed.is_some()
    }

    /// Returns whether calls gather.
    pub(super) fn has_gathered(&self, key: &Arc<LaneKey>) -> bool {
        self.lock().first(key).is_some()
    }

    /// Gives back a slot. The oldest gathered call then leaves with it, together with the others.
    fn release(&self, key: &Arc<LaneKey>) {
        let mut lanes = self.lock();
        lanes.release(key);
        Self::notify_first(lanes, key);
    }

    /// Puts leaving calls into their requests. This needs the lock: a caller that goes finds its call either among the
    /// gathered ones or in a request.
    fn board(
        &self,
        lanes: MutexGuard<'_, Lanes<LaneKey, GatheredCall>>,
        key: &Arc<LaneKey>,
        place: Place<Group<GatheredCall>>,
    ) -> Place<LeavingRequest> {
        let groups = match place {
            Place::Left => return Place::Left,
            Place::Behind => return Place::Behind,
            Place::First(leaves_at) => return Place::First(leaves_at),
            Place::Leaving(groups) => groups,
        };
        let board = |Group { calls, has_slot }: Group<GatheredCall>| {
            let request = Arc::new(JoinedRequest::new(calls.len(), has_slot));
            calls.iter().for_each(|call| call.joined.join(&request));
            LeavingRequest { calls, request }
        };
        let groups = groups.into_iter().map(board).collect();
        // Calls that stay behind have another first one.
        Self::notify_first(lanes, key);
        Place::Leaving(groups)
    }

    fn notify_first(lanes: MutexGuard<'_, Lanes<LaneKey, GatheredCall>>, key: &Arc<LaneKey>) {
        let first = lanes.first(key).map(|first| Arc::clone(&first.joined));
        // A notification may run code of the executor.
        drop(lanes);
        if let Some(first) = first {
            first.notify();
        }
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }

    fn lock(&self) -> MutexGuard<'_, Lanes<LaneKey, GatheredCall>> {
        // No user code runs while the lock is held.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Coalescer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coalescer").finish_non_exhaustive()
    }
}

/// A slot of a lane that a request takes. It is given back when this is dropped.
pub(super) struct LaneSlot {
    coalescer: Arc<Coalescer>,
    key: Arc<LaneKey>,
}

impl LaneSlot {
    pub(super) fn of(coalescer: &Arc<Coalescer>, key: &Arc<LaneKey>) -> Self {
        Self { coalescer: Arc::clone(coalescer), key: Arc::clone(key) }
    }
}

impl Drop for LaneSlot {
    fn drop(&mut self) {
        self.coalescer.release(&self.key);
    }
}

/// Measures a call that left alone. If it is dropped, the call has ended without an answer.
pub(super) struct SingleTimer {
    coalescer: Arc<Coalescer>,
    method: MethodRef,
    begun: Instant,
    is_watched: bool,
    is_answered: bool,
}

impl SingleTimer {
    pub(super) fn begin(coalescer: &Arc<Coalescer>, method: &MethodRef, begun: Instant) -> Self {
        let is_watched = coalescer.round_trips.begin(&method.name, begun);
        Self { coalescer: Arc::clone(coalescer), method: method.clone(), begun, is_watched, is_answered: false }
    }

    pub(super) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for SingleTimer {
    fn drop(&mut self) {
        let now = Instant::now();
        let Self { begun, is_watched, is_answered, .. } = *self;
        let end = SingleEnd { took: now - begun, is_watched, is_answered };
        self.coalescer.round_trips.end(&self.method.name, end, now);
    }
}
