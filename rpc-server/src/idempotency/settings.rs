//! Idempotency on the server's side of the store. [`IdempotencySettings`] is the builder's choice of a store and of the
//! owners of keys. [`Idempotency`] is shared by all calls with keys: it holds the store, logs and counts its failures,
//! and limits waiting to one call per key.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rpc_core::RequestContext;
use rpc_core::headers::StoreAnnouncement;
use sha2::{Digest, Sha256};

use super::{Key, MemoryStore, Store, StoreError, StoreInfo};
use crate::Limits;
use crate::meter::Meter;
use crate::throttle::Throttle;

/// The idempotency settings of a server that is being built.
#[derive(Default)]
pub(crate) struct IdempotencySettings {
    pub(crate) store: StoreChoice,
    pub(crate) scope: Option<Arc<Scope>>,
}

/// Which store keeps the keys.
#[derive(Default)]
pub(crate) enum StoreChoice {
    #[default]
    Default,
    Nothing,
    This(Arc<dyn Store>),
}

/// The user's hook that names the owner of a request's keys.
pub(crate) type Scope = dyn Fn(&RequestContext) -> Option<String> + Send + Sync;

/// The first half of a [`Key`](super::Key): its owner.
pub(super) type KeyOwner = [u8; 16];

/// The owner of the keys of all anonymous callers.
pub(super) const ANONYMOUS: KeyOwner = [0; 16];

fn owner_of(kind: &[u8], name: &str) -> KeyOwner {
    let hash = Sha256::new().chain_update(kind).chain_update([0]).chain_update(name).finalize();
    let mut owner = ANONYMOUS;
    owner.copy_from_slice(&hash[..16]);
    owner
}

/// What calls with idempotency keys share.
pub(crate) struct Idempotency {
    pub(super) store: Arc<dyn Store>,
    scope: Option<Arc<Scope>>,
    /// How long the store holds a key for a call that does not end.
    pub(super) lease: Duration,
    /// How long a repeat waits for the first call.
    pub(super) wait: Duration,
    /// The keys under which a repeat waits for the first call.
    waiting: Mutex<HashSet<Key>>,
    pub(super) meter: Meter,
    logs: KeyLogThrottles,
}

/// Throttles for the lines that callers can make the server log.
#[derive(Default)]
struct KeyLogThrottles {
    refused: Throttle,
    noted: Throttle,
    late: Throttle,
    scope: Throttle,
}

impl IdempotencySettings {
    /// Makes what the server needs, or `None` if it keeps no keys.
    pub(crate) fn build(self, limits: &Limits, meter: Meter) -> Option<Arc<Idempotency>> {
        let store = match self.store {
            StoreChoice::This(store) => store,
            StoreChoice::Nothing => return None,
            StoreChoice::Default => Arc::new(MemoryStore::new()),
        };
        // A handler is dropped at its timeout. The time after that is for noting the end in the store.
        let lease = limits.handler_timeout.saturating_add(Duration::from_secs(10));
        let (wait, waiting) = (limits.key_wait_timeout, Mutex::default());
        Some(Arc::new(Idempotency {
            store,
            scope: self.scope,
            lease,
            wait,
            waiting,
            meter,
            logs: KeyLogThrottles::default(),
        }))
    }
}

impl Idempotency {
    /// Returns which store keeps the keys.
    pub(crate) fn info(&self) -> StoreInfo {
        self.store.info()
    }

    /// Returns what the server announces of the store.
    pub(crate) fn announcement(&self) -> StoreAnnouncement {
        StoreAnnouncement { store: self.store.info(), now: Some(self.store.now()), scope: None }
    }

    /// Returns the owner of a request's keys. An owner that the hook names never equals a principal. An empty name
    /// never equals the anonymous callers.
    pub(super) fn owner(&self, request: &RequestContext) -> KeyOwner {
        match &self.scope {
            Some(hook) => hook(request).map_or(ANONYMOUS, |owner| owner_of(b"hook", &owner)),
            None => request.principal().map_or(ANONYMOUS, |principal| owner_of(b"principal", principal.subject())),
        }
    }

    /// Counts and logs a call that is refused because the store cannot begin its key.
    pub(super) fn refused(&self, error: &StoreError) {
        self.meter.key_refused(error.reason());
        if let Some(suppressed) = self.logs.refused.pass() {
            let cause = error.source().map(tracing::field::display);
            tracing::error!(%error, cause, suppressed, "call with a key was refused");
        }
    }

    /// Counts and logs the store's error at the end of a call, if there is one.
    pub(super) fn noted(&self, noted: Result<(), StoreError>) {
        let Err(error) = noted else { return };
        self.meter.unkept(error.reason());
        if let Some(suppressed) = self.logs.noted.pass() {
            let cause = error.source().map(tracing::field::display);
            tracing::error!(%error, cause, suppressed, "what came of a call with a key could not be noted");
        }
    }

    /// Logs that the store takes too long to note the end of a call.
    pub(super) fn is_late(&self) {
        if let Some(suppressed) = self.logs.late.pass() {
            tracing::error!(suppressed, "idempotency store does not say that it has noted what came of a call");
        }
    }

    /// Logs that the hook for the owner has panicked.
    pub(super) fn scope_panicked(&self) {
        if let Some(suppressed) = self.logs.scope.pass() {
            tracing::error!(suppressed, "the hook panicked that tells to whom idempotency keys belong");
        }
    }

    /// Takes the only seat for waiting for the call under a key, if it is free.
    pub(super) fn wait_slot(self: &Arc<Self>, key: Key) -> Option<RepeatWaitSlot> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(key).then(|| RepeatWaitSlot { idempotency: Arc::clone(self), key })
    }
}

/// The right of a repeat to wait for the first call under its key.
pub(super) struct RepeatWaitSlot {
    idempotency: Arc<Idempotency>,
    key: Key,
}

impl Drop for RepeatWaitSlot {
    fn drop(&mut self) {
        self.idempotency.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl fmt::Debug for IdempotencySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("IdempotencySettings");
        match &self.store {
            StoreChoice::Default => debug.field("store", &"default"),
            StoreChoice::Nothing => debug.field("store", &"none"),
            StoreChoice::This(store) => debug.field("store", store),
        };
        debug.finish_non_exhaustive()
    }
}

impl fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency").field("store", &self.store).finish_non_exhaustive()
    }
}
