//! Many calls through a faulty network. What callers are told is what happened.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use rpc::{Call, Client, ClientBuilder, Effect, Error, Retry, RetryBudget};

use crate::reliability::outcomes::{Findings, Record, compare};
use crate::reliability::plan::{Fault, Plan, Random};
use crate::reliability::proxy::{Gateway, Options, Proxy};
use crate::reliability::server::{self, EffectError, EffectsClient, Ledger};

/// The number of seeds, and the number of calls for each.
pub(crate) const SEEDS: u64 = 20;
pub(crate) const CALLS: u64 = 1000;

/// How many requests of a storm are in flight at a time.
const WIDTH: usize = 32;
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);
/// How long a call may take before the test treats it as hanging.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// The proxy answers "too many requests" although it has forwarded the request.
const LIE: Fault = Fault::Status { status: 429, retry_after: None, forwarded: true };

/// How many of 10,000 requests meet a fault of [`faults`].
const SHARE_OF_FAULTS: u64 = 2150;

fn is_lie(fault: &Fault) -> bool {
    matches!(fault, Fault::Status { status: 429, forwarded: true, .. })
}

/// Returns each fault with its share of 10,000 requests. All together are about a fifth.
pub(crate) fn faults() -> Vec<(Fault, u64)> {
    let short = Duration::from_millis(20);
    let mut faults = vec![
        (Fault::DropRequest, 200),
        (Fault::DropResponse, 200),
        (Fault::Cut, 200),
        (Fault::DelayRequest(short), 100),
        (Fault::DelayResponse(short), 100),
        (Fault::Hang { forwarded: false }, 50),
        (Fault::Hang { forwarded: true }, 50),
        (Fault::Garbage, 100),
        (Fault::GarbageJson, 100),
        (Fault::WrongId, 100),
        (Fault::Doubled, 100),
        (Fault::Missing, 100),
        (Fault::Foreign, 100),
        (Fault::Huge, 50),
        (Fault::StaleClose, 100),
        (Fault::Outage(short), 20),
    ];
    for (status, forwarded) in
        [(500, true), (502, true), (503, true), (500, false), (502, false), (503, false), (429, true), (429, false)]
    {
        for retry_after in [None, Some(0)] {
            faults.push((Fault::Status { status, retry_after, forwarded }, 30));
        }
    }
    assert_eq!(faults.iter().map(|(_, share)| share).sum::<u64>(), SHARE_OF_FAULTS);
    faults
}

/// Makes calls with these numbers, alone and in batches, and returns what each caller was told.
pub(crate) async fn run(client: &Client, seed: u64, numbers: Range<u64>) -> Vec<Record> {
    run_within(client, seed, numbers, WIDTH).await
}

/// Like [`run`], with at most this many requests in flight.
async fn run_within(client: &Client, seed: u64, numbers: Range<u64>, width: usize) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut units = Vec::new();
    let mut next = numbers.start;
    while next < numbers.end {
        let size = if random.below(2) == 0 { 1 } else { 2 + random.below(7) };
        let end = (next + size).min(numbers.end);
        units.push((next..end).collect::<Vec<_>>());
        next = end;
    }
    let records = stream::iter(units).map(|unit| send(client, unit)).buffer_unordered(width);
    records.collect::<Vec<_>>().await.concat()
}

/// Builds the call that belongs to a number.
fn call(client: &Client, number: u64) -> (Effect, Call<u64, EffectError>) {
    let effects = EffectsClient::new(client.clone());
    match number % 10 {
        0 | 1 => (Effect::None, effects.read(number)),
        2 | 3 => (Effect::Idempotent, effects.set(number)),
        4 => (Effect::Once, effects.once_slowly(number, 20)),
        5 => (Effect::Once, effects.declined(number)),
        6 => (Effect::Once, effects.busy_once(number)),
        _ => (Effect::Once, effects.once(number)),
    }
}

/// Sends a single call, or several as a batch.
async fn send(client: &Client, numbers: Vec<u64>) -> Vec<Record> {
    let (kinds, mut calls): (Vec<_>, Vec<_>) = numbers.iter().map(|number| call(client, *number)).unzip();
    let start = Instant::now();
    let ended: Vec<Result<u64, Error<EffectError>>> = tokio::time::timeout(TEST_TIMEOUT, async {
        if calls.len() == 1 {
            return vec![calls.remove(0).deadline(DEADLINE).await];
        }
        match client.batch(calls).deadline(DEADLINE).await {
            Ok(ended) => ended,
            // Nothing was sent. The reason is the same for all calls.
            Err(failure) => {
                let outcome = failure.outcome();
                assert_eq!(outcome, rpc::Outcome::NotSent, "{failure}");
                numbers.iter().map(|_| Err(rpc::Failure::connect(failure.to_string()).into())).collect()
            }
        }
    })
    .await
    .expect("a call never ends");
    let took = start.elapsed();
    let each = numbers.iter().zip(kinds).zip(ended);
    each.map(|((number, effect), ended)| Record::new(*number, effect, ended, took, DEADLINE)).collect()
}

/// The settings of a storm, apart from its seed.
#[derive(Clone)]
struct Weather {
    faults: Vec<(Fault, u64)>,
    gateway: Gateway,
    budget: fn() -> RetryBudget,
    calls: u64,
    width: usize,
}

impl Weather {
    fn new(budget: fn() -> RetryBudget) -> Self {
        Self { faults: faults(), gateway: Gateway::KeepsIds, budget, calls: CALLS, width: WIDTH }
    }
}

