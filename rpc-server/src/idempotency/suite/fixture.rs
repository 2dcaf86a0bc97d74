//! What the rules share: several handles to one store, random calls, and short and long times.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::ErrorCode;
use tokio::time::Instant;
use uuid::Uuid;

use crate::idempotency::{Begin, BeginRequest, End, Fingerprint, Kept, Key, Lease, Store};

/// A lease that is long enough not to expire while a test runs.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// A lease that is short enough to wait for its end.
pub(super) const SHORT: Duration = Duration::from_millis(150);

/// The maximum time for which a store is watched.
pub(super) const WATCHED: Duration = Duration::from_secs(3);

/// How long a fast operation may take, on a busy machine and over a network.
pub(super) const EVENT_TIMEOUT: Duration = Duration::from_secs(5);

/// Several handles to one store. Each of them must know what the others did.
pub(super) struct Stores {
    pub(super) handles: Vec<Arc<dyn Store>>,
}

impl Stores {
    pub(super) fn are_the_same(&self) {
        let info = self.handles[0].info();
        assert!(self.handles.iter().all(|handle| handle.info() == info), "handles to one store say the same of it");
        assert!(info.ttl > Duration::ZERO, "a store remembers for some time");
        assert!(!info.identity.is_nil(), "a store has an identity");
    }

    /// Begins through one of the handles.
    pub(super) async fn begin(&self, handle: usize, call: SuiteCall, lease: Duration) -> Begin {
        self.ask(handle, call.request(lease)).await
    }

    pub(super) async fn ask(&self, handle: usize, request: BeginRequest) -> Begin {
        let begun = self.handles[handle % self.handles.len()].begin(request).await;
        begun.unwrap_or_else(|error| panic!("a call can be begun, but: {}", chain(&error)))
    }

    /// Begins a call that must be fresh.
    pub(super) async fn fresh(&self, call: SuiteCall, lease: Duration, why: &str) -> Lease {
        match self.begin(0, call, lease).await {
            Begin::Fresh(lease) => {
                assert_eq!(lease.key, call.key, "a lease names the key that it was given for");
                lease
            }
            other => panic!("{why} is fresh, but it is {other:?}"),
        }
    }

    pub(super) async fn finish(&self, handle: usize, lease: Lease, end: End) {
        let finished = self.handles[handle % self.handles.len()].finish(lease, end).await;
        finished.unwrap_or_else(|error| panic!("an end can be noted, but: {}", chain(&error)));
    }

    /// Asserts what is known of a call, through all handles.
    pub(super) async fn expect(&self, call: SuiteCall, expected: &Begin, why: &str) {
        for handle in 0..self.handles.len() {
            let known = self.begin(handle, call, LONG).await;
            assert!(known == *expected, "{why}: a call that is begun again is {expected:?}, but it is {known:?}");
        }
    }

    /// Waits until a call is not running any more. Returns what the store then knows of it.
    pub(super) async fn after_running(&self, call: SuiteCall) -> Begin {
        let start = Instant::now();
        loop {
            match self.begin(1, call, LONG).await {
                Begin::Running => {
                    assert!(start.elapsed() < EVENT_TIMEOUT, "a call is not running when its lease has run out")
                }
                other => return other,
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// What a call begins with.
#[derive(Clone, Copy)]
pub(super) struct SuiteCall {
    pub(super) key: Key,
    pub(super) fingerprint: Fingerprint,
}

impl SuiteCall {
    /// Makes a call that no store has seen yet.
    pub(super) fn new() -> Self {
        Self { key: Key(random()), fingerprint: Fingerprint(random()) }
    }

    pub(super) fn request(self, lease: Duration) -> BeginRequest {
        BeginRequest::new(self.key, self.fingerprint, lease)
    }

    /// Makes another call with the same key.
    pub(super) fn other(self) -> Self {
        Self { fingerprint: Fingerprint(random()), ..self }
    }
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    bytes[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    bytes
}

pub(super) fn result(text: &str) -> Kept {
    Kept { code: None, outcome: format!(r#""result":{text}"#).into() }
}

/// Returns answers that are hard to keep, such as the error of a method.
pub(super) fn kept() -> [Kept; 6] {
    let bytes = (0..=255).cycle().take(300_000).collect::<Vec<u8>>();
    [
        result("true"),
        result("\"žluť\\u0000\""),
        Kept { code: None, outcome: bytes.into() },
        Kept { code: Some(ErrorCode::new(1)), outcome: r#""error":{"code":1,"message":"one"}"#.into() },
        Kept { code: Some(ErrorCode::new(i64::MIN)), outcome: Vec::new().into() },
        Kept { code: Some(ErrorCode::new(0)), outcome: r#""error":{"code":0,"message":""}"#.into() },
    ]
}

fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
