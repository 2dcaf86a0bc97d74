//! All connections at one address of a server. [`Connections`] enforces `Limits::max_connections`, counts connections
//! per peer, and sends them orders such as to close. `eviction` chooses which connections are closed to make room.

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
use super::state::{ConnectionOrder, ConnectionState, millis};
use crate::meter::Meter;
use eviction::{ConnectionRegistry, REMEMBERED};

/// The share of the limit that is closed at a time to make room: one connection in 128, rounded up.
const EVICTED_SHARE: usize = 128;

/// All connections that a server holds at one of its addresses.
#[derive(Debug)]
pub(super) struct Connections {
    limit: usize,
    pub(super) meter: Meter,
    all: Mutex<ConnectionRegistry>,
    one_left: Notify,
}

impl Connections {
    pub(super) fn new(limit: usize, meter: Meter) -> Arc<Self> {
        let limit = limit.clamp(1, u32::MAX as usize);
        Arc::new(Self { limit, meter, all: Mutex::default(), one_left: Notify::new() })
    }

    /// Admits a connection of this peer if there is room.
    pub(super) fn enter(self: &Arc<Self>, peer: PeerKey) -> Option<ConnectionSlot> {
        let mut all = self.lock();
        (all.states.len() < self.limit).then(|| self.admit_to(&mut all, peer))
    }

    /// Closes other connections to make room for a connection of this peer. Closes several at a time, since some take a
    /// moment to close, and where one connection waits, more usually follow.
    pub(super) fn make_room(&self, peer: PeerKey) {
        for _ in 0..self.limit.div_ceil(EVICTED_SHARE).min(REMEMBERED) {
            // A cut connection is gone at once, so none is cut beyond the one that is needed.
            if !matches!(self.evict_first(Some(peer)), Some(ConnectionOrder::Evict)) {
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

    /// Admits a connection even if there is no room.
    pub(super) fn admit_beyond(self: &Arc<Self>, peer: PeerKey) -> ConnectionSlot {
        self.admit_to(&mut self.lock(), peer)
    }

    fn admit_to(self: &Arc<Self>, all: &mut ConnectionRegistry, peer: PeerKey) -> ConnectionSlot {
        let state = Arc::new(ConnectionState::new(peer));
        state.arrives(Instant::now());
        state.tell(all.order);
        let place = u32::try_from(all.states.len()).expect("the limit is within 32 bits");
        state.place.store(place, Ordering::Relaxed);
        all.states.push(Arc::clone(&state));
        *all.peers.entry(peer).or_default() += 1;
        ConnectionSlot { connections: Arc::clone(self), state }
    }

    /// Closes the connection that ranks first for eviction, and returns whether there was one.
    ///
    /// If the newcomer's peer has fewer connections than another peer, connections of the other peer may be closed
    /// whenever no request runs on them.
    pub(super) fn evict(&self, newcomer: Option<PeerKey>) -> bool {
        self.evict_first(newcomer).is_some()
    }

    /// Closes the connection that ranks first for eviction, and returns the order it got.
    fn evict_first(&self, newcomer: Option<PeerKey>) -> Option<ConnectionOrder> {
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

    /// Gives an order to all present and future connections.
    pub(super) fn tell(&self, order: ConnectionOrder) {
        let mut all = self.lock();
        all.order = all.order.max(order);
        all.states.iter().for_each(|state| state.tell(order));
    }

    fn leave(&self, state: &ConnectionState) {
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

    fn lock(&self) -> MutexGuard<'_, ConnectionRegistry> {
        // Nothing panics while holding the lock, and the guarded data would still be consistent.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that counts towards the limit until this is dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    connections: Arc<Connections>,
    pub(super) state: Arc<ConnectionState>,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.connections.leave(&self.state);
    }
}
