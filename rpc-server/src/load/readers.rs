//! All connections of a server, as readers of their answers. When the byte budget runs out, [`Readers`] cuts those that
//! hold the most bytes for the longest time. It knows connections only by the trait [`Reader`].

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The minimum number of milliseconds between two scans of all readers.
const PAUSE: u64 = 100;

/// A reader is spared for the time without progress divided by this.
const SPARED: u32 = 10;

/// A connection, as a reader of its answers.
pub(super) trait Reader: Send + Sync {
    /// Returns how slowly the peer reads, and how many bytes it has not read. The slowness is these bytes times the
    /// milliseconds that they will take at the rate so far. Returns `None` if that time or the time so far is shorter
    /// than `at_least`.
    fn slowness(&self, now: u64, at_least: Duration) -> Option<(f64, usize)>;

    /// Ends the connection, and returns whether it had not been cut before.
    fn cut(&self) -> bool;

    /// The connection's index in the list of all connections. Only [`Readers`] changes it.
    fn place(&self) -> &AtomicU32;
}

/// All connections. The slowest readers are cut to make room.
#[derive(Default)]
pub(super) struct Readers {
    all: Mutex<Vec<Arc<dyn Reader>>>,
    looked: AtomicU64,
}

impl Readers {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<dyn Reader>>> {
        // Nothing panics while holding the lock, and the guarded data would still be consistent.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection until it is [removed](Self::remove).
    pub(super) fn add(&self, reader: Arc<dyn Reader>) {
        let mut all = self.lock();
        reader.place().store(u32::try_from(all.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
        all.push(reader);
    }

    /// Removes a connection that was added.
    pub(super) fn remove(&self, reader: &dyn Reader) {
        let mut all = self.lock();
        let place = reader.place().load(Ordering::Relaxed) as usize;
        let removed = all.swap_remove(place);
        if let Some(moved) = all.get(place) {
            moved.place().store(reader.place().load(Ordering::Relaxed), Ordering::Relaxed);
        }
        drop(all);
        drop(removed);
    }

    /// Returns how many connections there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Cuts the connections with the most unread bytes for the longest time, until `enough` bytes are about to be
    /// freed. Returns how many it has cut. It scans them at most ten times a second. A reader is spared for a tenth of
    /// `progress_timeout`, and a reader that will soon be done is never cut.
    #[cold]
    pub(super) fn cut_slowest(&self, now: u64, progress_timeout: Duration, enough: usize) -> usize {
        let looked = self.looked.load(Ordering::Relaxed);
        let is_due = looked == 0 || now.saturating_sub(looked) >= PAUSE;
        let order = Ordering::Relaxed;
        if !is_due || self.looked.compare_exchange(looked, now, order, order).is_err() {
            return 0;
        }
        let spared = progress_timeout / SPARED;
        let all = self.lock();
        let slow = all
            .iter()
            .filter_map(|reader| reader.slowness(now, spared).map(|(slowness, bytes)| (slowness, bytes, reader)));
        let mut slow: Vec<_> = slow.collect();
        slow.sort_unstable_by(|(one, ..), (other, ..)| other.total_cmp(one));
        let (mut freed, mut cut) = (0_usize, 0);
        for (_, bytes, reader) in slow {
            if freed >= enough {
                break;
            }
            freed = freed.saturating_add(bytes);
            cut += usize::from(reader.cut());
        }
        cut
    }
}
