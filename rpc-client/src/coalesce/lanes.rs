//! [`Lanes`]: which calls gather, and when they leave. It is pure: the time is an argument, and calls are of any type.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use crate::call_id::CallId;
use crate::runtime::Instant;

/// The calls of a client that gather, by what they must have in common.
///
/// A lane exists while it has gathered calls or requests in flight.
pub(super) struct Lanes<K, T> {
    limits: LaneLimits,
    lanes: HashMap<Arc<K>, Lane<T>>,
    next_ticket: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct LaneLimits {
    pub(super) max_entries: usize,
    pub(super) max_bytes: usize,
    /// The number of requests in flight from which on calls gather.
    pub(super) slots: usize,
}

struct Lane<T> {
    /// The number of slots taken.
    taken: usize,
    /// The gathered calls, the oldest first.
    queue: VecDeque<Gathered<T>>,
    /// The size of the gathered calls.
    bytes: usize,
}

struct Gathered<T> {
    ticket: u64,
    arrival: Arrival<T>,
}

/// A call that gathers.
pub(super) struct Arrival<T> {
    pub(super) call: T,
    pub(super) id: Option<CallId>,
    pub(super) bytes: usize,
    /// When the call leaves at the latest.
    pub(super) leaves_at: Instant,
}

/// Calls that leave in one request.
#[derive(Debug, PartialEq)]
pub(super) struct Group<T> {
    pub(super) calls: Vec<T>,
    /// Whether the request takes a slot, which [`Lanes::release`] gives back.
    pub(super) has_slot: bool,
}

/// Where a call is.
#[derive(Debug, PartialEq)]
pub(super) enum Place<G> {
    /// It has left.
    Left,
    /// It waits behind older calls.
    Behind,
    /// It is the oldest gathered call. Its caller must look again at this time.
    First(Instant),
    /// These groups of calls leave now. This call may be in one of them.
    Leaving(Vec<G>),
}

impl<K: Hash + Eq, T> Lanes<K, T> {
    pub(super) fn new(limits: LaneLimits) -> Self {
        Self { limits, lanes: HashMap::new(), next_ticket: 0 }
    }

    /// Sets the number of requests that may be in flight in each lane.
    pub(super) fn set_slots(&mut self, slots: usize) {
        self.limits.slots = slots;
    }

    /// Takes a slot for a call that leaves alone. Returns false if no slot is free or older calls wait for one.
    pub(super) fn take_slot(&mut self, key: &Arc<K>) -> bool {
        let Some(lane) = self.lanes.get_mut(key) else {
            self.lanes.insert(Arc::clone(key), Lane { taken: 1, queue: VecDeque::new(), bytes: 0 });
            return true;
        };
        let is_free = lane.taken < self.limits.slots && lane.queue.is_empty();
        lane.taken += usize::from(is_free);
        is_free
    }

    /// Adds a call to the gathered ones. Returns its ticket and its place.
    pub(super) fn gather(&mut self, key: &Arc<K>, arrival: Arrival<T>) -> (u64, Place<Group<T>>) {
        let (ticket, limits) = (self.next_ticket, self.limits);
        self.next_ticket += 1;
        let lane = match self.lanes.get_mut(key) {
            Some(lane) => lane,
            None => self.lanes.entry(Arc::clone(key)).or_insert_with(Lane::new),
        };
        let leaves_at = arrival.leaves_at;
        lane.bytes += arrival.bytes;
        lane.queue.push_back(Gathered { ticket, arrival });
        let mut groups = Vec::new();
        if lane.taken < limits.slots {
            groups.push(lane.leave_with_slot(limits));
        }
        while lane.queue.len() >= limits.max_entries || lane.bytes >= limits.max_bytes {
            groups.push(lane.leave(limits));
        }
        let place = match groups.is_empty() {
            false => Place::Leaving(groups),
            true if lane.queue.len() == 1 => Place::First(leaves_at),
            true => Place::Behind,
        };
        (ticket, place)
    }

