//! What one connection holds of the server's quotas: calls, bytes, and bytes of responses that its peer has not read.
//! [`ConnectionLoad`] enforces the connection's share. `budget` has the totals of the server, [`Room`] and [`CallRoom`]
//! are shares in use, `readers` cuts slow readers, and `reserve` applies back-pressure.

mod budget;
mod calls;
mod readers;
mod reserve;
mod room;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::quota::Quota;
use budget::FEW;
pub(crate) use budget::{Budget, Full, SMALL};
pub(crate) use calls::{CallRoom, HeldCalls};
use readers::Reader;
pub(crate) use room::{Room, Unread};

/// Ends a connection at once.
pub(crate) trait Cut: Send + Sync {
    fn cut(&self);
}

/// Counts what one connection holds of the server's calls and bytes, within its share of both.
///
/// There is one for each connection, and most connections are idle, so it is small. Calls that come by no connection of
/// ours (in process, through axum) count in one that has no share.
pub(crate) struct ConnectionLoad {
    budget: Arc<Budget>,
    /// How many bytes more it may hold.
    bytes: Quota,
    /// How many calls more it may have in flight.
    calls: Quota,
    /// How many bytes of answers its peer has not read to their end.
    unread: AtomicUsize,
    /// When the first of these was given, by the budget's clock. Zero: not known.
    unread_since: AtomicU64,
    /// How many bytes had been written then.
    written_before: AtomicU64,
    /// The large ones of these answers. Few connections have any, and only those lock it.
    large: Mutex<Large>,
    /// How many bytes were written to the peer. Only the connection's task changes it.
    written: AtomicU64,
    /// What ends the connection, if it is one of ours.
    peer: Option<Arc<dyn Cut>>,
    is_cut: AtomicBool,
    /// Where it stands among all connections.
    place: AtomicU32,
}

/// The answers of a connection that have a time until which they have to be read, all together.
#[derive(Default)]
struct Large {
    count: usize,
    /// This time, by the budget's clock, while there are any. Zero: no time is set.
    read_by: u64,
}

impl ConnectionLoad {
    fn new(budget: &Arc<Budget>, bytes: usize, calls: usize, peer: Option<Arc<dyn Cut>>) -> Arc<Self> {
        Arc::new(Self {
            budget: Arc::clone(budget),
            bytes: Quota::new(bytes),
            calls: Quota::new(calls),
            unread: AtomicUsize::new(0),
            unread_since: AtomicU64::new(0),
            written_before: AtomicU64::new(0),
            large: Mutex::default(),
            written: AtomicU64::new(0),
            peer,
            is_cut: AtomicBool::new(false),
            place: AtomicU32::new(0),
        })
    }

    /// Makes one without a share, for what comes by no connection of ours.
    pub(crate) fn unlimited(budget: &Arc<Budget>) -> Arc<Self> {
        Self::new(budget, usize::MAX, usize::MAX, None)
    }

    /// Makes one for a connection, which may be cut by `peer`.
    fn limited(budget: &Arc<Budget>, peer: Arc<dyn Cut>) -> Arc<Self> {
        Self::new(budget, budget.connection_bytes, budget.connection_calls, Some(peer))
    }

    /// Tells whether it has a share at all.
    #[inline]
    fn is_limited(&self) -> bool {
        self.peer.is_some()
    }

