//! The storm of faults, and a server that is killed, in front of a client that coalesces the calls of its callers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use rpc::client_middleware::{Next, from_fn};
use rpc::transport::Request;
use rpc::{ClientBuilder, Coalesce, Retry};

use crate::reliability::child::Process;
use crate::reliability::outcomes::{Findings, Record, compare};
use crate::reliability::plan::{Fault, Plan};
use crate::reliability::proxy::{Options, Proxy};
use crate::reliability::restarts::killing;
use crate::reliability::server::{self, Ledger};
use crate::reliability::storm::{self, CALLS, faults};

const SEEDS: u64 = 6;

/// How many callers are there at a time. Each makes single calls.
const CALLERS: usize = 64;

/// Makes calls with the numbers up to this one. Returns what each caller was told, and checks that calls were joined.
async fn run(builder: ClientBuilder, seed: u64, calls: u64) -> Vec<Record> {
    let batches = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&batches);
    let count = from_fn(move |request: Request, next: Next<Request>| {
        counted.fetch_add(usize::from(request.body.starts_with(b"[")), Ordering::Relaxed);
        next.run(request)
    });
    let client = builder.coalesce(Coalesce::default()).attempt_layer(count).build().unwrap();
    let one = |number: u64| {
        let client = client.clone();
        tokio::spawn(async move { storm::run(&client, seed, number..number + 1).await })
    };
    let records = stream::iter((0..calls).map(one)).buffer_unordered(CALLERS).map(Result::unwrap);
    let records: Vec<Vec<Record>> = records.collect().await;
    assert!(batches.load(Ordering::Relaxed) > 10, "calls were joined");
    records.concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joined_calls_are_told_what_happened_and_nothing_runs_twice() {
    let mut findings = Findings::default();
    for seed in 0..SEEDS {
        let ledger = Ledger::in_memory();
        let server = server::builder(&ledger).build().bind("127.0.0.1:0").await.unwrap().spawn();
        let options = Options { resets_one_of: 50, ..Options::default() };
        let proxy = Proxy::with_options(server.local_addr(), Plan::seeded(seed, faults()), options).await;
        let records = run(storm::builder().endpoint(proxy.url()), seed, CALLS).await;
        server.shutdown().await;
        findings.add(compare(&records, &ledger.counts(), proxy.plan()));
    }
    println!("{}", findings.summary());
    assert_eq!(findings.calls as u64, SEEDS * CALLS);
    findings.assert_none();
    findings.assert_unknown_at_most(4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joined_calls_run_nothing_twice_when_the_server_is_killed() {
    let mut findings = Findings::default();
    for seed in 0..2 {
        let process = Process::start().await;
        let mut faults = storm::faults();
        faults.push((Fault::Kill, 100));
        let proxy = killing(&process, Plan::seeded(seed, faults)).await;
        // Long enough for a process to start on a busy machine.
        let retry = Retry::exponential().max_attempts(8).base(Duration::from_millis(50));
        let records = run(storm::builder().retry(retry).endpoint(proxy.url()), seed, 400).await;
        process.drain().await;
        findings.add(compare(&records, &process.ledger().counts(), proxy.plan()));
    }
    println!("{}", findings.summary());
    findings.assert_none();
}
