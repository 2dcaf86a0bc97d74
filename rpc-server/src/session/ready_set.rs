//! [`ReadySet`]: values that wait, each with a waker of its own. Only those that were woken are polled, in the order in
//! which they were woken. The calls and the streams of a session are such sets.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use futures_util::task::AtomicWaker;

/// How many free slots an empty set keeps for later values.
const SPARE_SLOTS: usize = 8;

/// Values by key, with a queue of those that are ready to be polled.
pub(super) struct ReadySet<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
    queue: Arc<ReadyQueue>,
}

struct Slot<T> {
    value: Option<T>,
    ready: Arc<SlotWaker>,
    /// The same object as `ready`.
    waker: Waker,
}

#[derive(Default)]
struct ReadyQueue {
    keys: Mutex<VecDeque<usize>>,
    task: AtomicWaker,
}

/// Puts a slot into the queue. A slot that was freed and taken again keeps it, so a late wake polls the new value once
/// more than needed.
struct SlotWaker {
    key: usize,
    is_queued: AtomicBool,
    queue: Arc<ReadyQueue>,
}

impl ReadyQueue {
    fn lock(&self) -> MutexGuard<'_, VecDeque<usize>> {
        // Nothing panics while holding the lock, and the guarded data would still be consistent.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SlotWaker {
    fn queue(&self) {
        if !self.is_queued.swap(true, Ordering::AcqRel) {
            self.queue.lock().push_back(self.key);
        }
    }
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.queue();
        self.queue.task.wake();
    }
}

impl<T> ReadySet<T> {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), queue: Arc::default() }
    }

    /// Returns how many values the set has.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a value, which is ready to be polled, and returns its key.
    pub(super) fn insert(&mut self, value: T) -> usize {
        let key = self.free.pop().unwrap_or(self.slots.len());
        if let Some(slot) = self.slots.get_mut(key) {
            slot.value = Some(value);
        } else {
            let ready = Arc::new(SlotWaker { key, is_queued: AtomicBool::new(false), queue: Arc::clone(&self.queue) });
            self.slots.push(Slot { value: Some(value), waker: Waker::from(Arc::clone(&ready)), ready });
        }
        self.queue_again(key);
        key
    }

    /// Removes a value.
    pub(super) fn remove(&mut self, key: usize) -> Option<T> {
        let value = self.slots.get_mut(key)?.value.take()?;
        self.free.push(key);
        if self.is_empty() && self.slots.len() > SPARE_SLOTS {
            (self.slots, self.free) = (Vec::new(), Vec::new());
            // The wakers of the old slots may still be used. They wake another queue.
            let task = self.queue.task.take();
            self.queue = Arc::default();
            if let Some(task) = task {
                self.queue.task.register(&task);
            }
        }
        Some(value)
    }

    /// Puts a value into the queue without waking the task.
    pub(super) fn queue_again(&self, key: usize) {
        if let Some(slot) = self.slots.get(key) {
            slot.ready.queue();
        }
    }

    /// Wakes this task whenever a value is woken. It must come before [`next`](Self::next) in each poll.
    pub(super) fn register(&self, cx: &Context<'_>) {
        self.queue.task.register(cx.waker());
    }

    /// Returns how many values are in the queue.
    pub(super) fn queued(&self) -> usize {
        self.queue.lock().len()
    }

    /// Takes the key of the next value that is ready.
    pub(super) fn next(&mut self) -> Option<usize> {
        loop {
            let key = self.queue.lock().pop_front()?;
            let Some(slot) = self.slots.get(key) else { continue };
            // Before the value is polled, so that a wake during the poll counts.
            slot.ready.is_queued.store(false, Ordering::Release);
            if slot.value.is_some() {
                return Some(key);
            }
        }
    }

    pub(super) fn get_mut(&mut self, key: usize) -> Option<&mut T> {
        self.slots.get_mut(key)?.value.as_mut()
    }

    /// Polls a value with its own waker.
    pub(super) fn poll<R>(&mut self, key: usize, poll: impl FnOnce(&mut T, &mut Context<'_>) -> R) -> Option<R> {
        let Slot { value, waker, .. } = self.slots.get_mut(key)?;
        Some(poll(value.as_mut()?, &mut Context::from_waker(waker)))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.slots.iter().enumerate().filter_map(|(key, slot)| Some((key, slot.value.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};

    use super::{ReadySet, SPARE_SLOTS};

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn values_are_ready_in_the_order_of_their_wakes() {
        let counted = Arc::new(Counted::default());
        let task = Waker::from(Arc::clone(&counted));
        let mut set = ReadySet::new();
        let keys = ["a", "b", "c"].map(|value| set.insert(value));
        assert_eq!(std::iter::from_fn(|| set.next()).collect::<Vec<_>>(), keys);
        let wakers = keys.map(|key| set.poll(key, |_, cx| cx.waker().clone()).unwrap());
        set.register(&Context::from_waker(&task));
        wakers[2].wake_by_ref();
        wakers[0].wake_by_ref();
        wakers[2].wake_by_ref();
        assert_eq!(counted.0.load(Ordering::Relaxed), 1);
        assert_eq!(std::iter::from_fn(|| set.next()).collect::<Vec<_>>(), [keys[2], keys[0]]);
    }

    #[test]
    fn removed_value_is_not_ready() {
        let mut set = ReadySet::new();
        let (first, second) = (set.insert(1), set.insert(2));
        assert_eq!(set.remove(first), Some(1));
        assert_eq!((set.remove(first), set.len()), (None, 1));
        assert_eq!((set.next(), set.next()), (Some(second), None));
    }

    #[test]
    fn late_wake_of_a_removed_value_is_harmless() {
        let mut set = ReadySet::new();
        let key = set.insert(1);
        let late = set.poll(key, |_, cx| cx.waker().clone()).unwrap();
        set.remove(key);
        assert_eq!(set.insert(2), key);
        late.wake_by_ref();
        assert_eq!((set.next(), set.next()), (Some(key), None));
    }

    #[test]
    fn empty_set_keeps_few_slots() {
        let mut set = ReadySet::new();
        let task = Waker::noop();
        set.register(&Context::from_waker(task));
        let keys: Vec<usize> = (0..100).map(|value| set.insert(value)).collect();
        let late = set.poll(keys[50], |_, cx| cx.waker().clone()).unwrap();
        assert!(keys.into_iter().all(|key| set.remove(key).is_some()));
        assert!(set.slots.len() <= SPARE_SLOTS && set.is_empty());
        late.wake();
        let key = set.insert(1);
        assert_eq!((set.next(), set.next()), (Some(key), None));
    }
}
