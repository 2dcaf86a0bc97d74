//! Chooses which connections are closed when the server is full, by peer, idle time and progress. It only picks them,
//! from each connection's `state`; `Connections` gives the order.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::serve::peer::PeerKey;
use crate::serve::state::{ConnectionOrder, ConnectionPhase, ConnectionState};

/// How many victims are remembered from one scan, so that not every eviction scans all connections.
pub(super) const REMEMBERED: usize = 64;

/// How long a connection has to be idle before it may be evicted. A recently used one is likely to be used again, and
/// its next request may already be on its way.
const MIN_REST: Duration = Duration::from_secs(1);

/// How long a request may take to arrive before its connection may be evicted for others of the same address. It
/// applies if no connection is at rest. Also how long an answer may stay unread.
const MAX_ARRIVAL: Duration = Duration::from_secs(5);

/// All connections, and those of them that rank first for eviction.
#[derive(Debug, Default)]
pub(super) struct ConnectionRegistry {
    pub(super) states: Vec<Arc<ConnectionState>>,
    /// The number of connections of each peer.
    pub(super) peers: HashMap<PeerKey, usize>,
    /// The order that all connections have. New ones get it at once.
    pub(super) order: ConnectionOrder,
    /// The connections that ranked first at the last scan, in reverse order.
    first: Vec<EvictionCandidate>,
}

/// A connection that may be evicted, as long as its phase stays the same.
#[derive(Debug)]
struct EvictionCandidate {
    rank: EvictionRank,
    phase: ConnectionPhase,
    state: Arc<ConnectionState>,
}

/// Why a connection may be evicted, the best reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum EvictionRank {
    /// It belongs to the peer with the most connections, and has not sent the head of a request in a second.
    Mute,
    /// It is at rest.
    Idle,
    /// It belongs to the peer with the most connections, and a request arrives slowly.
    Slow,
    /// Its peer has more connections than the newcomer's peer, and no request runs on it.
    Crowds,
    /// Its peer has more connections than the newcomer's peer, and has left an answer unread for a while.
    Unread,
}

impl ConnectionRegistry {
    /// Returns the first remembered victim whose phase has not changed, and the order for it.
    pub(super) fn remembered(&mut self, newcomer: Option<PeerKey>) -> Option<(Arc<ConnectionState>, ConnectionOrder)> {
        while let Some(EvictionCandidate { rank, phase, state }) = self.first.pop() {
            let is_same = state.phase() == Some(phase) && (rank < EvictionRank::Unread || state.is_answered());
            if is_same && (rank < EvictionRank::Crowds || self.outnumbers(state.peer, newcomer)) {
                // With `Evict` the connection would wait until the peer has read the answer.
                let order = if rank == EvictionRank::Unread { ConnectionOrder::Cut } else { ConnectionOrder::Evict };
                return Some((state, order));
            }
        }
        None
    }

    pub(super) fn count(&self, peer: PeerKey) -> usize {
        self.peers.get(&peer).copied().unwrap_or_default()
    }

    /// Returns whether a peer has more connections than the newcomer's peer would have.
    fn outnumbers(&self, peer: PeerKey, newcomer: Option<PeerKey>) -> bool {
        newcomer.is_some_and(|newcomer| self.count(peer) > self.count(newcomer) + 1)
    }

    /// Scans all connections for those that rank first for eviction.
    pub(super) fn look(&mut self, newcomer: Option<PeerKey>, now: u64) {
        let Some(crowd) = self.peers.iter().max_by_key(|(_, count)| **count).map(|(peer, _)| *peer) else { return };
        let crowds = self.outnumbers(crowd, newcomer);
        let rank = |state: &ConnectionState, phase: ConnectionPhase| {
            let (rests, since) = match phase {
                ConnectionPhase::Rests(since) => (true, since),
                ConnectionPhase::Arrives(since) => (false, since),
                ConnectionPhase::Busy => {
                    if !state.is_answered() {
                        return None;
                    }
                    // An HTTP/2 connection notes that it rests only when it is polled next.
                    state.look_again();
                    let since = state.unread_since(now);
                    let is_late = now.saturating_sub(since) >= millis_of(MAX_ARRIVAL);
                    return (is_late && crowds && state.peer == crowd).then_some((EvictionRank::Unread, since, phase));
                }
            };
            let (age, of_crowd) = (now.saturating_sub(since), state.peer == crowd);
            let rank = if of_crowd && state.begun() == 0 && age >= millis_of(MIN_REST) {
                EvictionRank::Mute
            } else if rests && age >= millis_of(MIN_REST) {
                EvictionRank::Idle
            } else if of_crowd && !rests && age >= millis_of(MAX_ARRIVAL) {
                EvictionRank::Slow
            } else if of_crowd && crowds {
                EvictionRank::Crowds
            } else {
                return None;
            };
            Some((rank, since, phase))
        };
        let ranked = self.states.iter().filter_map(|state| Some((rank(state, state.phase()?)?, state)));
        let mut first: Vec<(_, &Arc<ConnectionState>)> = ranked.collect();
        let key = |((rank, since, _), _): &((EvictionRank, u64, ConnectionPhase), _)| (*rank, *since);
        if first.len() > REMEMBERED {
            first.select_nth_unstable_by_key(REMEMBERED, key);
            first.truncate(REMEMBERED);
        }
        first.sort_unstable_by_key(|victim| Reverse(key(victim)));
        self.first = first
            .into_iter()
            .map(|((rank, _, phase), state)| EvictionCandidate { rank, phase, state: Arc::clone(state) })
            .collect();
    }
}

fn millis_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
