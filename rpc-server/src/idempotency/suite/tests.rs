//! The suite accepts a correct store, and rejects stores with one mistake each.

use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::BoxFuture;
use tokio::time::Instant;
use uuid::Uuid;

use super::check;
use crate::idempotency::{
    Begin, BeginRequest, End, Fingerprint, Kept, Key, Lease, MemoryStore, Store, StoreError, StoreInfo,
};

const TTL: Duration = Duration::from_secs(1);

/// What a store may do wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum StoreFault {
    ForgetsEarly,
    BeginsInTwoSteps,
    FreshAfterTheLease,
    RunningAfterTheLease,
    ForgetsTheUnknown,
    IgnoresFingerprints,
    ComparesHalfTheKey,
    IgnoresTokens,
    TheLastEndCounts,
    NeverReleases,
    LosesCodes,
    CutsOutcomes,
    NeverLetsGo,
    IgnoresAge,
    ForgetsWhatItKnows,
    ClockIsAhead,
}

/// The message with which the suite reports each fault.
const FOUND: [(StoreFault, &str); 16] = [
    (StoreFault::ForgetsEarly, "nothing is forgotten within 1s"),
    (StoreFault::BeginsInTwoSteps, "one is told that it is fresh"),
    (StoreFault::FreshAfterTheLease, "a key whose lease has run out is unknown"),
    (StoreFault::RunningAfterTheLease, "a key whose lease has run out is unknown"),
    (StoreFault::ForgetsTheUnknown, "after an end that nobody knows"),
    (StoreFault::IgnoresFingerprints, "another call with the key of one that runs"),
    (StoreFault::ComparesHalfTheKey, "a key that differs from another in one bit is fresh"),
    (StoreFault::IgnoresTokens, "ended by a lease that is not its own"),
    (StoreFault::TheLastEndCounts, "done, and then ended once more"),
    (StoreFault::NeverReleases, "a new or released key is fresh"),
    (StoreFault::LosesCodes, "has its code again"),
    (StoreFault::CutsOutcomes, "has its outcome again, byte for byte"),
    (StoreFault::NeverLetsGo, "who waits for a running call is let go when it ends"),
    (StoreFault::IgnoresAge, "is never fresh"),
    (StoreFault::ForgetsWhatItKnows, "a call that runs is running, however old its key is"),
    (StoreFault::ClockIsAhead, "is never fresh"),
];

/// A simple store, with or without a fault.
#[derive(Clone, Debug)]
struct Simple {
    identity: Uuid,
    fault: Option<StoreFault>,
    started: Instant,
    entries: Arc<Mutex<Entries>>,
}

type Entries = HashMap<Key, Entry>;

#[derive(Debug)]
struct Entry {
    fingerprint: Fingerprint,
    token: Uuid,
    until: Instant,
    over: Instant,
    end: Option<End>,
}

impl Simple {
    fn new(fault: Option<StoreFault>) -> Self {
        Self { identity: Uuid::new_v4(), fault, started: Instant::now(), entries: Arc::default() }
    }

    fn has(&self, fault: StoreFault) -> bool {
        self.fault == Some(fault)
    }

    fn ttl(&self) -> Duration {
        if self.has(StoreFault::ForgetsEarly) { TTL / 2 } else { TTL }
    }

    /// Returns what is known of a key, if anything is.
    fn known(&self, entries: &Entries, key: Key, fingerprint: Fingerprint) -> Option<Begin> {
        let now = Instant::now();
        let entry = entries.get(&key).filter(|entry| now < entry.over)?;
        if entry.end == Some(End::Released) && !self.has(StoreFault::NeverReleases) {
            return None;
        }
        if entry.fingerprint != fingerprint && !self.has(StoreFault::IgnoresFingerprints) {
            return Some(Begin::Mismatch);
        }
        match &entry.end {
            None if now < entry.until || self.has(StoreFault::RunningAfterTheLease) => Some(Begin::Running),
            None => (!self.has(StoreFault::FreshAfterTheLease)).then_some(Begin::Unknown),
            Some(End::Unknown | End::Released) => (!self.has(StoreFault::ForgetsTheUnknown)).then_some(Begin::Unknown),
            Some(End::Kept(Kept { code, outcome })) => {
                let code = code.filter(|_| !self.has(StoreFault::LosesCodes));
                let len = if self.has(StoreFault::CutsOutcomes) { outcome.len().min(65_535) } else { outcome.len() };
                Some(Begin::Done(Kept { code, outcome: outcome.slice(..len) }))
            }
        }
    }

