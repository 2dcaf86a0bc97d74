//! [`Heartbeat`]: when a connection sends pings, and when its peer is dead.

use std::time::Duration;

use tokio::time::Instant;

/// How many pings a peer may leave unanswered.
const MISSED: u8 = 2;

/// When a connection sends pings, and when its peer is dead.
#[derive(Debug)]
pub(super) struct Heartbeat {
    interval: Duration,
    next: Option<Instant>,
    /// How many pings were sent since the peer was last heard.
    missed: u8,
}

/// What to do when a heartbeat is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Ping,
    /// The peer is dead.
    End,
}

impl Heartbeat {
    pub(super) fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, next: now.checked_add(interval), missed: 0 }
    }

    /// Returns when the next heartbeat is due, if there are any.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Notes that anything came from the peer.
    pub(super) fn note_heard(&mut self) {
        self.missed = 0;
    }

    /// Returns what to do now that a heartbeat is due.
    pub(super) fn beat(&mut self, now: Instant) -> Beat {
        self.next = now.checked_add(self.interval);
        if self.missed == MISSED {
            return Beat::End;
        }
        self.missed += 1;
        Beat::Ping
    }

    /// Puts the next heartbeat off, since bytes wait to be written.
    pub(super) fn put_off(&mut self, now: Instant) {
        self.next = now.checked_add(self.interval);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Beat, Heartbeat};

    #[test]
    fn peer_is_dead_after_two_pings_without_a_sound() {
        let now = Instant::now();
        let mut heartbeat = Heartbeat::new(Duration::from_secs(20), now);
        assert_eq!(heartbeat.next(), Some(now + Duration::from_secs(20)));
        assert_eq!([heartbeat.beat(now), heartbeat.beat(now)], [Beat::Ping; 2]);
        heartbeat.note_heard();
        assert_eq!([heartbeat.beat(now), heartbeat.beat(now)], [Beat::Ping; 2]);
        assert_eq!(heartbeat.beat(now), Beat::End);
    }

    #[test]
    fn longest_interval_sends_no_pings() {
        assert_eq!(Heartbeat::new(Duration::MAX, Instant::now()).next(), None);
    }
}
