//! A store that is only a map. Tests can make it fail.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc::BoxFuture;
use rpc::idempotency::{Begin, BeginRequest, End, Fingerprint, Key, Lease, Store, StoreError, StoreInfo};
use tokio::sync::Notify;
use uuid::Uuid;

const TTL: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Well,
    FailsToBegin,
    FailsToFinish,
    FinishesSlowly,
    BeginsLate(Duration),
}

#[derive(Clone, Debug)]
pub(super) struct TestStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    mood: Mood,
    identity: Uuid,
    keys: Mutex<HashMap<Key, (Fingerprint, Begin)>>,
    begun: AtomicUsize,
    /// The time, in seconds. Only tests advance it.
    now: AtomicU64,
    begins: Notify,
    waits: Notify,
    settled: Notify,
}

impl TestStore {
    pub(super) fn new() -> Self {
        Self::with(Mood::Well)
    }

    pub(super) fn failing() -> Self {
        Self::with(Mood::FailsToBegin)
    }

    pub(super) fn forgetful() -> Self {
        Self::with(Mood::FailsToFinish)
    }

    pub(super) fn slow() -> Self {
        Self::with(Mood::FinishesSlowly)
    }

    pub(super) fn late(by: Duration) -> Self {
        Self::with(Mood::BeginsLate(by))
    }

    /// Builds a store with another identity.
    pub(super) fn another() -> Self {
        Self::with_identity(Mood::Well, Uuid::from_u128(0x0005_eed1))
    }

    fn with(mood: Mood) -> Self {
        Self::with_identity(mood, Uuid::from_u128(0x0005_eed0))
    }

    fn with_identity(mood: Mood, identity: Uuid) -> Self {
        Self(Arc::new(Inner {
            mood,
            identity,
            keys: Mutex::default(),
            begun: AtomicUsize::new(0),
            now: AtomicU64::new(1_000),
            begins: Notify::new(),
            waits: Notify::new(),
            settled: Notify::new(),
        }))
    }

    pub(super) fn identity(&self) -> Uuid {
        self.0.identity
    }

    /// Returns how many calls were begun in the store.
    pub(super) fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// Advances the time beyond the store's memory, so that it forgets all keys.
    pub(super) fn forget(&self) {
        self.0.keys.lock().unwrap().clear();
        self.0.now.fetch_add(2 * TTL.as_secs(), Ordering::Relaxed);
    }

    /// Waits until a fresh key is begun.
    pub(super) async fn is_begun(&self) {
        self.0.begins.notified().await;
    }

    /// Waits until a repeat waits for a call under a key.
    pub(super) async fn someone_waits(&self) {
        self.0.waits.notified().await;
    }
}

impl Inner {
    fn now(&self) -> Duration {
        Duration::from_secs(self.now.load(Ordering::Relaxed))
    }

    fn begin(&self, request: BeginRequest) -> Result<Begin, StoreError> {
        let BeginRequest { key, fingerprint, .. } = request;
        let token = self.begun.fetch_add(1, Ordering::Relaxed);
        if self.mood == Mood::FailsToBegin {
            return Err(StoreError::full());
        }
        match self.keys.lock().unwrap().entry(key) {
            Entry::Occupied(known) if known.get().0 != fingerprint => Ok(Begin::Mismatch),
            Entry::Occupied(known) => Ok(known.get().1.clone()),
            // Only tests advance the time, so the store also remembers keys from the future for long enough.
            Entry::Vacant(_) if request.sent.is_some_and(|sent| sent + TTL <= self.now()) => Ok(Begin::Forgotten),
            Entry::Vacant(free) => {
                free.insert((fingerprint, Begin::Running));
                self.begins.notify_one();
                Ok(Begin::Fresh(Lease { key, token: Uuid::from_u128(token as u128) }))
            }
        }
    }

    fn finish(&self, lease: Lease, end: End) {
        let mut keys = self.keys.lock().unwrap();
        let (fingerprint, _) = keys.remove(&lease.key).unwrap();
        match end {
            End::Released => {}
            End::Kept(kept) => drop(keys.insert(lease.key, (fingerprint, Begin::Done(kept)))),
            End::Unknown => drop(keys.insert(lease.key, (fingerprint, Begin::Unknown))),
        }
        self.settled.notify_waiters();
    }
}

impl Store for TestStore {
    fn info(&self) -> StoreInfo {
        StoreInfo { identity: self.0.identity, ttl: TTL }
    }

    fn now(&self) -> Duration {
        self.0.now()
    }

    fn begin(&self, request: BeginRequest) -> BoxFuture<Result<Begin, StoreError>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let begun = inner.begin(request);
            if let Mood::BeginsLate(by) = inner.mood {
                tokio::time::sleep(by).await;
            }
            begun
        })
    }

    fn finish(&self, lease: Lease, end: End) -> BoxFuture<Result<(), StoreError>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            match inner.mood {
                Mood::FailsToFinish => return Err(StoreError::failed("as told")),
                Mood::FinishesSlowly => {
                    for _ in 0..100 {
                        tokio::task::yield_now().await;
                    }
                }
                _ => {}
            }
            inner.finish(lease, end);
            Ok(())
        })
    }

    fn settled(&self, key: Key, limit: Duration) -> BoxFuture<()> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let settled = inner.settled.notified();
            inner.waits.notify_one();
            let runs = matches!(inner.keys.lock().unwrap().get(&key), Some((_, Begin::Running)));
            if runs {
                let _ = tokio::time::timeout(limit, settled).await;
            }
        })
    }
}
