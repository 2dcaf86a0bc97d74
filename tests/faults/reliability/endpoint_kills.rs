//! Three endpoints that are processes, which are killed and started again in a storm of faults.

use std::collections::HashMap;
use std::time::Duration;

use rpc::{Endpoint, Retry};
use support::postgres::Postgres;

use crate::reliability::child::Process;
use crate::reliability::outcomes::{Findings, compare};
use crate::reliability::plan::Plan;
use crate::reliability::restarts::{faults, killing};
use crate::reliability::storm;

/// The number of seeds and calls: fewer than in the storm, because each restart starts a process.
const SEEDS: u64 = 2;
const CALLS: u64 = 150;

/// Runs all seeds, each against three processes. Their store is in the database, if there is one.
async fn kills(postgres: Option<&Postgres>) -> Findings {
    let mut findings = Findings::default();
    for seed in 0..SEEDS {
        let (mut processes, mut proxies) = (Vec::new(), Vec::new());
        for index in 0..3 {
            let process = match postgres {
                Some(postgres) => Process::on(postgres).await,
                None => Process::start().await,
            };
            proxies.push(killing(&process, Plan::seeded(3 * seed + index, faults())).await);
            processes.push(process);
        }
        // Long enough for a process to start on a busy machine.
        let retry = Retry::exponential().max_attempts(8).base(Duration::from_millis(50));
        let endpoints = proxies.iter().map(|proxy| Endpoint::new(proxy.url()));
        let client = storm::builder().retry(retry).endpoints(endpoints).build().unwrap();
        let records = storm::run(&client, seed, 0..CALLS).await;
        let mut effects: HashMap<u64, u32> = HashMap::new();
        for process in processes {
            process.drain().await;
            for (number, count) in process.ledger().counts() {
                *effects.entry(number).or_default() += count;
            }
        }
        findings.add(compare(&records, &effects, proxies[0].plan()));
    }
    println!("{}", findings.summary());
    findings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_endpoints_that_are_killed_run_nothing_twice_whether_or_not_they_share_a_store() {
    let forgotten = kills(None).await;
    forgotten.assert_none();
    assert!(forgotten.unknown_once > 0, "a kill leaves outcomes unknown: {}", forgotten.summary());

    let test = "three_endpoints_that_are_killed_run_nothing_twice_whether_or_not_they_share_a_store";
    let Some(postgres) = Postgres::start(test) else { return };
    // A process that is killed during a call leaves its key without an answer, also in a shared store. So the number of
    // unknown outcomes is about the same.
    kills(Some(&postgres)).await.assert_none();
}
