//! Chooses which connections are closed when the server is full, by peer, idle time and progress. It only picks them,
//! by each connection's `state`; `Connections` sends the order.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::serve::peer::PeerKey;
use crate::serve::state::{Order, Phase, State};

/// How many of those that are the first to go are remembered, so that not all have to be looked at for each of them.
pub(super) const REMEMBERED: usize = 64;

/// How long a connection has to be idle before it is closed to make room. One that was just used is likely to be used
/// again, and its next request may be on its way already.
const MIN_REST: Duration = Duration::from_secs(1);

/// How long something may arrive before it makes room for others of the same address, where no connection is at rest,
/// and how long an answer may be left unread.
const MAX_ARRIVAL: Duration = Duration::from_secs(5);

/// All connections, and those of them that are the first to go.
#[derive(Debug, Default)]
pub(super) struct All {
    pub(super) states: Vec<Arc<State>>,
    /// How many there are of each peer.
    pub(super) peers: HashMap<PeerKey, usize>,
    /// What all of them were told, and new ones are told at once.
    pub(super) order: Order,
    /// Some that were the first to go when they were looked at, the very first one last.
    first: Vec<Victim>,
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
    /// It is one of the peer that has more than the newcomer's, and has left an answer unread for a while.
    Unread,
}

impl All {
    /// Returns the first to go of those that are remembered and were the same all the time, and how it is told.
    pub(super) fn remembered(&mut self, newcomer: Option<PeerKey>) -> Option<(Arc<State>, Order)> {
        while let Some(Victim { rank, phase, state }) = self.first.pop() {
            let is_same = state.phase() == Some(phase) && (rank < Rank::Unread || state.is_answered());
            if is_same && (rank < Rank::Crowds || self.outnumbers(state.peer, newcomer)) {
                // It would wait until the answer is read.
                let order = if rank == Rank::Unread { Order::Cut } else { Order::Evict };
                return Some((state, order));
            }
        }
        None
    }

    pub(super) fn count(&self, peer: PeerKey) -> usize {
        self.peers.get(&peer).copied().unwrap_or_default()
    }

    /// Tells whether a peer has more connections than the newcomer's would have.
    fn outnumbers(&self, peer: PeerKey, newcomer: Option<PeerKey>) -> bool {
        newcomer.is_some_and(|newcomer| self.count(peer) > self.count(newcomer) + 1)
    }

    /// Looks for those that are the first to go.
    pub(super) fn look(&mut self, newcomer: Option<PeerKey>, now: u64) {
        let Some(crowd) = self.peers.iter().max_by_key(|(_, count)| **count).map(|(peer, _)| *peer) else { return };
        let crowds = self.outnumbers(crowd, newcomer);
        let rank = |state: &State, phase: Phase| {
            let (rests, since) = match phase {
                Phase::Rests(since) => (true, since),
                Phase::Arrives(since) => (false, since),
                Phase::Busy => {
                    if !state.is_answered() {
                        return None;
                    }
                    // HTTP/2 notes that it rests only when it is polled next.
                    state.look_again();
                    let since = state.unread_since(now);
                    let is_late = now.saturating_sub(since) >= millis_of(MAX_ARRIVAL);
                    return (is_late && crowds && state.peer == crowd).then_some((Rank::Unread, since, phase));
                }
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
        let mut first: Vec<(_, &Arc<State>)> = ranked.collect();
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
