//! Deliberate mistakes of a client or a server. The comparison must detect each of them.

mod transport;

use std::time::{Duration, Instant};

use rpc::idempotency::MemoryStore;
use rpc::{Client, ClientBuilder, Effect, Outcome, Retry, ServerBuilder};

#[cfg(unix)]
use crate::reliability::child::Process;
use crate::reliability::outcomes::{Findings, Record, Violation, compare};
use crate::reliability::plan::{Fault, Plan};
use crate::reliability::proxy::Proxy;
use crate::reliability::server::{self, EffectsClient, Ledger};
use crate::reliability::store::Forgetting;
use crate::reliability::storm;
use transport::{Mistake, Mistaken};

const DEADLINE: Duration = Duration::from_secs(2);
const CALLS: u64 = 40;

/// A server behind a proxy that lets a fifth of the requests meet a fault.
struct Failing {
    ledger: Ledger,
    proxy: Proxy,
}

impl Failing {
    async fn start(fault: Fault) -> Self {
        Self::with_server(fault, |server| server).await
    }

    async fn with_server(fault: Fault, build: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let ledger = Ledger::in_memory();
        let server = build(server::builder(&ledger)).build().bind("127.0.0.1:0").await.unwrap().spawn();
        let proxy = Proxy::start(server.local_addr(), Plan::seeded(1, [(fault, 2000)])).await;
        Self { ledger, proxy }
    }

    fn client(&self, builder: ClientBuilder) -> Client {
        builder.endpoint(self.proxy.url()).build().unwrap()
    }

    fn mistaken(&self, mistake: Mistake) -> Client {
        storm::builder().transport(Mistaken::new(self.proxy.addr(), mistake)).build().unwrap()
    }

    /// Makes many calls, and compares.
    async fn storm(&self, client: &Client) -> Findings {
        let records = storm::run(client, 1, 0..CALLS).await;
        compare(&records, &self.ledger.counts(), self.proxy.plan())
    }
}

#[tokio::test]
async fn without_mistakes_nothing_is_found() {
    for fault in [Fault::DropResponse, Fault::Missing] {
        let failing = Failing::start(fault).await;
        failing.storm(&failing.client(storm::builder())).await.assert_none();
    }
}

#[tokio::test]
async fn a_retry_that_mints_a_new_key_is_caught() {
    let failing = Failing::start(Fault::DropResponse).await;
    let findings = failing.storm(&failing.mistaken(Mistake::MintsKeys)).await;
    assert!(findings.has(Violation::Repeated), "{}", findings.summary());
}

#[tokio::test]
async fn a_store_that_forgets_within_its_time_is_caught() {
    let forgetting = |server: ServerBuilder| server.idempotency_store(Forgetting::new(MemoryStore::new()));
    let failing = Failing::with_server(Fault::DropResponse, forgetting).await;
    let findings = failing.storm(&failing.client(storm::builder())).await;
    assert!(findings.has(Violation::Repeated), "{}", findings.summary());
}

#[cfg(unix)]
#[tokio::test]
async fn a_client_that_ignores_which_store_it_relies_on_is_caught() {
    let process = Process::start().await;
    let proxy = crate::reliability::restarts::killing(&process, Plan::script([None, Some(Fault::Kill)])).await;
    // Long enough for a process to start on a busy machine.
    let patience = Duration::from_secs(20);
    let transport = Mistaken::new(proxy.addr(), Mistake::IgnoresStore);
    let client = storm::builder().attempt_timeout(patience / 2).transport(transport).build().unwrap();
    let start = Instant::now();
    let ended = EffectsClient::new(client).once(1).deadline(patience).await;
    let record = Record::new(1, Effect::Once, ended, start.elapsed(), patience);
    process.drain().await;
    let findings = compare(&[record], &process.ledger().counts(), proxy.plan());
    assert!(findings.has(Violation::Repeated), "{}", findings.summary());
}

#[tokio::test]
async fn a_call_made_anew_since_its_fate_is_unknown_is_caught() {
    let failing = Failing::start(Fault::DropResponse).await;
    let effects = EffectsClient::new(failing.client(Client::builder().retry(Retry::never())));
    let mut records = Vec::new();
    for number in 0..CALLS {
        let start = Instant::now();
        let ended = loop {
            match effects.once(number).await {
                Err(error) if error.outcome() == Outcome::Unknown => {}
                ended => break ended,
            }
        };
        records.push(Record::new(number, Effect::Once, ended, start.elapsed(), DEADLINE));
    }
    assert!(compare(&records, &failing.ledger.counts(), failing.proxy.plan()).has(Violation::Repeated));
}

#[tokio::test]
async fn a_replay_of_a_whole_batch_is_caught() {
    let failing = Failing::start(Fault::Missing).await;
    let client = failing.client(Client::builder().retry(Retry::never()));
    let effects = EffectsClient::new(client.clone());
    let mut records = Vec::new();
    for number in (0..CALLS).step_by(2) {
        let start = Instant::now();
        let ended = loop {
            let (one, two) = client.batch((effects.once(number), effects.once(number + 1))).await.unwrap();
            if one.is_ok() && two.is_ok() {
                break [one, two];
            }
        };
        for (number, ended) in (number..).zip(ended) {
            records.push(Record::new(number, Effect::Once, ended, start.elapsed(), DEADLINE));
        }
    }
    assert!(compare(&records, &failing.ledger.counts(), failing.proxy.plan()).has(Violation::Repeated));
}

#[tokio::test]
async fn a_refusal_that_comes_after_the_effect_is_caught() {
    let lie = Fault::Status { status: 429, retry_after: None, forwarded: true };
    let failing = Failing::start(lie).await;
    let findings = failing.storm(&failing.client(storm::builder().retry(Retry::never()))).await;
    assert!(findings.has(Violation::RanAfterAll), "{}", findings.summary());
}
