//! The closed loop: each caller makes its next call when the last one has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::plan::Plan;
use super::worker::{Request, Worker};

/// Numbers the requests of all workers.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// All requests.
    begun: AtomicU64,
    /// Those after the warm-up.
    measured: AtomicU64,
}

/// Runs a worker's share of the callers until all of them have ended.
pub(crate) async fn run(worker: &Worker, plan: &Plan, callers: u64, counters: &Arc<Counters>) {
    let mut running: FuturesUnordered<_> = (0..callers).map(|_| call(worker, plan, counters)).collect();
    while running.next().await.is_some() {}
}

/// Runs one caller.
async fn call(worker: &Worker, plan: &Plan, counters: &Counters) {
    let end = plan.end().unwrap_or(Duration::MAX);
    let mut now = worker.now();
    while now < end && !worker.is_stopped() {
        let is_warmup = now < plan.warmup;
        let calls = match plan.limit {
            Some(_) if !is_warmup => plan.calls_of(counters.measured.fetch_add(1, Ordering::Relaxed)),
            _ => plan.batch,
        };
        if calls == 0 {
            return;
        }
        let first = counters.begun.fetch_add(1, Ordering::Relaxed) * plan.batch;
        now = worker.send(Request { first, calls, due: now, is_warmup }).await;
    }
}