    /// Returns the place of a call with this ticket. Lets calls leave if it is time.
    pub(super) fn place(&mut self, key: &Arc<K>, ticket: u64, now: Instant) -> Place<Group<T>> {
        let limits = self.limits;
        let Some(lane) = self.lanes.get_mut(key) else { return Place::Left };
        let Some(index) = lane.index(ticket) else { return Place::Left };
        if lane.taken < limits.slots {
            return Place::Leaving(vec![lane.leave_with_slot(limits)]);
        }
        let leaves_at = lane.queue[0].arrival.leaves_at;
        match index {
            _ if leaves_at <= now => Place::Leaving(vec![lane.leave(limits)]),
            0 => Place::First(leaves_at),
            _ => Place::Behind,
        }
    }

    /// Removes a gathered call. Returns it, or `None` if it has left.
    pub(super) fn remove(&mut self, key: &Arc<K>, ticket: u64) -> Option<T> {
        let lane = self.lanes.get_mut(key)?;
        let gathered = lane.index(ticket).and_then(|index| lane.queue.remove(index))?;
        lane.bytes -= gathered.arrival.bytes;
        self.remove_idle(key);
        Some(gathered.arrival.call)
    }

    /// Gives back a slot.
    pub(super) fn release(&mut self, key: &Arc<K>) {
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.taken -= 1;
        }
        self.remove_idle(key);
    }

    /// Returns the oldest gathered call.
    pub(super) fn first(&self, key: &Arc<K>) -> Option<&T> {
        self.lanes.get(key)?.queue.front().map(|first| &first.arrival.call)
    }

    fn remove_idle(&mut self, key: &Arc<K>) {
        if self.lanes.get(key).is_some_and(|lane| lane.taken == 0 && lane.queue.is_empty()) {
            self.lanes.remove(key);
        }
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.lanes.is_empty()
    }
}

impl<T> Lane<T> {
    fn new() -> Self {
        Self { taken: 0, queue: VecDeque::new(), bytes: 0 }
    }

    /// Returns the position of the call with this ticket. Tickets ascend in the queue.
    fn index(&self, ticket: u64) -> Option<usize> {
        self.queue.binary_search_by_key(&ticket, |gathered| gathered.ticket).ok()
    }

    fn leave_with_slot(&mut self, limits: LaneLimits) -> Group<T> {
        self.taken += 1;
        Group { has_slot: true, ..self.leave(limits) }
    }

    /// Removes the oldest calls that fit into one request, at least one.
    ///
    /// A call with the id of another one stays for the next request. Two calls with one idempotency key have the same
    /// id. The server could not tell them apart, and their keys would cancel out in the header `Rpc-Idempotency`.
    fn leave(&mut self, limits: LaneLimits) -> Group<T> {
        let mut ids: Vec<CallId> = Vec::new();
        let mut calls = Vec::with_capacity(self.queue.len().min(limits.max_entries));
        let mut left_bytes = limits.max_bytes;
        let mut skipped = VecDeque::new();
        while calls.len() < limits.max_entries
            && let Some(next) = self.queue.front()
        {
            let Arrival { bytes, id, .. } = &next.arrival;
            let is_doubled = id.as_ref().is_some_and(|id| ids.contains(id));
            if !is_doubled && *bytes > left_bytes && !calls.is_empty() {
                break;
            }
            let Some(next) = self.queue.pop_front() else { break };
            if is_doubled {
                skipped.push_back(next);
                continue;
            }
            self.bytes -= next.arrival.bytes;
            left_bytes = left_bytes.saturating_sub(next.arrival.bytes);
            ids.extend(next.arrival.id);
            calls.push(next.arrival.call);
        }
        while let Some(skipped) = skipped.pop_back() {
            self.queue.push_front(skipped);
        }
        Group { calls, has_slot: false }
    }
}

#[cfg(test)]
mod tests;