    /// Tells whether the connection has more calls in flight than it may.
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.calls.is_overdrawn()
    }

    /// Takes bytes for something that holds `in_all` then.
    #[inline]
    fn take(&self, more: usize, in_all: usize) -> Result<(), Full> {
        if self.budget.take(more).is_err() {
            self.take_of_reserve(more, in_all)?;
        }
        self.bytes.take_leaving(more, 0).map_err(|_| {
            self.budget.give_back(more);
            Full::Connection
        })
    }

    /// Takes bytes of the reserve for what is small, or makes room.
    #[cold]
    fn take_of_reserve(&self, more: usize, in_all: usize) -> Result<(), Full> {
        if in_all <= SMALL && self.holds_few() && self.budget.take_small(more).is_ok() {
            return Ok(());
        }
        self.budget.cut_slowest();
        Err(Full::Server)
    }

    /// Tells whether the connection holds so little that it may take of the reserve.
    fn holds_few(&self) -> bool {
        !self.is_limited() || self.budget.connection_bytes.saturating_sub(self.bytes.left()) <= FEW
    }

    /// Takes bytes for what is given in any case, as far as the server has any left, and returns how many.
    fn take_up_to(&self, more: usize) -> usize {
        let taken = self.budget.take_up_to(more, self.holds_few());
        self.bytes.overdraw(taken);
        taken
    }

    fn give_back(&self, bytes: usize) {
        self.bytes.give_back(bytes);
        self.budget.give_back(bytes);
    }

    /// Notes that an answer is about to be written.
    #[inline]
    fn begin_unread(&self, bytes: usize) {
        let before = self.unread.fetch_add(bytes, Ordering::Relaxed);
        if self.has_time(bytes) {
            self.begin_large(bytes, before);
        } else if before == 0 && self.unread_since.load(Ordering::Relaxed) != 0 {
            self.unread_since.store(0, Ordering::Relaxed);
        }
    }

    /// Tells whether there is a time until which such an answer has to be read.
    #[inline]
    fn has_time(&self, bytes: usize) -> bool {
        bytes > SMALL && self.is_limited()
    }

    /// Sets the time until which a large answer has to be read, along with all that is unread already.
    ///
    /// Answers share the connection, so the time counts for all of them together: an answer adds what it takes at the
    /// least rate, and a peer that is quick with one answer gains no more than that for another.
    #[cold]
    fn begin_large(&self, bytes: usize, before: usize) {
        let now = self.budget.now();
        if before == 0 || self.unread_since.load(Ordering::Relaxed) == 0 {
            self.written_before.store(self.written.load(Ordering::Relaxed), Ordering::Relaxed);
            self.unread_since.store(now, Ordering::Relaxed);
        }
        // Answers come from several threads, and each has to add its time to that of all others.
        let mut large = self.large();
        let others = (large.count > 0).then_some(large.read_by);
        large.read_by = self.budget.read_by(now, others, bytes, self.unread.load(Ordering::Relaxed));
        large.count += 1;
    }

    fn end_unread(&self, bytes: usize) {
        self.unread.fetch_sub(bytes, Ordering::Relaxed);
        if self.has_time(bytes) {
            self.large().count -= 1;
        }
    }

    fn large(&self) -> MutexGuard<'_, Large> {
        // Nothing panics within the lock, and what it guards would still be whole.
        self.large.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns until when the peer has to have read its answers, if there is a time for that.
    pub(crate) fn read_by(&self) -> Option<Instant> {
        let large = self.large();
        if large.count == 0 || large.read_by == 0 { None } else { self.budget.instant(large.read_by) }
    }

    /// Tells whether the peer has had its time to read its answers.
    pub(crate) fn is_overdue(&self) -> bool {
        self.read_by().is_some_and(|read_by| read_by <= Instant::now())
    }

    /// Notes that bytes were written to the peer.
    pub(crate) fn note_written(&self, bytes: usize) {
        let written = self.written.load(Ordering::Relaxed);
        self.written.store(written.wrapping_add(bytes as u64), Ordering::Relaxed);
    }
}

impl Reader for ConnectionLoad {
    fn slowness(&self, now: u64, at_least: Duration) -> Option<(f64, usize)> {
        let unread = self.unread.load(Ordering::Relaxed);
        if unread == 0 {
            return None;
        }
        let since = self.unread_since.load(Ordering::Relaxed);
        if since == 0 {
            self.written_before.store(self.written.load(Ordering::Relaxed), Ordering::Relaxed);
            self.unread_since.store(now, Ordering::Relaxed);
            return None;
        }
        let millis = now.saturating_sub(since) as f64;
        let read = self.written.load(Ordering::Relaxed).wrapping_sub(self.written_before.load(Ordering::Relaxed));
        let takes = unread as f64 * millis / (read.max(1) as f64);
        let at_least = at_least.as_millis() as f64;
        (millis >= at_least && takes >= at_least).then_some((unread as f64 * takes, unread))
    }

    fn cut(&self) -> bool {
        let Some(peer) = &self.peer else { return false };
        let is_new = !self.is_cut.swap(true, Ordering::Relaxed);
        if is_new {
            peer.cut();
        }
        is_new
    }

    fn place(&self) -> &AtomicU32 {
        &self.place
    }
}

impl fmt::Debug for ConnectionLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, calls, unread, .. } = self;
        f.debug_struct("ConnectionLoad")
            .field("bytes", bytes)
            .field("calls", calls)
            .field("unread", unread)
            .finish_non_exhaustive()
    }
}

/// A connection that counts as one until this is dropped.
#[derive(Debug)]
pub(crate) struct Connected(pub(crate) Arc<ConnectionLoad>);

impl Budget {
    /// Counts a connection, which may be cut by `peer`, until what this returns is dropped.
    pub(crate) fn connect(self: &Arc<Self>, peer: Arc<dyn Cut>) -> Connected {
        let load = ConnectionLoad::limited(self, peer);
        self.readers.add(Arc::clone(&load) as Arc<dyn Reader>);
        Connected(load)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.budget.readers.remove(&*self.0);
    }
}

/// Makes a load without a share, of a budget of so many bytes.
#[cfg(test)]
pub(crate) fn unlimited(bytes: usize) -> Arc<ConnectionLoad> {
    let limits = crate::Limits { max_buffered_bytes: bytes, ..crate::Limits::default() };
    ConnectionLoad::unlimited(&Arc::new(Budget::new(&limits, crate::meter::Meter::default())))
}
