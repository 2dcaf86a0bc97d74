use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::peer::PeerKey;
use super::state::{Order, Phase, State, millis};
use crate::meter::{Level, Meter};

/// Is how long a connection has to be idle before it is closed to make room. One that was just used is likely to be used
/// again, and its next request may be on its way already.
const MIN_REST: Duration = Duration::from_secs(1);

/// Is how many of those that are the first to go are remembered, so that not all have to be looked at for each of them.
const REMEMBERED: usize = 64;

/// How long something may arrive before it makes room for others of the same address, where no connection is at rest.
const MAX_ARRIVAL: Duration = Duration::from_secs(5);

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

#[derive(Debug, Default)]
struct All {
    states: Vec<Arc<State>>,
    /// How many there are of each peer.
    peers: HashMap<PeerKey, usize>,
    /// What all of them were told, and new ones are told at once.
    order: Order,
    /// Some that were the first to go when they were looked at, the very first one last.
    first: Vec<Victim>,
}

impl Connections {
    pub(super) fn new(limit: usize, meter: Meter) -> Arc<Self> {
        let limit = limit.clamp(1, u32::MAX as usize);
        Arc::new(Self { limit, meter, all: Mutex::default(), one_left: Notify::new() })
    }

    /// Waits until there is room for another connection of this peer, and closes others to make some.
    pub(super) async fn admit(self: &Arc<Self>, peer: PeerKey) -> Admitted {
        if let Some(admitted) = self.enter(peer) {
            return admitted;
        }
        let _waiting = self.meter.raise(Level::AcceptWaiting);
        loop {
            let mut one_left = pin!(self.one_left.notified());
            one_left.as_mut().enable();
            if let Some(admitted) = self.enter(peer) {
                return admitted;
            }
            // Some take a moment, and more connections wait where there is one.
            for _ in 0..self.limit.div_ceil(EVICTED_SHARE).min(REMEMBERED) {
                if !self.evict(Some(peer)) {
                    break;
                }
            }
            // One that was told to close may take its time, and others may come to rest meanwhile.
            let _ = timeout(MIN_REST, one_left).await;
        }
    }

