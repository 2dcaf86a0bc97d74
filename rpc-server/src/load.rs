//! What one connection holds of the server's quotas: calls, bytes, and bytes of answers that its peer has not read.
//! [`ConnectionLoad`] enforces the connection's share. `budget` has the totals of the server, [`ByteRoom`] and
//! [`CallRoom`] are shares in use, `readers` cuts slow readers, and `reserve` applies back-pressure.

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
use budget::Share;
pub(crate) use budget::{ByteBudget, CapacityError, SMALL};
pub(crate) use calls::{CallRoom, HeldCalls};
use readers::Reader;
pub(crate) use room::{ByteRoom, UnreadRoom};

/// An object that can end a connection at once.
pub(crate) trait Disconnect: Send + Sync {
    fn cut(&self);
}

/// The server's calls and bytes that one connection holds, within its share of both.
///
/// There is one for each connection, and most connections are idle, so it is small. Calls without a connection that
/// this server accepted (in process, or through axum) count in a load that has no share.
pub(crate) struct ConnectionLoad {
    budget: Arc<ByteBudget>,
    /// How many more bytes the connection may hold.
    bytes: Quota,
    /// How many more calls it may have in flight.
    calls: Quota,
    /// How many more streams it may have open.
    streams: Quota,
    /// The bytes of all answers that its peer has not read to the end.
    unread: AtomicUsize,
    /// When the first of these answers was ready, by the budget's clock. Zero: not known.
    unread_since: AtomicU64,
    /// How many bytes had been written at that time.
    written_before: AtomicU64,
    /// The large answers among them. Few connections have any, and only those take the lock.
    large: Mutex<LargeAnswers>,
    /// How many bytes were written to the peer. Only the connection's task changes it.
    written: AtomicU64,
    /// The object that ends the connection, if this server accepted it.
    peer: Option<Arc<dyn Disconnect>>,
    is_cut: AtomicBool,
    /// The connection's index in the list of all connections.
    place: AtomicU32,
}

/// The answers of a connection that share a deadline for reading.
#[derive(Default)]
struct LargeAnswers {
    count: usize,
    /// The deadline, by the budget's clock. Valid while `count` is not 0. Zero: no deadline.
    read_by: u64,
}

impl ConnectionLoad {
    fn new(budget: &Arc<ByteBudget>, share: Share, peer: Option<Arc<dyn Disconnect>>) -> Arc<Self> {
        Arc::new(Self {
            budget: Arc::clone(budget),
            bytes: Quota::new(share.bytes),
            calls: Quota::new(share.calls),
            streams: Quota::new(share.streams),
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

    /// Returns a load without a share, for calls without a connection that this server accepted.
    pub(crate) fn unlimited(budget: &Arc<ByteBudget>) -> Arc<Self> {
        Self::new(budget, Share { bytes: usize::MAX, calls: usize::MAX, streams: usize::MAX }, None)
    }

    /// Returns a load for a connection, which `peer` can cut.
    fn limited(budget: &Arc<ByteBudget>, peer: Arc<dyn Disconnect>) -> Arc<Self> {
        Self::new(budget, budget.connection, Some(peer))
    }

    /// Returns whether the load has a share.
    #[inline]
    fn is_limited(&self) -> bool {
        self.peer.is_some()
    }

    /// Returns whether the connection has more calls in flight than its share.
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.calls.is_overdrawn()
    }

    /// Returns whether the connection has calls in flight or open streams.
    #[cfg(feature = "ipc")]
    pub(crate) fn is_used(&self) -> bool {
        let share = self.budget.connection;
        self.calls.left() < share.calls || self.streams.left() < share.streams
    }

    /// Takes a stream of the connection's share, or fails.
    pub(crate) fn take_stream(&self) -> Result<(), CapacityError> {
        self.streams.take_leaving(1, 0).map_err(|_| CapacityError::Connection)
    }

    /// Returns a stream to the connection's share.
    pub(crate) fn give_stream_back(&self) {
        self.streams.give_back(1);
    }

    /// Takes `more` bytes for a body or an answer, which then holds `in_all` bytes in total.
    #[inline]
    fn take(&self, more: usize, in_all: usize) -> Result<(), CapacityError> {
        if self.budget.take(more).is_err() {
            self.take_of_reserve(more, in_all)?;
        }
        self.bytes.take_leaving(more, 0).map_err(|_| {
            self.budget.give_back(more);
            CapacityError::Connection
        })
    }

    /// Takes bytes from the reserve for small bodies and answers. Otherwise cuts slow readers and fails.
    #[cold]
    fn take_of_reserve(&self, more: usize, in_all: usize) -> Result<(), CapacityError> {
        if in_all <= SMALL && self.holds_few() && self.budget.take_small(more).is_ok() {
            return Ok(());
        }
        self.budget.cut_slowest();
        Err(CapacityError::Server)
    }

    /// Returns whether the connection holds so little that it may use the reserve.
    fn holds_few(&self) -> bool {
        !self.is_limited() || self.budget.connection.bytes.saturating_sub(self.bytes.left()) <= FEW
    }

    /// Takes bytes for an answer that is sent even without room. Takes only as many as the server has left, and returns
    /// how many. The connection's share may be overdrawn.
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
            // For small answers, the clock starts in `slowness`: only if the server looks for slow readers.
            self.unread_since.store(0, Ordering::Relaxed);
        }
    }

