//! A server that counts the effects of each call.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc::{ErrorObject, RpcError, Server, ServerBuilder};
use tokio::sync::Notify;
use tokio::time::sleep;

/// Methods with an effect. Each call passes a unique number, and the answer is that number.
#[rpc::service(namespace = "effects")]
pub(crate) trait Effects {
    #[rpc(readonly)]
    async fn read(&self, number: u64) -> Result<u64, EffectError>;

    #[rpc(idempotent)]
    async fn set(&self, number: u64) -> Result<u64, EffectError>;

    async fn once(&self, number: u64) -> Result<u64, EffectError>;

    /// Has its effect, and then takes this many milliseconds.
    async fn once_slowly(&self, number: u64, millis: u64) -> Result<u64, EffectError>;

    /// Has its effect, and ends when the test releases it.
    async fn once_held(&self, number: u64) -> Result<u64, EffectError>;

    /// Has its effect, and returns an error that declines the call.
    async fn declined(&self, number: u64) -> Result<u64, EffectError>;

    /// Is busy the first time, without an effect. Has its effect the second time.
    async fn busy_once(&self, number: u64) -> Result<u64, EffectError>;

    /// Has its effect, and returns the error of an overloaded server as if it had called one.
    async fn relay_overload(&self, number: u64) -> Result<u64, ErrorObject>;

    /// Has its effect, and panics.
    async fn panics(&self, number: u64) -> Result<u64, EffectError>;
}

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
pub(crate) enum EffectError {
    #[error("declined {number}")]
    #[rpc(code = 1001)]
    Declined { number: u64 },
    #[error("busy")]
    #[rpc(code = 1002, retryable)]
    Busy,
}

/// Counts effects by the numbers of their calls.
#[derive(Clone, Debug)]
pub(crate) enum Ledger {
    Memory(Arc<Mutex<HashMap<u64, u32>>>),
    /// A file with a line for each effect. It outlives the process.
    File(Arc<FileLedger>),
}

#[derive(Debug)]
pub(crate) struct FileLedger {
    path: PathBuf,
    file: File,
}

impl Ledger {
    pub(crate) fn in_memory() -> Self {
        Self::Memory(Arc::default())
    }

    /// Opens the file, or creates it.
    pub(crate) fn in_file(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        Self::File(Arc::new(FileLedger { path: path.to_owned(), file }))
    }

    /// Records an effect of this call.
    pub(crate) fn note(&self, number: u64) {
        match self {
            Self::Memory(counts) => *counts.lock().unwrap().entry(number).or_default() += 1,
            // This is one write. In the file's append mode, no other write can split it.
            Self::File(ledger) => (&ledger.file).write_all(format!("{number}\n").as_bytes()).unwrap(),
        }
    }

    pub(crate) fn counts(&self) -> HashMap<u64, u32> {
        match self {
            Self::Memory(counts) => counts.lock().unwrap().clone(),
            Self::File(ledger) => {
                let mut counts = HashMap::new();
                for line in fs::read_to_string(&ledger.path).unwrap().lines() {
                    *counts.entry(line.parse().unwrap()).or_default() += 1;
                }
                counts
            }
        }
    }

    /// Returns how many effects this call had.
    pub(crate) fn count(&self, number: u64) -> u32 {
        self.counts().get(&number).copied().unwrap_or(0)
    }
}

/// The implementation of the methods.
#[derive(Debug)]
pub(crate) struct Counter {
    ledger: Ledger,
    busy: Mutex<HashSet<u64>>,
    gate: Arc<Gate>,
}

/// Holds calls until the test lets them end.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) entered: Notify,
    pub(crate) open: Notify,
}

impl Counter {
    pub(crate) fn new(ledger: Ledger, gate: Arc<Gate>) -> Self {
        Self { ledger, busy: Mutex::default(), gate }
    }

    fn done(&self, number: u64) -> u64 {
        self.ledger.note(number);
        number
    }
}

impl Effects for Counter {
    async fn read(&self, number: u64) -> Result<u64, EffectError> {
        Ok(self.done(number))
    }

    async fn set(&self, number: u64) -> Result<u64, EffectError> {
        Ok(self.done(number))
    }

    async fn once(&self, number: u64) -> Result<u64, EffectError> {
        Ok(self.done(number))
    }

    async fn once_slowly(&self, number: u64, millis: u64) -> Result<u64, EffectError> {
        self.done(number);
        sleep(Duration::from_millis(millis)).await;
        Ok(number)
    }

    async fn once_held(&self, number: u64) -> Result<u64, EffectError> {
        self.done(number);
        self.gate.entered.notify_one();
        self.gate.open.notified().await;
        Ok(number)
    }

    async fn declined(&self, number: u64) -> Result<u64, EffectError> {
        Err(EffectError::Declined { number: self.done(number) })
    }

    async fn busy_once(&self, number: u64) -> Result<u64, EffectError> {
        let first = self.busy.lock().unwrap().insert(number);
        if first { Err(EffectError::Busy) } else { Ok(self.done(number)) }
    }

    async fn relay_overload(&self, number: u64) -> Result<u64, ErrorObject> {
        self.done(number);
        Err(ErrorObject::new(-32092, "Server overloaded"))
    }

    async fn panics(&self, number: u64) -> Result<u64, EffectError> {
        self.done(number);
        panic!("as the test wants it");
    }
}

/// Begins to build a server that records its effects in the ledger.
pub(crate) fn builder(ledger: &Ledger) -> ServerBuilder {
    Server::builder().service(EffectsServer::new(Counter::new(ledger.clone(), Arc::default())))
}
