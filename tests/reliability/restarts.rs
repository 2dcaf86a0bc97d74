//! A server that is killed between an effect and its answer, and started again.

use std::time::Duration;

use rpc::Retry;

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
    faults.push((Fault::Kill, 100));
    faults
}

/// Makes a proxy that kills the server and starts it again, where the plan says so.
pub(crate) async fn killing(process: &Process, plan: Plan) -> Proxy {
    let killed = process.clone();
    let hook = move || {
        let killed = killed.clone();
        Box::pin(async move { killed.restart().await }) as _
    };
    Proxy::with_options(process.addr(), plan, Options { hook: Some(Box::new(hook)), ..Options::default() }).await
}

/// Runs all seeds, each against a server of its own.
async fn storms(has_lasting_store: bool) -> Findings {
    let mut findings = Findings::default();
    for seed in 0..SEEDS {
        let process = if has_lasting_store { Process::with_lasting_store().await } else { Process::start().await };
        let proxy = killing(&process, Plan::seeded(seed, faults())).await;
        // Patient enough for a process to start on a busy machine.
        let retry = Retry::exponential().max_attempts(8).base(Duration::from_millis(50));
        let client = storm::builder().retry(retry).endpoint(proxy.url()).build().unwrap();
        let records = storm::run(&client, seed, 0..CALLS).await;
        process.drain().await;
        findings.add(compare(&records, &process.ledger().counts(), proxy.plan()));
    }
    println!("{}", findings.summary());
    findings.assert_none();
    findings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_runs_twice_when_the_server_is_killed_and_a_store_that_outlives_it_knows_more() {
    let forgotten = storms(false).await.unknown_once;
    let remembered = storms(true).await.unknown_once;
    assert!(forgotten > 0, "a kill leaves outcomes unknown");
    assert!(remembered * 2 < forgotten, "{remembered} unknown outcomes with a store that lasts, {forgotten} without");
}

#[tokio::test]
async fn effects_outlive_the_process_that_had_them() {
    let process = Process::start().await;
    let proxy = killing(&process, Plan::script([None, Some(Fault::Kill)])).await;
    let effects = crate::server::EffectsClient::new(rpc::Client::new(proxy.url()).unwrap());
    let error = effects.once_slowly(1, 0).await.unwrap_err();
    assert_eq!(error.outcome(), rpc::Outcome::Unknown);
    assert_eq!(effects.once(2).await.unwrap(), 2);
    process.drain().await;
    assert_eq!((process.ledger().count(1), process.ledger().count(2)), (1, 1));
}