    /// Returns whether an answer of this size has a deadline for reading.
    #[inline]
    fn has_time(&self, bytes: usize) -> bool {
        bytes > SMALL && self.is_limited()
    }

    /// Sets the deadline by which the peer has to read a large answer and all answers already unread.
    ///
    /// Answers share the connection, so they share the deadline. An answer adds its time at the minimum rate. A peer
    /// that reads one answer fast gains no more than that time for another.
    #[cold]
    fn begin_large(&self, bytes: usize, before: usize) {
        let now = self.budget.now();
        if before == 0 || self.unread_since.load(Ordering::Relaxed) == 0 {
            self.written_before.store(self.written.load(Ordering::Relaxed), Ordering::Relaxed);
            self.unread_since.store(now, Ordering::Relaxed);
        }
        // Locked because answers come from several threads, and each has to add its time to the others'.
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

    fn large(&self) -> MutexGuard<'_, LargeAnswers> {
        // Nothing panics while holding the lock, and the guarded data would still be consistent.
        self.large.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the deadline by which the peer has to read its answers, if there is one.
    pub(crate) fn read_by(&self) -> Option<Instant> {
        let large = self.large();
        if large.count == 0 || large.read_by == 0 { None } else { self.budget.instant(large.read_by) }
    }

    /// Returns whether the deadline for reading has passed.
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

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionLoadGuard(pub(crate) Arc<ConnectionLoad>);

impl ByteBudget {
    /// Counts a connection, which `peer` can cut, until the returned value is dropped.
    pub(crate) fn connect(self: &Arc<Self>, peer: Arc<dyn Disconnect>) -> ConnectionLoadGuard {
        let load = ConnectionLoad::limited(self, peer);
        self.readers.add(Arc::clone(&load) as Arc<dyn Reader>);
        ConnectionLoadGuard(load)
    }
}

impl Drop for ConnectionLoadGuard {
    fn drop(&mut self) {
        self.0.budget.readers.remove(&*self.0);
    }
}

/// Returns a load without a share, from a budget of this many bytes.
#[cfg(test)]
pub(crate) fn unlimited(bytes: usize) -> Arc<ConnectionLoad> {
    let limits = crate::Limits { max_buffered_bytes: bytes, ..crate::Limits::default() };
    ConnectionLoad::unlimited(&Arc::new(ByteBudget::new(&limits, crate::meter::Meter::default())))
}
