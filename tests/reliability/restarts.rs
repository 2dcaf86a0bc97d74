//! A server that is killed between an effect and its answer, and started again.

use crate::child::Process;
use crate::outcomes::{Findings, compare};
use crate::plan::{Fault, Plan};
use crate::proxy::{Options, Proxy};
use crate::storm;

/// How many seeds and calls there are: fewer than in the storm, since each restart takes the time of a process.
const SEEDS: u64 = 3;
const CALLS: u64 = 200;

/// Returns the faults of the storm, and some kills.
fn faults() -> Vec<(Fault, u64)> {
    let mut faults = storm::faults();
    faults.push((Fault::Kill, 300));
    faults
}

async fn storm_with_restarts(seed: u64) -> Findings {
    let process = Process::start().await;
    let killed = process.clone();
    let hook = move || {
        let killed = killed.clone();
        Box::pin(async move { killed.restart().await }) as _
    };
    let options = Options { hook: Some(Box::new(hook)), ..Options::default() };
    let proxy = Proxy::with_options(process.addr(), Plan::seeded(seed, faults()), options).await;
    let records = storm::run(&storm::client(&proxy), seed, 0..CALLS).await;
    process.drain().await;
    compare(&records, &process.ledger().counts(), proxy.plan())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_runs_twice_when_the_server_is_killed_and_has_forgotten_all() {
    let mut findings = Findings::default();
    for seed in 0..SEEDS {
        findings.add(storm_with_restarts(seed).await);
    }
    findings.assert_none();
    assert!(findings.unknown_once > 0, "a kill leaves outcomes unknown: {}", findings.summary());
    println!("{}", findings.summary());
}

#[tokio::test]
async fn effects_outlive_the_process_that_had_them() {
    let process = Process::start().await;
    let killed = process.clone();
    let hook = move || {
        let killed = killed.clone();
        Box::pin(async move { killed.restart().await }) as _
    };
    let options = Options { hook: Some(Box::new(hook)), ..Options::default() };
    let proxy = Proxy::with_options(process.addr(), Plan::script([Some(Fault::Kill)]), options).await;
    let effects = crate::server::EffectsClient::new(rpc::Client::new(proxy.url()).unwrap());
    let error = effects.once_slowly(1, 0).await.unwrap_err();
    assert_eq!(error.outcome(), rpc::Outcome::Unknown);
    assert_eq!(effects.once(2).await.unwrap(), 2);
    process.drain().await;
    assert_eq!((process.ledger().count(1), process.ledger().count(2)), (1, 1));
}
