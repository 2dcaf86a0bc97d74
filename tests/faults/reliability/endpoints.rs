//! The storm of faults in front of three endpoints: each with a store of its own, and all with one store.

use std::sync::Arc;

use rpc::Endpoint;
use rpc::idempotency::MemoryStore;

use crate::reliability::outcomes::{Findings, compare};
use crate::reliability::plan::Plan;
use crate::reliability::proxy::{Options, Proxy};
use crate::reliability::server::{self, Ledger};
use crate::reliability::storm::{self, CALLS, faults};

const SEEDS: u64 = 4;

/// Runs one seed, with a fault plan for each endpoint.
async fn storm(seed: u64, shared: Option<Arc<MemoryStore>>) -> Findings {
    let ledger = Ledger::in_memory();
    let (mut servers, mut proxies) = (Vec::new(), Vec::new());
    for index in 0..3 {
        let mut server = server::builder(&ledger);
        if let Some(store) = &shared {
            server = server.idempotency_store(Arc::clone(store));
        }
        let server = server.build().bind("127.0.0.1:0").await.unwrap().spawn();
        let options = Options { resets_one_of: 50, ..Options::default() };
        proxies.push(Proxy::with_options(server.local_addr(), Plan::seeded(3 * seed + index, faults()), options).await);
        servers.push(server);
    }
    let client = storm::builder().endpoints(proxies.iter().map(|proxy| Endpoint::new(proxy.url()))).build().unwrap();
    let records = storm::run(&client, seed, 0..CALLS).await;
    for server in servers {
        server.shutdown().await;
    }
    compare(&records, &ledger.counts(), proxies[0].plan())
}

async fn storms(is_shared: bool) -> Findings {
    let mut findings = Findings::default();
    for seed in 0..SEEDS {
        findings.add(storm(seed, is_shared.then(Arc::<MemoryStore>::default)).await);
    }
    println!("{}", findings.summary());
    findings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_endpoints_with_a_shared_store_run_nothing_twice() {
    let findings = storms(true).await;
    assert_eq!(findings.calls as u64, SEEDS * CALLS);
    findings.assert_none();
    findings.assert_unknown_at_most(4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_endpoints_with_stores_of_their_own_run_nothing_twice() {
    let findings = storms(false).await;
    assert_eq!(findings.calls as u64, SEEDS * CALLS);
    findings.assert_none();
    findings.assert_unknown_at_most(4);
}
