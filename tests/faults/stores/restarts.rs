//! The database crashes and comes back while calls begin and end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc::idempotency::{Begin, BeginRequest, End, Kept, PostgresStore, Store};
use support::postgres::Postgres;
use tokio::time::{Instant, sleep};

use crate::stores::{LEASE, SAME, TEST_TIMEOUT, begin, key};

const TASKS: usize = 16;

/// Counts what happened to all calls.
#[derive(Default)]
struct Seen {
    next: AtomicU64,
    errors: AtomicUsize,
    fresh: Mutex<BTreeMap<u64, usize>>,
    kept: Mutex<Vec<u64>>,
    stop: AtomicBool,
}

fn outcome(number: u64) -> Kept {
    Kept { code: None, outcome: number.to_string().into() }
}

/// Begins one call after the other, each twice. Repeats each until the store answers.
async fn work(store: PostgresStore, seen: Arc<Seen>) {
    while !seen.stop.load(Ordering::Relaxed) {
        let number = seen.next.fetch_add(1, Ordering::Relaxed);
        for _ in 0..2 {
            let begun = loop {
                match store.begin(BeginRequest::new(key(number), SAME, LEASE)).await {
                    Ok(begun) => break begun,
                    Err(_) => seen.errors.fetch_add(1, Ordering::Relaxed),
                };
                sleep(Duration::from_millis(5)).await;
            };
            let Begin::Fresh(lease) = begun else { continue };
            *seen.fresh.lock().unwrap().entry(number).or_default() += 1;
            if store.finish(lease, End::Kept(outcome(number))).await.is_ok() {
                seen.kept.lock().unwrap().push(number);
            }
        }
    }
}

/// Waits until this is true.
async fn until(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < TEST_TIMEOUT);
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_database_makes_nothing_fresh_twice_and_loses_nothing() {
    let test = "a_crash_of_the_database_makes_nothing_fresh_twice_and_loses_nothing";
    let Some(mut postgres) = Postgres::start(test) else { return };
    let store = PostgresStore::connect(&postgres.config()).await.unwrap();
    let identity = store.info().identity;
    let seen = Arc::<Seen>::default();
    let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(work(store.clone(), Arc::clone(&seen)))).collect();
    for _ in 0..3 {
        let kept = seen.kept.lock().unwrap().len();
        until(|| seen.kept.lock().unwrap().len() > kept + 100).await;
        let errors = seen.errors.load(Ordering::Relaxed);
        postgres.crash();
        until(|| seen.errors.load(Ordering::Relaxed) > errors).await;
        postgres.resume();
    }
    let kept = seen.kept.lock().unwrap().len();
    until(|| seen.kept.lock().unwrap().len() > kept + 100).await;
    seen.stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }

    let fresh = seen.fresh.lock().unwrap().clone();
    assert!(fresh.values().all(|times| *times == 1), "{fresh:?}");
    let kept = seen.kept.lock().unwrap().clone();
    for number in kept {
        assert_eq!(begin(&store, number).await, Begin::Done(outcome(number)), "{number}");
    }
    assert_eq!(store.info().identity, identity, "a restart makes no other store");
}
