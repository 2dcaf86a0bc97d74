//! [`SimulatedServer`]: a server that needs neither a socket nor real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rpc::transport::{Reply, Request, Transport};
use rpc::{BoxFuture, Endpoint, Failure};
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// A server that runs a limited number of calls at the same time. Further calls wait, so a server that many clients
/// choose becomes slow. Clones are the same server.
#[derive(Clone, Debug)]
pub(super) struct SimulatedServer(Arc<ServerState>);

#[derive(Debug)]
struct ServerState {
    /// One permit for each call that runs.
    workers: Semaphore,
    service_time: Duration,
    attempts: AtomicU64,
    is_dead: AtomicBool,
}

impl SimulatedServer {
    /// Makes a server. Its calls run for random times with this mean, in whole milliseconds as tokio's clock has them.
    pub(super) fn new(workers: usize, service_time: Duration) -> Self {
        let (attempts, is_dead) = (AtomicU64::default(), AtomicBool::default());
        Self(Arc::new(ServerState { workers: Semaphore::new(workers), service_time, attempts, is_dead }))
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint::transport(self.clone())
    }

    /// Returns the number of attempts so far.
    pub(super) fn attempts(&self) -> u64 {
        self.0.attempts.load(Ordering::Relaxed)
    }

    /// From now on, refuses connections.
    pub(super) fn die(&self) {
        self.0.is_dead.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.0.is_dead.load(Ordering::Relaxed)
    }

    async fn answer(self, request: Request) -> Result<Reply, Failure> {
        let Ok(_worker) = self.0.workers.acquire().await else { return Err(Failure::transport("the server is gone")) };
        // tokio rounds up to whole milliseconds, which adds half of one on average.
        sleep(exponential(self.0.service_time - Duration::from_micros(500))).await;
        let call = std::str::from_utf8(&request.body).map_err(Failure::transport)?;
        let (_, id) = call.rsplit_once(r#""id":"#).ok_or_else(|| Failure::transport("the call has no id"))?;
        Ok(Reply::new(Bytes::from([r#"{"jsonrpc":"2.0","result":0,"id":"#, id].concat())))
    }
}

impl Transport for SimulatedServer {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.0.attempts.fetch_add(1, Ordering::Relaxed);
        if self.is_dead() {
            return Box::pin(std::future::ready(Err(Failure::connect("connection refused"))));
        }
        Box::pin(self.clone().answer(request))
    }
}

/// Returns a random time with an exponential distribution.
pub(super) fn exponential(mean: Duration) -> Duration {
    mean.mul_f64(-(1.0 - rand::random::<f64>()).ln())
}
