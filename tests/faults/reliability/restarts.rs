//! A server that is killed between an effect and its answer, and started again.

use std::time::Duration;

use rpc::Retry;
use support::postgres::Postgres;

use crate::reliability::child::Process;
use crate::reliability::outcomes::{Findings, compare};
use crate::reliability::plan::{Fault, Plan};
use crate::reliability::proxy::{Options, Proxy};
use crate::reliability::storm;

/// The number of seeds and calls: fewer than in the storm, because each restart starts a process.
const SEEDS: u64 = 3;
const CALLS: u64 = 200;

/// Returns the faults of the storm, and some kills.
pub(crate) fn faults() -> Vec<(Fault, u64)> {
    let mut faults = storm::faults();
    faults.push((Fault::Kill, 100));
    faults
}

/// Builds a proxy that kills and restarts the server where the plan says so.
pub(crate) async fn killing(process: &Process, plan: Plan) -> Proxy {
    let killed = process.clone();
    let hook = move || {
        let killed = killed.clone();
        Box::pin(async move { killed.restart().await }) as _
    };
    Proxy::with_options(process.addr(), plan, Options { hook: Some(Box::new(hook)), ..Options::default() }).await
}

/// Runs all seeds, each against a server of its own. Its store is in the database, if there is one.
async fn storms(postgres: Option<&Postgres>) -> Findings {
    let mut findings = Findings::default();
    for seed in 0..SEEDS {
        let process = match postgres {
            Some(postgres) => Process::on(postgres).await,
            None => Process::start().await,
        };
        let proxy = killing(&process, Plan::seeded(seed, faults())).await;
        // Long enough for a process to start on a busy machine.
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
async fn nothing_runs_twice_when_the_server_is_killed_and_with_a_shared_store_fewer_outcomes_are_unknown() {
    let forgotten = storms(None).await;
    assert!(forgotten.unknown_once > 0, "a kill leaves outcomes unknown: {}", forgotten.summary());

    let test = "nothing_runs_twice_when_the_server_is_killed_and_with_a_shared_store_fewer_outcomes_are_unknown";
    let Some(postgres) = Postgres::start(test) else { return };
    let remembered = storms(Some(&postgres)).await;
    let (with, without) = (remembered.summary(), forgotten.summary());
    assert!(
        remembered.unknown_once * 4 < forgotten.unknown_once * 3,
        "with the shared store: {with}; with stores of the processes: {without}"
    );
}

#[tokio::test]
async fn a_call_whose_server_is_killed_after_its_effect_is_answered_by_the_next_one() {
    let test = "a_call_whose_server_is_killed_after_its_effect_is_answered_by_the_next_one";
    let Some(postgres) = Postgres::start(test) else { return };
    let process = Process::on(&postgres).await;
    let proxy = killing(&process, Plan::script([None, Some(Fault::Kill)])).await;
    // Long enough for a process to start on a busy machine.
    let client = rpc::Client::builder().attempt_timeout(Duration::from_secs(20)).endpoint(proxy.url()).build().unwrap();
    let effects = crate::reliability::server::EffectsClient::new(client);
    assert_eq!(effects.once_slowly(1, 0).await.unwrap(), 1);
    process.drain().await;
    assert_eq!(process.ledger().count(1), 1);
}

#[tokio::test]
async fn effects_outlive_the_process_that_had_them() {
    let process = Process::start().await;
    let proxy = killing(&process, Plan::script([None, Some(Fault::Kill)])).await;
    let effects = crate::reliability::server::EffectsClient::new(rpc::Client::new(proxy.url()).unwrap());
    let error = effects.once_slowly(1, 0).await.unwrap_err();
    assert_eq!(error.outcome(), rpc::Outcome::Unknown);
    assert_eq!(effects.once(2).await.unwrap(), 2);
    process.drain().await;
    assert_eq!((process.ledger().count(1), process.ledger().count(2)), (1, 1));
}
