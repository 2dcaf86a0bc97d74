//! All connections at one address of a server. [`Connections`] enforces `Limits::max_connections`, counts connections
//! per peer, and sends them orders such as to close. `eviction` chooses which are closed to make room.

mod eviction;
#[cfg(test)]
mod tests;

use std::collections::hash_map::Entry;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use super::peer::PeerKey;
use super::state::{Order, State, millis};
use crate::meter::Meter;
use eviction::{All, REMEMBERED};

/// How many connections are closed at a time to make room: one of so many that there may be.
const EVICTED_SHARE: usize = 128;

/// All connections that a server holds at one of its addresses.
#[derive(Debug)]
pub(super) struct Connections {
    limit: usize,
    pub(super) meter: Meter,
    all: Mutex<All>,
    one_left: Notify,
}

impl Connections {
    pub(super) fn new(limit: usize, meter: Meter) -> Arc<Self> {
        let limit = limit.clamp(1, u32::MAX as usize);
        Arc::new(Self { limit, meter, all: Mutex::default(), one_left: Notify::new() })
    }

    /// Takes a connection of this peer, if there is room.
    pub(super) fn enter(self: &Arc<Self>, peer: PeerKey) -> Option<Admitted> {
        let mut all = self.lock();
        (all.states.len() < self.limit).then(|| self.admit_to(&mut all, peer))
    }

    /// Closes others to make room for a connection of this peer: several, since some take a moment, and more
    /// connections wait where there is one.
    pub(super) fn make_room(&self, peer: PeerKey) {
        for _ in 0..self.limit.div_ceil(EVICTED_SHARE).min(REMEMBERED) {
            // One that is cut leaves at once, and no more of its kind are cut than have to be.
            if !matches!(self.evict_first(Some(peer)), Some(Order::Evict)) {
                break;
            }
        }
    }

    /// Waits until a connection has left.
    pub(super) fn one_left(&self) -> Notified<'_> {
        self.one_left.notified()
    }

    /// Returns how many connections each of these peers holds.
    pub(super) fn held(&self, peers: impl Iterator<Item = PeerKey>) -> Vec<usize> {
        let all = self.lock();
        peers.map(|peer| all.count(peer)).collect()
    }

    /// Takes a connection, whether there is room for it or not.
    pub(super) fn admit_beyond(self: &Arc<Self>, peer: PeerKey) -> Admitted {
        self.admit_to(&mut self.lock(), peer)
    }

    fn admit_to(self: &Arc<Self>, all: &mut All, peer: PeerKey) -> Admitted {
        let state = Arc::new(State::new(peer));
        state.arrives(Instant::now());
        state.tell(all.order);
        let place = u32::try_from(all.states.len()).expect("the limit is within 32 bits");
        state.place.store(place, Ordering::Relaxed);
        all.states.push(Arc::clone(&state));
        *all.peers.entry(peer).or_default() += 1;
        Admitted { connections: Arc::clone(self), state }
    }

    /// Closes the connection that is the first to go, and returns whether there was one.
    ///
    /// Where the room is wanted by a peer that has fewer connections than another, that other one may lose connections
    /// at any time at which nothing runs on them.
    pub(super) fn evict(&self, newcomer: Option<PeerKey>) -> bool {
        self.evict_first(newcomer).is_some()
    }

    /// Closes the connection that is the first to go, and returns what it was told.
    fn evict_first(&self, newcomer: Option<PeerKey>) -> Option<Order> {
        let mut all = self.lock();
        let first = all.remembered(newcomer).or_else(|| {
            all.look(newcomer, millis(Instant::now()));
            all.remembered(newcomer)
        });
        first.map(|(first, order)| {
            first.tell(order);
            order
        })
    }

    /// Tells all connections that there are, and those to come.
    pub(super) fn tell(&self, order: Order) {
        let mut all = self.lock();
        all.order = all.order.max(order);
        all.states.iter().for_each(|state| state.tell(order));
    }

    fn leave(&self, state: &State) {
        let mut all = self.lock();
        let place = state.place.load(Ordering::Relaxed) as usize;
        drop(all.states.swap_remove(place));
        if let Some(moved) = all.states.get(place) {
            moved.place.store(state.place.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        if let Entry::Occupied(mut peers) = all.peers.entry(state.peer) {
            *peers.get_mut() -= 1;
            if *peers.get() == 0 {
                peers.remove();
            }
        }
        drop(all);
        self.one_left.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        // Nothing panics within the lock, and what it guards would still be whole.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that counts as one until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    connections: Arc<Connections>,
    pub(super) state: Arc<State>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.leave(&self.state);
    }
}
