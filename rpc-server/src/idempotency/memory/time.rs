//! Points in time for a [`MemoryStore`](super::MemoryStore), as nanoseconds since the store was made. Arithmetic
//! saturates.

use std::time::Duration;

/// A point in time: nanoseconds since the store was made. The maximum is a time that never comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StoreTime(pub(super) u64);

impl StoreTime {
    /// Returns the point that is later by this duration.
    pub(super) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Returns the time until a later point, or zero if that point is earlier.
    pub(super) fn until(self, later: Self) -> Duration {
        Duration::from_nanos(later.0.saturating_sub(self.0))
    }

    /// Returns the time since the store was made.
    pub(super) fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}