    fn time(&self) -> Duration {
        // The clock starts at `TTL`, so that a key can be old enough to be forgotten.
        let past = if self.has(StoreFault::ClockIsAhead) { Duration::ZERO } else { TTL };
        self.started.elapsed() + past
    }

    fn fresh(&self, entries: &mut Entries, request: BeginRequest) -> Begin {
        let BeginRequest { key, fingerprint, lease, .. } = request;
        let token = Uuid::new_v4();
        let until = Instant::now() + lease;
        let entry = Entry { fingerprint, token, until, over: until + self.ttl(), end: None };
        entries.insert(key, entry);
        Begin::Fresh(Lease { key, token })
    }

    fn unless_known(&self, entries: &mut Entries, known: Option<Begin>, request: BeginRequest) -> Begin {
        let is_old = request.is_forgotten(self.time(), TTL) && !self.has(StoreFault::IgnoresAge);
        match known {
            Some(known) if !(is_old && self.has(StoreFault::ForgetsWhatItKnows)) => known,
            _ if is_old => Begin::Forgotten,
            _ => self.fresh(entries, request),
        }
    }
}

impl Store for Simple {
    fn info(&self) -> StoreInfo {
        StoreInfo { identity: self.identity, ttl: TTL }
    }

    fn now(&self) -> Duration {
        self.time() + if self.has(StoreFault::ClockIsAhead) { TTL / 4 } else { Duration::ZERO }
    }

    fn begin(&self, mut request: BeginRequest) -> BoxFuture<Result<Begin, StoreError>> {
        let key = request.key;
        if self.has(StoreFault::ComparesHalfTheKey) {
            request.key.0[16..].fill(0);
        }
        let mut entries = self.entries.lock().unwrap();
        let known = self.known(&entries, request.key, request.fingerprint);
        if self.has(StoreFault::BeginsInTwoSteps) {
            let store = self.clone();
            return Box::pin(async move {
                tokio::task::yield_now().await;
                Ok(store.unless_known(&mut store.entries.lock().unwrap(), known, request))
            });
        }
        let begin = match self.unless_known(&mut entries, known, request) {
            Begin::Fresh(lease) => Begin::Fresh(Lease { key, ..lease }),
            begin => begin,
        };
        Box::pin(ready(Ok(begin)))
    }

    fn finish(&self, lease: Lease, end: End) -> BoxFuture<Result<(), StoreError>> {
        let mut key = lease.key;
        if self.has(StoreFault::ComparesHalfTheKey) {
            key.0[16..].fill(0);
        }
        if let Some(entry) = self.entries.lock().unwrap().get_mut(&key) {
            let is_its = entry.token == lease.token || self.has(StoreFault::IgnoresTokens);
            if is_its && (entry.end.is_none() || self.has(StoreFault::TheLastEndCounts)) {
                entry.end = Some(end);
                entry.over = Instant::now() + self.ttl();
            }
        }
        Box::pin(ready(Ok(())))
    }

    fn settled(&self, _key: Key, limit: Duration) -> BoxFuture<()> {
        let pause = if self.has(StoreFault::NeverLetsGo) { limit } else { limit.min(Duration::from_millis(10)) };
        Box::pin(tokio::time::sleep(pause))
    }
}

/// Returns the suite's message against a store, or `None` if the store passes.
async fn verdict(store: Simple) -> Option<String> {
    let panic = tokio::spawn(async move { check(|| ready(store.clone())).await }).await.err()?.into_panic();
    let text = panic.downcast::<String>();
    Some(text.map_or_else(|panic| (*panic.downcast::<&str>().unwrap()).to_owned(), |text| *text))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_store_passes() {
    let store = Arc::new(MemoryStore::new().ttl(TTL));
    check(|| ready(Arc::clone(&store))).await;
}

#[tokio::test]
async fn a_simple_store_passes_on_one_thread() {
    assert_eq!(verdict(Simple::new(None)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_found_and_named() {
    let verdicts = FOUND.map(|(fault, _)| tokio::spawn(verdict(Simple::new(Some(fault)))));
    for ((fault, expected), verdict) in FOUND.into_iter().zip(verdicts) {
        let verdict = verdict.await.unwrap().unwrap_or_else(|| panic!("{fault:?} passes"));
        assert!(verdict.contains(expected), "{fault:?} is found like this: {verdict}");
    }
}

#[tokio::test]
#[should_panic(expected = "handles to one store say the same of it")]
async fn handles_to_different_stores_are_found() {
    check(|| ready(MemoryStore::new())).await;
}