    fn enter(self: &Arc<Self>, peer: PeerKey) -> Option<Admitted> {
        let mut all = self.lock();
        (all.states.len() < self.limit).then(|| self.admit_to(&mut all, peer))
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
    /// Where the room is wanted by a peer that has fewer connections than another, that other one may lose connections at
    /// any time at which nothing runs on them.
    pub(super) fn evict(&self, newcomer: Option<PeerKey>) -> bool {
        let mut all = self.lock();
        let first = all.remembered(newcomer).or_else(|| {
            all.look(newcomer, millis(Instant::now()));
            all.remembered(newcomer)
        });
        if let Some(first) = &first {
            first.tell(Order::Evict);
        }
        first.is_some()
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

/// A connection that may be closed to make room, as long as its phase stays the same.
#[derive(Debug)]
struct Victim {
    rank: Rank,
    phase: Phase,
    state: Arc<State>,
}

/// Why a connection may be closed to make room, the best reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It is one of the peer that has the most, and has not sent the head of a request in a second.
    Mute,
    /// It is at rest.
    Idle,
    /// It is one of the peer that has the most, and something arrives slowly.
    Slow,
    /// It is one of the peer that has more than the newcomer's, and nothing runs on it.
    Crowds,
}

impl All {
    /// Returns the first to go of those that are remembered and were the same all the time.
    fn remembered(&mut self, newcomer: Option<PeerKey>) -> Option<Arc<State>> {
        while let Some(Victim { rank, phase, state }) = self.first.pop() {
            if state.phase() == Some(phase) && (rank < Rank::Crowds || self.outnumbers(state.peer, newcomer)) {
                return Some(state);
            }
        }
        None
    }

    fn count(&self, peer: PeerKey) -> usize {
        self.peers.get(&peer).copied().unwrap_or_default()
    }

    /// Tells whether a peer has more connections than the newcomer's would have.
    fn outnumbers(&self, peer: PeerKey, newcomer: Option<PeerKey>) -> bool {
        newcomer.is_some_and(|newcomer| self.count(peer) > self.count(newcomer) + 1)
    }

    /// Looks for those that are the first to go.
    fn look(&mut self, newcomer: Option<PeerKey>, now: u64) {
        let Some(crowd) = self.peers.iter().max_by_key(|(_, count)| **count).map(|(peer, _)| *peer) else { return };
        let crowds = self.outnumbers(crowd, newcomer);
        let rank = |state: &State, phase: Phase| {
            let (rests, since) = match phase {
                Phase::Rests(since) => (true, since),
                Phase::Arrives(since) => (false, since),
                Phase::Busy => return None,
            };
            let (age, of_crowd) = (now.saturating_sub(since), state.peer == crowd);
            let rank = if of_crowd && state.begun() == 0 && age >= millis_of(MIN_REST) {
                Rank::Mute
            } else if rests && age >= millis_of(MIN_REST) {
                Rank::Idle
            } else if of_crowd && !rests && age >= millis_of(MAX_ARRIVAL) {
                Rank::Slow
            } else if of_crowd && crowds {
                Rank::Crowds
            } else {
                return None;
            };
            Some((rank, since, phase))
        };
        let ranked = self.states.iter().filter_map(|state| Some((rank(state, state.phase()?)?, state)));
        let mut first: Vec<((Rank, u64, Phase), &Arc<State>)> = ranked.collect();
        let key = |((rank, since, _), _): &((Rank, u64, Phase), _)| (*rank, *since);
        if first.len() > REMEMBERED {
            first.select_nth_unstable_by_key(REMEMBERED, key);
            first.truncate(REMEMBERED);
        }
        first.sort_unstable_by_key(|victim| Reverse(key(victim)));
        self.first = first
            .into_iter()
            .map(|((rank, _, phase), state)| Victim { rank, phase, state: Arc::clone(state) })
            .collect();
    }
}

fn millis_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::time::{Instant, advance};

    use super::{Admitted, Connections, Meter, Order, PeerKey, REMEMBERED};

    /// The peer of all connections that are of no other.
    const PEER: fn() -> PeerKey = PeerKey::default;

    fn is_told_to_close(admitted: &Admitted) -> bool {
        admitted.state.order() == Order::Evict
    }

    /// Fills the room with connections that came to rest one second after the other, the last one now.
    async fn at_rest(count: usize) -> (std::sync::Arc<Connections>, Vec<Admitted>) {
        let connections = Connections::new(count, Meter::default());
        let mut all = Vec::new();
        for _ in 0..count {
            advance(Duration::from_secs(1)).await;
            let admitted = connections.admit(PEER()).now_or_never().expect("there is room");
            admitted.state.rests(Instant::now());
            all.push(admitted);
        }
        (connections, all)
    }

    #[tokio::test(start_paused = true)]
    async fn the_idlest_is_closed_to_make_room_and_no_other() {
        let (connections, mut all) = at_rest(3).await;
        let mut next = Box::pin(connections.admit(PEER()));
        assert!((&mut next).now_or_never().is_none());
        assert_eq!(all.iter().map(is_told_to_close).collect::<Vec<_>>(), [true, false, false]);
        drop(all.remove(0));
        all.push(next.now_or_never().expect("there is room"));
        assert!(!all.iter().any(is_told_to_close));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_busy_or_was_just_used_is_not_closed() {
        let (connections, all) = at_rest(3).await;
        all[0].state.begin();
        all[1].state.rests(Instant::now());
        assert!(!connections.evict(None));
        advance(Duration::from_secs(1)).await;
        assert!(connections.evict(None) && connections.evict(None) && !connections.evict(None));
        assert_eq!(all.iter().map(is_told_to_close).collect::<Vec<_>>(), [false, true, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_remembered_as_idle_and_is_used_meanwhile_is_not_closed() {
        let (connections, all) = at_rest(4).await;
        assert!(connections.evict(None));
        all[1].state.begin();
        assert!(connections.evict(None));
        assert_eq!(all.iter().map(is_told_to_close).collect::<Vec<_>>(), [true, false, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_are_idle_are_closed_in_their_order_however_many_there_are() {
        let count = 3 * REMEMBERED;
        let (connections, all) = at_rest(count).await;
        advance(Duration::from_secs(1)).await;
        for closed in 1..=count {
            assert!(connections.evict(None));
            assert_eq!(all.iter().take_while(|admitted| is_told_to_close(admitted)).count(), closed);
        }
        assert!(!connections.evict(None));
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_given_back_in_any_order() {
        let (connections, mut all) = at_rest(4).await;
        for place in [1, 0, 1, 0] {
            drop(all.remove(place));
        }
        let again: Vec<_> = (0..4).map(|_| connections.admit(PEER()).now_or_never().expect("there is room")).collect();
        assert!(connections.enter(PEER()).is_none());
        connections.tell(Order::Retire);
        assert!(again.iter().all(|admitted| admitted.state.order() == Order::Retire));
    }

    fn peer(last: u8) -> PeerKey {
        PeerKey::of([127, 0, 0, last].into())
    }

    /// Fills the room with connections of these peers, one after the other, whose first requests arrive.
    async fn arriving(peers: &[u8]) -> (std::sync::Arc<Connections>, Vec<Admitted>) {
        let connections = Connections::new(peers.len(), Meter::default());
        let mut all = Vec::new();
        for last in peers {
            advance(Duration::from_millis(5)).await;
            all.push(connections.admit(peer(*last)).now_or_never().expect("there is room"));
        }
        (connections, all)
    }

    fn evicted(all: &[Admitted]) -> Vec<usize> {
        (0..all.len()).filter(|place| is_told_to_close(&all[*place])).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_peer_with_the_most_makes_room_for_one_with_fewer_at_once() {
        let (connections, all) = arriving(&[1, 2, 2, 2, 3, 3]).await;
        assert!(connections.evict(Some(peer(4))));
        assert_eq!(evicted(&all), [1]);
        // One of two would have as many as the crowd.
        assert!(!connections.evict(Some(peer(2))));
        let (connections, all) = arriving(&[2, 2, 3, 3]).await;
        assert!(!connections.evict(Some(peer(3))));
        assert!(evicted(&all).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_sent_no_head_goes_before_what_rests_and_that_before_what_arrives() {
        let (connections, all) = arriving(&[1, 1, 1, 2]).await;
        // The first one has had a request, and now another one arrives.
        all[0].state.begin();
        all[0].state.end();
        all[0].state.arrives(Instant::now());
        all[3].state.begin();
        all[3].state.end();
        all[3].state.rests(Instant::now());
        advance(Duration::from_secs(1)).await;
        for expected in [&[1][..], &[1, 2], &[1, 2, 3]] {
            assert!(connections.evict(Some(peer(1))));
            assert_eq!(evicted(&all), expected);
        }
        // What arrives for its own address is given more time.
        assert!(!connections.evict(Some(peer(1))));
        advance(Duration::from_secs(4)).await;
        assert!(connections.evict(Some(peer(1))));
        assert_eq!(evicted(&all), [0, 1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_runs_is_never_closed() {
        let (connections, all) = arriving(&[1, 1, 1]).await;
        all.iter().for_each(|admitted| admitted.state.begin());
        advance(Duration::from_secs(100)).await;
        assert!(!connections.evict(Some(peer(2))));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_told_to_all_is_told_to_those_who_come() {
        let (connections, mut all) = arriving(&[1]).await;
        connections.tell(Order::Retire);
        all.clear();
        let admitted = connections.admit(peer(1)).now_or_never().expect("there is room");
        assert_eq!(admitted.state.order(), Order::Retire);
    }

    #[tokio::test(start_paused = true)]
    async fn peers_are_forgotten_with_their_last_connection() {
        let (connections, mut all) = arriving(&[1, 2, 2]).await;
        all.truncate(2);
        assert_eq!(connections.lock().peers.len(), 2);
        all.clear();
        assert!(connections.lock().peers.is_empty());
    }
}
