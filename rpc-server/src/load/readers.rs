use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Budget, ConnectionLoad, Cut};

/// How many milliseconds lie at least between two looks at all readers.
const PAUSE: u64 = 100;

/// The part of the budget that is to come free when readers are cut.
const FREED: usize = 8;

/// The part of the time without progress after which a reader may be cut to make room.
const SPARED: u32 = 10;

/// All connections, of which the slowest readers are cut to make room.
#[derive(Debug, Default)]
pub(super) struct Readers {
    all: Mutex<Vec<Arc<ConnectionLoad>>>,
    looked: AtomicU64,
}

impl Readers {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<ConnectionLoad>>> {
        // Nothing panics within the lock, and what it guards would still be whole.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Budget {
    /// Counts a connection, which may be cut by `peer`, until this is dropped.
    pub(crate) fn connect(self: &Arc<Self>, peer: Arc<dyn Cut>) -> Connected {
        let load = ConnectionLoad::limited(self, peer);
        let mut all = self.readers.lock();
        load.place.store(u32::try_from(all.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
        all.push(Arc::clone(&load));
        Connected(load)
    }

    /// Returns how many connections are counted.
    #[cfg(test)]
    pub(crate) fn connections(&self) -> usize {
        self.readers.lock().len()
    }

    /// Cuts the connections that leave most of their answers with us for longest, until an eighth of the budget is
    /// about to come free. A reader is spared for its first seconds, and one that will soon be done is never cut.
    #[cold]
    pub(super) fn cut_slowest(&self) {
        let now = self.now();
        let looked = self.readers.looked.load(Ordering::Relaxed);
        let is_due = looked == 0 || now.saturating_sub(looked) >= PAUSE;
        let order = Ordering::Relaxed;
        if !is_due || self.readers.looked.compare_exchange(looked, now, order, order).is_err() {
            return;
        }
        let spared = self.progress_timeout / SPARED;
        let all = self.readers.lock();
        let slow =
            all.iter().filter_map(|load| load.slowness(now, spared).map(|(slowness, bytes)| (slowness, bytes, load)));
        let mut slow: Vec<_> = slow.collect();
        slow.sort_unstable_by(|(one, ..), (other, ..)| other.total_cmp(one));
        let (mut freed, mut cut) = (0_usize, 0);
        for (_, bytes, load) in slow {
            if freed >= self.bytes / FREED {
                break;
            }
            freed = freed.saturating_add(bytes);
            cut += usize::from(load.cut());
        }
        drop(all);
        if cut > 0 {
            tracing::warn!(
                "{cut} connections were cut that read their answers slowly while there was no room for others"
            );
            self.meter.shed("slow_readers", cut);
        }
    }
}

/// A connection that counts as one until this is dropped.
#[derive(Debug)]
pub(crate) struct Connected(pub(crate) Arc<ConnectionLoad>);

impl Drop for Connected {
    fn drop(&mut self) {
        let mut all = self.0.budget.readers.lock();
        let place = self.0.place.load(Ordering::Relaxed) as usize;
        drop(all.swap_remove(place));
        if let Some(moved) = all.get(place) {
            moved.place.store(self.0.place.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}
