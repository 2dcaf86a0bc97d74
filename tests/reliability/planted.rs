//! Mistakes that a client or a server could make, made on purpose: the comparison sees each of them.

use std::time::{Duration, Instant};

use rpc::{Client, Effect, Outcome};

use crate::outcomes::{Findings, Record, Violation, compare};
use crate::plan::{Fault, Plan};
use crate::proxy::Proxy;
use crate::server::{self, EffectsClient, Ledger};

const DEADLINE: Duration = Duration::from_secs(2);
const CALLS: u64 = 20;

/// A server behind a proxy that loses answers.
struct Losing {
    ledger: Ledger,
    proxy: Proxy,
    effects: EffectsClient,
}

impl Losing {
    async fn start(fault: Fault) -> Self {
        let ledger = Ledger::in_memory();
        let server = server::builder(&ledger).build().bind("127.0.0.1:0").await.unwrap().spawn();
        let proxy = Proxy::start(server.local_addr(), Plan::seeded(1, [(fault, 5000)])).await;
        let effects = EffectsClient::new(Client::builder().endpoint(proxy.url()).deadline(DEADLINE).build().unwrap());
        Self { ledger, proxy, effects }
    }

    fn compare(&self, records: &[Record]) -> Findings {
        compare(records, &self.ledger.counts(), self.proxy.plan())
    }
}

#[tokio::test]
async fn a_retry_without_a_key_is_caught() {
    let losing = Losing::start(Fault::DropResponse).await;
    let mut records = Vec::new();
    for number in 0..CALLS {
        let start = Instant::now();
        let ended = loop {
            match losing.effects.once(number).await {
                Err(error) if error.outcome() == Outcome::Unknown => {}
                ended => break ended,
            }
        };
        records.push(Record::new(number, Effect::Once, ended, start.elapsed(), DEADLINE));
    }
    assert!(losing.compare(&records).has(Violation::Repeated));
}

#[tokio::test]
async fn a_replay_of_a_whole_batch_is_caught() {
    let losing = Losing::start(Fault::Missing).await;
    let mut records = Vec::new();
    for number in (0..CALLS).step_by(2) {
        let start = Instant::now();
        let ended = loop {
            let client = Client::new(losing.proxy.url()).unwrap();
            let (one, two) =
                client.batch((losing.effects.once(number), losing.effects.once(number + 1))).await.unwrap();
            if one.is_ok() && two.is_ok() {
                break [one, two];
            }
        };
        for (number, ended) in (number..).zip(ended) {
            records.push(Record::new(number, Effect::Once, ended, start.elapsed(), DEADLINE));
        }
    }
    assert!(losing.compare(&records).has(Violation::Repeated));
}
