//! [`Pacer`]: decides which requests of an open loop start, and counts those that cannot start on time. It reads no
//! clock.

use std::ops::AddAssign;
use std::time::Duration;

use super::schedule::Schedule;

/// Decides which requests of one worker start. Worker `w` of `k` has the requests `w`, `w + k`, `w + 2k` and so on.
#[derive(Debug)]
pub(crate) struct Pacer {
    schedule: Schedule,
    workers: u64,
    /// The next request.
    next: u64,
    /// Requests below this number belong to the warm-up, and are not counted.
    warmup: u64,
    /// Requests below this number were due while the limit of requests in flight was reached.
    held_below: u64,
    counts: PacerCounts,
}

/// A request that starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// Its number, from 0, in the order of the schedule.
    pub(crate) number: u64,
    /// When it was due. Its latency counts from this time.
    pub(crate) due: Duration,
}

/// How many requests after the warm-up did not start on time, since the limit of requests in flight was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PacerCounts {
    pub(crate) started_late: u64,
    pub(crate) not_started: u64,
}

impl AddAssign for PacerCounts {
    fn add_assign(&mut self, more: Self) {
        self.started_late += more.started_late;
        self.not_started += more.not_started;
    }
}

impl Pacer {
    /// `warmup` is the number of requests of the whole run that belong to the warm-up.
    pub(crate) fn new(schedule: Schedule, worker: u64, workers: u64, warmup: u64) -> Self {
        Self { schedule, workers, next: worker, warmup, held_below: 0, counts: PacerCounts::default() }
    }

    /// Returns the next request that is due and may start, if there is one. `has_room` is false while the limit of
    /// requests in flight is reached. After the end of the schedule, requests without room never start.
    pub(crate) fn next(&mut self, now: Duration, has_room: bool) -> Option<Start> {
        if !self.is_due(now) {
            return None;
        }
        if !has_room {
            self.held_below = self.schedule.due_by(now);
            if now >= self.schedule.end() {
                self.give_up(self.schedule.count());
            }
            return None;
        }
        let start = Start { number: self.next, due: self.schedule.due_at(self.next) };
        self.counts.started_late += u64::from((self.warmup..self.held_below).contains(&self.next));
        self.next += self.workers;
        Some(start)
    }

    /// Ends the schedule now. Requests that are due and did not start never start.
    pub(crate) fn stop(&mut self, now: Duration) {
        self.give_up(self.schedule.due_by(now));
    }

