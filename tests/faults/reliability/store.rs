//! A store with short leases, and one that forgets.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rpc::idempotency::{Begin, BeginRequest, End, Key, Lease, Store, StoreError, StoreInfo};

/// A store for handlers that end soon: a key of a killed process stays locked for at most this lease.
#[derive(Debug)]
pub(crate) struct Brief<S>(pub(crate) S);

const BRIEF: Duration = Duration::from_millis(500);

impl<S: Store> Store for Brief<S> {
    fn info(&self) -> StoreInfo {
        self.0.info()
    }

    fn now(&self) -> Duration {
        self.0.now()
    }

    fn begin(&self, mut request: BeginRequest) -> BoxFuture<'static, Result<Begin, StoreError>> {
        request.lease = BRIEF;
        self.0.begin(request)
    }

    fn finish(&self, lease: Lease, end: End) -> BoxFuture<'static, Result<(), StoreError>> {
        self.0.finish(lease, end)
    }

    fn settled(&self, key: Key, limit: Duration) -> BoxFuture<'static, ()> {
        self.0.settled(key, limit)
    }
}

/// A store that forgets each key at once but reports a normal TTL.
#[derive(Debug)]
pub(crate) struct Forgetting<S> {
    store: S,
    begun: AtomicU64,
}

impl<S: Store> Forgetting<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store, begun: AtomicU64::new(0) }
    }
}

impl<S: Store> Store for Forgetting<S> {
    fn info(&self) -> StoreInfo {
        self.store.info()
    }

    fn now(&self) -> Duration {
        self.store.now()
    }

    fn begin(&self, mut request: BeginRequest) -> BoxFuture<'static, Result<Begin, StoreError>> {
        // The inner store gets another key each time, so it never knows the key.
        let Key(mut bytes) = request.key;
        let number = self.begun.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes[..8].copy_from_slice(&number);
        request.key = Key(bytes);
        self.store.begin(request)
    }

    fn finish(&self, lease: Lease, end: End) -> BoxFuture<'static, Result<(), StoreError>> {
        self.store.finish(lease, end)
    }
}
