//! The byte budget of a server, which all connections share, with a reserve for small requests and answers. It hands
//! out bytes, computes how long a peer may take to read, and cuts the slowest readers (by `readers`) on request. `load`
//! decides when, and enforces the share of each connection; `room` and `calls` are the parts in use. It never waits.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::readers::Readers;
use crate::Limits;
use crate::meter::Meter;
use crate::quota::{Quota, QuotaExhausted};

/// The largest body or answer that counts as small, in bytes. It may use the reserve, and a small answer is sent even
/// where there is no room.
pub(crate) const SMALL: usize = 16 << 10;

/// How many bytes a connection may hold at most to use the reserve, so that no single one takes all of it.
pub(super) const FEW: usize = 256 << 10;

/// The reserve is the budget divided by this, on top of the budget.
const RESERVE: usize = 16;

/// Cutting slow readers aims to free the budget divided by this.
const FREED: usize = 8;

/// The bytes of all requests and answers that a server may hold, and the share of one connection.
pub(crate) struct ByteBudget {
    /// How many bytes are left, the reserve included.
    left: Quota,
    /// How many bytes are reserved for small bodies and answers.
    reserve: usize,
    bytes: usize,
    /// The share of one connection.
    pub(super) connection: Share,
    /// How many bytes a second a peer has to read at least. Zero: no minimum.
    min_rate: usize,
    /// How long an answer may make no progress.
    progress_timeout: Duration,
    /// The start of the budget's clock.
    start: Instant,
    pub(super) readers: Readers,
    meter: Meter,
}

/// What one connection may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub(super) bytes: usize,
    pub(super) calls: usize,
    pub(super) streams: usize,
}

/// Which quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CapacityError {
    /// The share of this connection.
    Connection,
    /// The quota of the whole server.
    Server,
}

impl ByteBudget {
    pub(crate) fn new(limits: &Limits, meter: Meter) -> Self {
        let bytes = limits.max_buffered_bytes;
        // A multiple of a small answer's size, so that a tiny budget has no reserve.
        let reserve = bytes / RESERVE / SMALL * SMALL;
        Self {
            left: Quota::new(bytes.saturating_add(reserve)),
            reserve,
            bytes,
            connection: Share {
                bytes: limits.connection_bytes(),
                calls: limits.connection_calls(),
                streams: limits.connection_streams(),
            },
            min_rate: limits.min_response_rate,
            progress_timeout: limits.write_progress_timeout,
            start: Instant::now(),
            readers: Readers::default(),
            meter,
        }
    }

    /// Takes bytes without the reserve.
    #[inline]
    pub(super) fn take(&self, more: usize) -> Result<(), QuotaExhausted> {
        self.left.take_leaving(more, self.reserve)
    }

    /// Takes bytes for a small body or answer, also from the reserve.
    pub(super) fn take_small(&self, more: usize) -> Result<(), QuotaExhausted> {
        self.left.take_leaving(more, 0)
    }

    /// Takes as many of these bytes as are left, also from the reserve if `of_reserve` is set, and returns how many.
    pub(super) fn take_up_to(&self, more: usize, of_reserve: bool) -> usize {
        self.left.take_up_to(more, if of_reserve { 0 } else { self.reserve })
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.left.give_back(bytes);
    }

    /// Cuts the slowest readers until an eighth of the budget is about to be freed.
    #[cold]
    pub(super) fn cut_slowest(&self) {
        let cut = self.readers.cut_slowest(self.now(), self.progress_timeout, self.bytes / FREED);
        if cut > 0 {
            tracing::warn!(
                "{cut} connections were cut that read their answers slowly while there was no room for others"
            );
            self.meter.shed("slow_readers", cut);
        }
    }

    /// Returns how many connections are counted.
    #[cfg(test)]
    pub(crate) fn connections(&self) -> usize {
        self.readers.len()
    }

    /// Returns how many bytes are taken.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.bytes + self.reserve - self.left.left()
    }

    /// Returns the time by the budget's clock, in milliseconds. It is never zero.
    pub(super) fn now(&self) -> u64 {
        millis(self.start.elapsed()).saturating_add(1)
    }

    pub(super) fn instant(&self, at: u64) -> Option<Instant> {
        self.start.checked_add(Duration::from_millis(at - 1))
    }

    /// Returns the deadline for a peer to read answers of `unread` bytes, of which `more` are new. `before` is the
    /// deadline of the others, if there are any. Zero: no deadline, as there is no minimum rate.
    ///
    /// The time without progress is granted once, to the first answer. A peer that reads at the minimum rate still has
    /// it when the next answer comes. A slower peer gains nothing by requesting another answer.
    pub(super) fn read_by(&self, now: u64, before: Option<u64>, more: usize, unread: usize) -> u64 {
        if self.min_rate == 0 {
            return 0;
        }
        let takes = |bytes: usize| (bytes as u64).saturating_mul(1000) / self.min_rate as u64;
        let soon = now.saturating_add(millis(self.progress_timeout));
        before.unwrap_or(soon).saturating_add(takes(more)).min(soon.saturating_add(takes(unread)))
    }
}

impl fmt::Debug for ByteBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} bytes left", self.left, self.bytes)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