    /// Returns whether a request is due.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.has_more() && self.schedule.due_at(self.next) <= now
    }

    /// Returns whether requests are left.
    pub(crate) fn has_more(&self) -> bool {
        self.next < self.schedule.count()
    }

    /// Takes what was counted since the last time.
    pub(crate) fn take_counts(&mut self) -> PacerCounts {
        std::mem::take(&mut self.counts)
    }

    /// Counts the remaining requests below a number as not started, and ends.
    fn give_up(&mut self, below: u64) {
        if self.has_more() {
            let skipped = self.warmup.saturating_sub(self.next).div_ceil(self.workers);
            let first = self.next + skipped * self.workers;
            self.counts.not_started += below.saturating_sub(first).div_ceil(self.workers);
            self.next = u64::MAX;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;
    use std::time::Duration;

    use super::{Pacer, PacerCounts};
    use crate::bench::schedule::Schedule;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Ten requests in a second.
    fn schedule() -> Schedule {
        Schedule::new(10.0, Some(at(1_000)), None)
    }

    /// Starts what is due while there is room, and returns the numbers.
    fn started(pacer: &mut Pacer, now: Duration, room: usize) -> Vec<u64> {
        let mut room = room;
        iter::from_fn(|| {
            let start = pacer.next(now, room > 0)?;
            room -= 1;
            Some(start.number)
        })
        .collect()
    }

    #[test]
    fn all_requests_that_are_due_start_at_once() {
        let mut pacer = Pacer::new(schedule(), 0, 1, 0);
        assert_eq!(started(&mut pacer, at(0), 100), [0]);
        assert!(started(&mut pacer, at(99), 100).is_empty());
        assert_eq!(started(&mut pacer, at(399), 100), [1, 2, 3]);
        assert_eq!(pacer.next(at(400), true).map(|start| start.due), Some(at(400)));
        assert_eq!(pacer.take_counts(), PacerCounts::default());
    }

    #[test]
    fn the_workers_share_the_requests() {
        let mut pacers: Vec<_> = (0..3).map(|worker| Pacer::new(schedule(), worker, 3, 0)).collect();
        let started: Vec<_> = pacers.iter_mut().map(|pacer| started(pacer, at(2_000), 100)).collect();
        assert_eq!(started, [vec![0, 3, 6, 9], vec![1, 4, 7], vec![2, 5, 8]]);
        assert!(pacers.iter().all(|pacer| !pacer.has_more()));
    }

    #[test]
    fn requests_without_room_start_late_and_keep_their_times() {
        let mut pacer = Pacer::new(schedule(), 0, 1, 0);
        assert_eq!(started(&mut pacer, at(250), 1), [0]);
        assert!(pacer.is_due(at(250)));
        let start = pacer.next(at(290), true).unwrap();
        assert_eq!((start.number, start.due), (1, at(100)));
        // Request 3 became due while there was room.
        assert_eq!(started(&mut pacer, at(310), 100), [2, 3]);
        assert_eq!(pacer.take_counts(), PacerCounts { started_late: 2, not_started: 0 });
    }

    #[test]
    fn requests_without_room_at_the_end_never_start() {
        let mut pacer = Pacer::new(schedule(), 0, 1, 0);
        assert_eq!(started(&mut pacer, at(500), 3), [0, 1, 2]);
        assert_eq!(started(&mut pacer, at(1_000), 2), [3, 4]);
        assert!(!pacer.has_more());
        assert!(started(&mut pacer, at(1_100), 100).is_empty());
        assert_eq!(pacer.take_counts(), PacerCounts { started_late: 2, not_started: 5 });
    }

    #[test]
    fn requests_that_are_due_at_the_end_still_start() {
        let mut pacer = Pacer::new(schedule(), 0, 1, 0);
        assert_eq!(started(&mut pacer, at(1_001), 100).len(), 10);
        assert_eq!(pacer.take_counts(), PacerCounts::default());
    }

    #[test]
    fn a_stop_counts_only_requests_that_were_due() {
        let mut pacers: Vec<_> = (0..2).map(|worker| Pacer::new(schedule(), worker, 2, 0)).collect();
        for pacer in &mut pacers {
            assert_eq!(started(pacer, at(450), 1).len(), 1);
            pacer.stop(at(450));
            pacer.stop(at(900));
            assert!(!pacer.has_more());
        }
        // 0 and 1 have started. 2 and 4 belong to the first worker, and 3 to the second one.
        assert_eq!(pacers.iter_mut().map(|pacer| pacer.take_counts().not_started).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn requests_of_the_warm_up_are_not_counted() {
        let mut pacer = Pacer::new(schedule(), 0, 1, 4);
        assert_eq!(started(&mut pacer, at(550), 1), [0]);
        assert_eq!(started(&mut pacer, at(560), 5), [1, 2, 3, 4, 5]);
        assert_eq!(pacer.take_counts(), PacerCounts { started_late: 2, not_started: 0 });
        let mut pacers: Vec<_> = (0..3).map(|worker| Pacer::new(schedule(), worker, 3, 4)).collect();
        assert!(pacers.iter_mut().all(|pacer| started(pacer, at(1_000), 0).is_empty()));
        // The workers have 6 and 9, 4 and 7, and 5 and 8.
        assert!(pacers.iter_mut().all(|pacer| pacer.take_counts().not_started == 2));
        let mut stopped = Pacer::new(schedule(), 0, 1, 4);
        stopped.stop(at(250));
        assert_eq!(stopped.take_counts(), PacerCounts::default());
    }
}
