//! All connections of a server, as readers of their responses. When the byte budget runs out, [`Readers`] cuts those
//! that hold most bytes for longest. It knows connections by the trait [`Reader`] only.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many milliseconds lie at least between two looks at all readers.
const PAUSE: u64 = 100;

/// The part of the time without progress after which a reader may be cut to make room.
const SPARED: u32 = 10;

/// A connection, as a reader of its answers.
pub(super) trait Reader: Send + Sync {
    /// Returns how slow a reader the peer is, and how many bytes it has not read: these bytes times the time that they
    /// will take at the rate so far. Returns `None` where that time, or the time so far, is shorter than `at_least`.
    fn slowness(&self, now: u64, at_least: Duration) -> Option<(f64, usize)>;

    /// Ends the connection, and returns whether it was not ended before.
    fn cut(&self) -> bool;

    /// Where it stands among all connections. Only [`Readers`] changes this.
    fn place(&self) -> &AtomicU32;
}

/// All connections, of which the slowest readers are cut to make room.
#[derive(Default)]
pub(super) struct Readers {
    all: Mutex<Vec<Arc<dyn Reader>>>,
    looked: AtomicU64,
}

impl Readers {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<dyn Reader>>> {
        // Nothing panics within the lock, and what it guards would still be whole.
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

    /// Cuts the connections that leave most of their answers with us for longest, until `enough` bytes are about to
    /// come free, and returns how many it has cut. It looks at them ten times a second at most. A reader is spared for
    /// a tenth of `progress_timeout`, and one that will soon be done is never cut.
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
