//! [`Fake`]: a server of the simulation, which needs neither a socket nor real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::BoxFuture;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::transport::{Reply, Request, Transport};
use crate::{Endpoint, Failure};

/// A server that counts the attempts at it.
#[derive(Debug)]
pub(super) struct Fake {
    service: Service,
    /// One permit for each call that the server runs at the same time. Further calls wait.
    workers: Arc<Semaphore>,
    attempts: AtomicU64,
    has_recovered: AtomicBool,
}

/// What a server does with calls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Service {
    /// Each call takes a time that depends on its method.
    Runs(fn(&str) -> Duration),
    /// Refuses each call at once with -32092 (overloaded).
    IsOverloaded,
    /// Refuses connections.
    IsDead,
}

impl Fake {
    /// Makes a server that runs any number of calls at the same time.
    pub(super) fn new(service: Service) -> Arc<Self> {
        Self::with_workers(service, Semaphore::MAX_PERMITS)
    }

    pub(super) fn with_workers(service: Service, workers: usize) -> Arc<Self> {
        let workers = Arc::new(Semaphore::new(workers));
        Arc::new(Self { service, workers, attempts: AtomicU64::new(0), has_recovered: AtomicBool::new(false) })
    }

    pub(super) fn endpoint(self: &Arc<Self>) -> Endpoint {
        Endpoint::transport(Arc::clone(self))
    }

    /// From now on, answers at once.
    pub(super) fn recover(&self) {
        self.has_recovered.store(true, Ordering::Relaxed);
    }

    /// Returns the number of attempts so far.
    pub(super) fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }
}

impl Transport for Fake {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let has_recovered = self.has_recovered.load(Ordering::Relaxed);
        let service = if has_recovered { Service::Runs(|_| Duration::ZERO) } else { self.service };
        let workers = Arc::clone(&self.workers);
        Box::pin(async move {
            let time = match service {
                Service::Runs(time) => time,
                Service::IsOverloaded => return Err(Failure::overloaded()),
                Service::IsDead => return Err(Failure::connect("connection refused")),
            };
            let call: Value = serde_json::from_slice(&request.body).unwrap();
            let _worker = workers.acquire().await;
            sleep(time(call["method"].as_str().unwrap())).await;
            Ok(Reply::new(Bytes::from(format!(r#"{{"jsonrpc":"2.0","result":0,"id":{}}}"#, call["id"]))))
        })
    }
}
