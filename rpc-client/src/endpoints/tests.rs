//! How `peak_ewma` spreads calls over simulated servers. The clock is paused and there are no sockets, so that a minute
//! of traffic takes a second.

mod discovery;
mod fake;
mod health;
mod replace;
mod simulation;
mod slow_server;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use self::fake::{Fake, Service};
use crate::{CircuitBreaker, CircuitState, Client};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn client(servers: &[Arc<Fake>], breaker: Option<CircuitBreaker>) -> Client {
    Client::builder().endpoints(servers.iter().map(Fake::endpoint)).circuit_breaker(breaker).build().unwrap()
}

/// Makes calls from several callers. Each caller makes its next call as soon as its last one is answered. `method`
/// names the method of a call.
async fn call(client: &Client, callers: usize, calls: usize, method: fn() -> &'static str) {
    let mut calling = JoinSet::new();
    for _ in 0..callers {
        let client = client.clone();
        calling.spawn(async move {
            for _ in 0..calls / callers {
                client.call::<u8>(method(), ()).readonly().await.unwrap();
            }
        });
    }
    calling.join_all().await;
}

fn attempts(servers: &[Arc<Fake>; 3]) -> [u64; 3] {
    servers.each_ref().map(|server| server.attempts())
}

#[tokio::test(start_paused = true)]
async fn equal_servers_get_equal_shares_of_methods_of_1_ms_and_200_ms() {
    let time = |method: &str| if method == "cheap" { millis(1) } else { millis(200) };
    let servers = [(); 3].map(|()| Fake::new(Service::Runs(time)));
    let client = client(&servers, Some(CircuitBreaker::default()));
    // If each call chose on its own, the standard deviation of a share would be 0.43 %. Six of them are below 3 %.
    call(&client, 20, 12_000, || if rand::random() { "cheap" } else { "dear" }).await;
    let attempts = attempts(&servers);
    let is_third = |count: &u64| (*count as f64 / 12_000.0 - 1.0 / 3.0).abs() < 0.03;
    assert!(attempts.iter().all(is_third), "{attempts:?}");
}

#[tokio::test(start_paused = true)]
async fn server_that_refuses_at_once_gets_less_than_2_percent_after_a_second() {
    for breaker in [None, Some(CircuitBreaker::default())] {
        let [one, other] = [(); 2].map(|()| Fake::new(Service::Runs(|_| millis(10))));
        let servers = [one, other, Fake::new(Service::IsOverloaded)];
        let client = client(&servers, breaker);
        let (_, before) = tokio::join!(call(&client, 5, 5_000, || "work"), async {
            sleep(Duration::from_secs(1)).await;
            attempts(&servers)
        });
        let after = attempts(&servers);
        let [one, other, refused] = [0, 1, 2].map(|index| after[index] - before[index]);
        assert!(one + other > 4_000 && refused * 50 < one + other, "{before:?} {after:?}");
    }
}

/// Once the circuit is closed, the endpoint is known to work. So `peak_ewma` no longer avoids it.
#[tokio::test(start_paused = true)]
async fn endpoint_gets_calls_as_soon_as_its_circuit_is_closed() {
    let [one, other] = [(); 2].map(|()| Fake::new(Service::Runs(|_| millis(10))));
    let servers = [one, other, Fake::new(Service::IsDead)];
    let breaker = CircuitBreaker::default().failures_to_open(1).open_time(millis(100));
    let client = client(&servers, Some(breaker));
    let state = || client.endpoints()[2].circuit();
    while state() == CircuitState::Closed {
        call(&client, 1, 1, || "work").await;
    }
    servers[2].recover();
    while state() != CircuitState::Closed {
        call(&client, 1, 1, || "work").await;
    }
    let [.., before] = attempts(&servers);
    call(&client, 1, 100, || "work").await;
    let [.., after] = attempts(&servers);
    assert!(after - before > 20, "{} of 100 calls", after - before);
}

#[tokio::test(start_paused = true)]
async fn tier_with_open_circuits_only_comes_after_a_tier_with_a_closed_one() {
    let dead = [(); 3].map(|()| Fake::new(Service::IsDead));
    let spare = Fake::new(Service::Runs(|_| millis(1)));
    let endpoints = dead.iter().map(Fake::endpoint).chain([spare.endpoint().tier(1)]);
    let breaker = CircuitBreaker::default().failures_to_open(1);
    let client = Client::builder().endpoints(endpoints).circuit_breaker(Some(breaker)).build().unwrap();
    while client.endpoints()[..3].iter().any(|endpoint| endpoint.circuit() == CircuitState::Closed) {
        call(&client, 1, 1, || "work").await;
    }
    let before = attempts(&dead);
    assert!(client.endpoints()[..3].iter().any(|endpoint| endpoint.is_usable()), "half of the endpoints stay in use");
    call(&client, 1, 20, || "work").await;
    assert_eq!(attempts(&dead), before);
}
