//! Points in time for a [`MemoryStore`](super::MemoryStore), as nanoseconds since it was made. Arithmetic saturates.

use std::time::Duration;

/// A point in time: nanoseconds from when the store was made, or so late that it never comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(pub(super) u64);

impl Time {
    /// Returns the point so much later.
    pub(super) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Returns how long it is until a later point. Zero where that is earlier.
    pub(super) fn until(self, later: Self) -> Duration {
        Duration::from_nanos(later.0.saturating_sub(self.0))
    }

    /// Returns how long it is since the store was made.
    pub(super) fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}