/// Runs one seed against a server of its own, and compares. The server has ended when this returns.
async fn storm(seed: u64, weather: Weather) -> Findings {
    let ledger = Ledger::in_memory();
    let server = server::builder(&ledger);
    // The token changes with each request. Its subject does not.
    let server = server.idempotency_scope(|request| request.headers.get("authorization").map(|_| "ada".to_owned()));
    let server = server.build().bind("127.0.0.1:0").await.unwrap().spawn();
    let plan = Plan::seeded(seed, weather.faults);
    let options = Options { resets_one_of: 50, rotates_tokens: true, gateway: weather.gateway, ..Options::default() };
    let proxy = Proxy::with_options(server.local_addr(), plan, options).await;
    let retries = Arc::<AtomicUsize>::default();
    let client = builder().endpoint(proxy.url()).retry_budget((weather.budget)());
    let client = client.on_attempt({
        let retries = Arc::clone(&retries);
        move |event| {
            retries.fetch_add(usize::from(event.retry_in.is_some()), Ordering::Relaxed);
        }
    });
    let records = run_within(&client.build().unwrap(), seed, 0..weather.calls, weather.width).await;
    server.shutdown().await;
    let mut findings = compare(&records, &ledger.counts(), proxy.plan());
    findings.retries = retries.load(Ordering::Relaxed);
    findings
}

/// Runs this many seeds, a few at a time.
async fn storms(seeds: u64, weather: Weather) -> Findings {
    let storms = stream::iter(0..seeds).map(|seed| tokio::spawn(storm(seed, weather.clone())));
    let mut findings = Findings::default();
    for found in storms.buffer_unordered(4).collect::<Vec<_>>().await {
        findings.add(found.unwrap());
    }
    println!("{}", findings.summary());
    findings
}

/// Builds a client with a response limit below a huge answer.
pub(crate) fn client(proxy: &Proxy) -> Client {
    builder().endpoint(proxy.url()).build().unwrap()
}

/// Begins to build a client with a response limit below a huge answer. Most calls here are first attempts. A fifth of
/// them fails, which would use up any retry budget that makes sense in practice.
pub(crate) fn builder() -> ClientBuilder {
    Client::builder()
        .deadline(DEADLINE)
        .max_response_bytes(64 << 10)
        .retry(Retry::exponential().max_attempts(4).base(Duration::from_millis(20)))
        .retry_budget(RetryBudget::unlimited())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_are_told_what_happened_and_nothing_runs_twice() {
    let findings = storms(SEEDS, Weather::new(RetryBudget::unlimited)).await;
    assert_eq!(findings.calls as u64, SEEDS * CALLS);
    findings.assert_none();
    findings.assert_unknown_at_most(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_default_budget_callers_are_told_what_happened_and_few_calls_are_unknown() {
    // A call of this storm needs 0.29 retries on average, and its answer earns 0.2.
    let findings = storms(SEEDS / 2, Weather::new(RetryBudget::default)).await;
    assert_eq!(findings.calls as u64, SEEDS / 2 * CALLS);
    findings.assert_none();
    findings.assert_unknown_at_most(8);
}

/// Runs eight clients, each with one call or batch after another, while a proxy faults 60 % of all requests.
async fn brown_out(budget: fn() -> RetryBudget) -> Findings {
    let faults = faults().into_iter().map(|(fault, share)| (fault, share * 60_00 / SHARE_OF_FAULTS)).collect();
    storms(8, Weather { faults, calls: 100, width: 1, ..Weather::new(budget) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_calm_client_survives_a_short_brown_out() {
    let (default, unlimited) = tokio::join!(brown_out(RetryBudget::default), brown_out(RetryBudget::unlimited));
    default.assert_none();
    unlimited.assert_none();
    unlimited.assert_unknown_at_most(8);
    // With a budget of 20 % of the recent calls, half of the calls were unknown.
    default.assert_unknown_at_most(8);
}

/// Under a key, the client need not take HTTP 429 as proof that the call did not run, and does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_comes_after_the_effect_is_not_believed_under_a_key() {
    let mut faults = faults();
    faults.push((LIE, 1000));
    storms(2, Weather { faults, ..Weather::new(RetryBudget::unlimited) }).await.assert_none();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_a_gateway_has_changed_are_not_relied_upon() {
    for gateway in [Gateway::NumbersCalls, Gateway::MintsUuids] {
        // Without keys, the client takes HTTP 429 as proof that the call did not run, as its definition says.
        let faults = faults().into_iter().filter(|(fault, _)| !is_lie(fault)).collect();
        let findings = storms(2, Weather { faults, gateway, ..Weather::new(RetryBudget::unlimited) }).await;
        findings.assert_none();
        // If no keys arrive, the answer to a call that has run cannot be recovered.
        assert!(findings.unknown_once > 0, "{gateway:?}: {}", findings.summary());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_faults_every_call_has_its_result_and_one_effect() {
    let ledger = Ledger::in_memory();
    let server = server::builder(&ledger).build().bind("127.0.0.1:0").await.unwrap().spawn();
    let proxy = Proxy::start(server.local_addr(), Plan::script([])).await;
    let records = run(&client(&proxy), 0, 0..CALLS).await;
    server.shutdown().await;
    let findings = compare(&records, &ledger.counts(), proxy.plan());
    findings.assert_none();
    findings.assert_unknown_at_most(0);
    // The method declines one call of ten.
    assert_eq!(findings.failed as u64, CALLS / 10);
    let counts = ledger.counts();
    assert!((0..CALLS).all(|number| counts[&number] == 1));
}
