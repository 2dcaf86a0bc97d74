//! Many callers that make, drop and time out calls at random.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::timed::Timed;
use crate::{Client, Error};

const CALLERS: u64 = 64;
const CALLS: u64 = 40;

/// Makes calls of all kinds. Each has an answer of its own, is dropped, or times out.
async fn caller(client: Client, number: u64, seed: u64) -> u64 {
    let mut random = StdRng::seed_from_u64(seed * CALLERS + number);
    let mut answers = 0;
    for round in 0..CALLS {
        let millis = if random.random_ratio(1, 20) { 200 } else { random.random_range(0..20) };
        let method = ["wait", "wait", "wait", "refused", "failing"][random.random_range(0..5)];
        let mut call = client.call::<Value>(method, (millis, number, round));
        match random.random_range(0..4) {
            0 => call = call.readonly(),
            1 => call = call.header("x-tenant", ["a", "b"][random.random_range(0..2)]).readonly(),
            2 => call = call.idempotency_key(Uuid::from_u128(random.random_range(1..4))),
            _ => {}
        }
        if random.random_ratio(1, 4) {
            call = call.deadline(Duration::from_millis(random.random_range(1..300)));
        }
        let patience = if random.random_ratio(1, 4) { random.random_range(0..60) } else { 60_000 };
        match timeout(Duration::from_millis(patience), call.into_future()).await {
            Err(_) => {}
            Ok(Ok(result)) => {
                assert_eq!(result, json!([millis, number, round]), "each caller gets its own answer");
                answers += 1;
            }
            Ok(Err(Error::Failure(failure))) => assert!(failure.is_timeout() || failure.is_overloaded(), "{failure:?}"),
            Ok(Err(error)) => assert!(matches!(&error, Error::Rpc(error) if error.code().get() == 7), "{error:?}"),
        }
        if random.random_ratio(1, 10) {
            sleep(Duration::from_millis(random.random_range(0..30))).await;
        }
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn each_call_ends_once_whatever_its_callers_do() {
    for seed in 0..4 {
        let server = Arc::new(Timed::default());
        let client = server.client(|builder| builder);
        let callers: Vec<_> = (0..CALLERS).map(|number| tokio::spawn(caller(client.clone(), number, seed))).collect();
        let mut answers = 0;
        for caller in callers {
            answers += timeout(Duration::from_secs(600), caller).await.expect("no call hangs").unwrap();
        }
        assert!(answers > CALLERS * CALLS / 3);
        let requests = server.take_whole();
        let batches = requests.iter().filter_map(|(_, body)| body.as_array());
        let mut joined = 0;
        for batch in batches {
            joined += batch.len();
            let mut ids: Vec<_> = batch.iter().map(|call| call["id"].to_string()).collect();
            ids.sort_unstable();
            assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "equal ids share a request");
        }
        assert!(joined > 100, "{joined} calls were joined");
        // Nothing is left behind.
        sleep(Duration::from_secs(60)).await;
        assert!(client.engine().coalescer.as_ref().unwrap().is_idle());
    }
}

/// Drops calls while other threads let them leave or answer them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_dropped_on_several_threads_leave_nothing_behind() {
    let server = Arc::new(Timed::default());
    let client = server.client(|builder| builder);
    let caller = |number: u64| {
        let client = client.clone();
        async move {
            let mut random = StdRng::seed_from_u64(number);
            for round in 0..100_u64 {
                let call = client.call::<Value>("wait", (0, number, round)).readonly().into_future();
                let patience = if random.random_ratio(1, 3) { random.random_range(0..3) } else { 60_000 };
                if let Ok(answered) = timeout(Duration::from_millis(patience), call).await {
                    assert_eq!(answered.unwrap(), json!([0, number, round]));
                }
            }
        }
    };
    for caller in (0..CALLERS).map(|number| tokio::spawn(caller(number))).collect::<Vec<_>>() {
        timeout(Duration::from_secs(60), caller).await.expect("no call hangs").unwrap();
    }
    let coalescer = client.engine().coalescer.as_ref().unwrap();
    let idle = async {
        while !coalescer.is_idle() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(60), idle).await.expect("no slot is lost");
    assert!(server.take_whole().iter().any(|(_, body)| body.is_array()), "calls were joined");
}
