//! When endpoints are checked, and which endpoints attempts may use then.

use std::future::{pending, ready};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::BoxFuture;
use serde_json::Value;
use tokio::time::{Instant, advance, sleep};

use super::super::health::EndpointHealth;
use super::super::set::EndpointSet;
use super::super::state::EndpointState;
use super::millis;
use crate::breaker::Verdict;
use crate::endpoint::EndpointSettings;
use crate::health_check::{CheckPlan, Health};
use crate::middleware::from_fn;
use crate::transport::{Reply, Request, Transport};
use crate::{CircuitBreaker, CircuitState, Client, ClientBuilder, Credential, Endpoint, Failure, HealthCheck};

/// A server that notes when it is checked, and how many checks are in flight.
#[derive(Debug, Default)]
struct Checked {
    times: Mutex<Vec<Instant>>,
    calls: AtomicU32,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Up,
    Down,
    /// Answers calls, but fails its checks.
    OnlyCalls,
    /// Rejects the credential.
    Rejects,
    Hangs,
    Panics,
}

impl Checked {
    fn new(state: State) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), ..Self::default() })
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap() = state;
    }

    /// Returns the times of the checks so far.
    fn times(&self) -> Vec<Instant> {
        self.times.lock().unwrap().clone()
    }
}

impl Transport for Checked {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let call: Value = serde_json::from_slice(&request.body).unwrap();
        if call["method"] == "rpc.health" {
            self.times.lock().unwrap().push(Instant::now());
        } else {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        let answer = format!(r#"{{"jsonrpc":"2.0","result":{{"status":"ready"}},"id":{}}}"#, call["id"]);
        let state = *self.state.lock().unwrap();
        match state {
            State::OnlyCalls if call["method"] == "rpc.health" => Box::pin(ready(Err(Failure::overloaded()))),
            State::Up | State::OnlyCalls => Box::pin(ready(Ok(Reply::new(Bytes::from(answer))))),
            State::Down => Box::pin(ready(Err(Failure::connect("connection refused")))),
            State::Rejects => Box::pin(ready(Err(Failure::of_status(http::StatusCode::UNAUTHORIZED)))),
            State::Hangs => Box::pin(pending()),
            State::Panics => panic!("of the transport"),
        }
    }
}

fn checking(servers: &[Arc<Checked>], check: HealthCheck) -> ClientBuilder {
    let endpoints = servers.iter().map(|server| Endpoint::transport(Arc::clone(server)));
    Client::builder().endpoints(endpoints).health_check(check)
}

async fn call(client: &Client) -> Result<Value, crate::Error> {
    client.call("work", ()).readonly().await
}

#[tokio::test(start_paused = true)]
async fn endpoint_is_checked_at_its_interval_with_jitter() {
    let (server, start) = (Checked::new(State::Up), Instant::now());
    let _client = checking(&[Arc::clone(&server)], HealthCheck::default()).build().unwrap();
    sleep(Duration::from_secs(1_000)).await;
    let times = server.times();
    assert!(times[0] - start <= Duration::from_secs(10));
    let mut gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort();
    assert!(gaps[0] >= millis(9_000) && gaps[gaps.len() - 1] <= millis(11_001), "{gaps:?}");
    assert!(gaps[gaps.len() - 1] - gaps[0] > millis(500), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn first_checks_of_many_endpoints_are_spread_over_the_interval() {
    let (servers, start) = ([(); 200].map(|()| Checked::new(State::Up)), Instant::now());
    let _client = checking(&servers, HealthCheck::default()).build().unwrap();
    sleep(Duration::from_secs(20)).await;
    let mut quarters = [0; 4];
    for server in &servers {
        quarters[((server.times()[0] - start).as_millis() / 2_501) as usize] += 1;
    }
    // The mean is 50, and the standard deviation is 6.
    assert!(quarters.iter().all(|count| (15..85).contains(count)), "{quarters:?}");
}

#[tokio::test(start_paused = true)]
async fn at_most_32_checks_run_at_a_time() {
    let servers = [(); 100].map(|()| Checked::new(State::Hangs));
    let check = HealthCheck::default().interval(millis(1)).timeout(Duration::from_secs(2));
    let _client = checking(&servers, check).build().unwrap();
    let checked = || servers.iter().filter(|server| !server.times().is_empty()).count();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(checked(), 32);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(checked(), 64, "an endpoint waits for its turn behind those that were not checked yet");
}

#[tokio::test(start_paused = true)]
async fn thresholds_decide_after_how_many_checks_the_health_changes() {
    let server = Checked::new(State::Down);
    let check = HealthCheck::default().unhealthy_after(4).healthy_after(3);
    let client = checking(&[Arc::clone(&server)], check).build().unwrap();
    let mut watch = client.watch_endpoints();
    assert!(!watch.changed().await.unwrap()[0].is_healthy());
    assert_eq!(server.times().len(), 4);
    server.set(State::Up);
    assert!(watch.changed().await.unwrap()[0].is_healthy());
    assert_eq!(server.times().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn check_that_hangs_or_panics_fails() {
    for state in [State::Hangs, State::Panics] {
        let server = Checked::new(state);
        let client = checking(&[Arc::clone(&server)], HealthCheck::default()).build().unwrap();
        let mut watch = client.watch_endpoints();
        assert!(!watch.changed().await.unwrap()[0].is_healthy());
        server.set(State::Up);
        assert!(watch.changed().await.unwrap()[0].is_healthy());
    }
}

#[tokio::test(start_paused = true)]
async fn check_that_a_layer_holds_back_or_rejects_does_not_count() {
    let is_open = Arc::new(AtomicBool::new(false));
    let opened = Arc::clone(&is_open);
    let hold = from_fn(move |request: Request, next: crate::middleware::Next<Request>| {
        let is_open = opened.load(Ordering::Relaxed);
        async move { if is_open { next.run(request).await } else { pending().await } }
    });
    let server = Checked::new(State::Down);
    let client =
        checking(&[Arc::clone(&server)], HealthCheck::default().unhealthy_after(1)).attempt_layer(hold).build();
    let client = client.unwrap();
    let mut watch = client.watch_endpoints();
    sleep(Duration::from_secs(60)).await;
    assert!(server.times().is_empty() && client.endpoints()[0].is_healthy());
    is_open.store(true, Ordering::Relaxed);
    assert!(!watch.changed().await.unwrap()[0].is_healthy());
    assert_eq!(server.times().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_endpoint_stays_usable_and_shows_that_it_is_unhealthy() {
    let server = Checked::new(State::Down);
    let client = checking(&[Arc::clone(&server)], HealthCheck::default()).build().unwrap();
    let endpoints = client.watch_endpoints().changed().await.unwrap();
    assert!(!endpoints[0].is_healthy() && endpoints[0].is_usable());
    // A call is sent, whatever the checks say.
    let sent = server.times().len();
    call(&client).await.unwrap_err();
    assert!(server.calls.load(Ordering::Relaxed) > 0 && server.times().len() == sent);
}

#[tokio::test(start_paused = true)]
async fn checks_count_as_no_attempts() {
    let servers = [Checked::new(State::Up), Checked::new(State::Hangs)];
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let client = checking(&servers, HealthCheck::default().interval(millis(10)))
        .on_attempt(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    let load = || client.endpoints()[0].load.average(Instant::now());
    let before = load();
    sleep(Duration::from_secs(10)).await;
    assert!(servers[0].times().len() > 500 && servers[1].times().len() > 3);
    let endpoints = client.endpoints();
    assert!(endpoints.iter().all(|endpoint| endpoint.pending() == 0 && endpoint.circuit() == CircuitState::Closed));
    // The load of an endpoint without attempts decays.
    assert_eq!((attempts.load(Ordering::Relaxed), load()), (0, before * (-1.0_f64).exp()));
}

#[tokio::test(start_paused = true)]
async fn client_without_health_checks_checks_nothing() {
    let server = Checked::new(State::Up);
    let client = Client::builder().endpoints([Endpoint::transport(Arc::clone(&server))]).build().unwrap();
    call(&client).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    assert!(server.times().is_empty() && client.endpoints()[0].is_healthy());
}

#[tokio::test(start_paused = true)]
async fn no_call_tests_an_unhealthy_endpoint() {
    let servers = [Checked::new(State::Up), Checked::new(State::Down)];
    let breaker = CircuitBreaker::default().failures_to_open(1).open_time(millis(10)).max_open_time(millis(10));
    let check = HealthCheck::default().unhealthy_after(1);
    let client = checking(&servers, check).circuit_breaker(breaker).build().unwrap();
    let state = || client.endpoints()[1].circuit();
    while state() == CircuitState::Closed {
        call(&client).await.unwrap();
    }
    while client.endpoints()[1].is_healthy() {
        advance(millis(100)).await;
        tokio::task::yield_now().await;
    }
    let before = servers[1].calls.load(Ordering::Relaxed);
    for _ in 0..20 {
        advance(millis(100)).await;
        call(&client).await.unwrap();
    }
    assert_eq!(servers[1].calls.load(Ordering::Relaxed), before);
    // Checks alone close the circuit, and make the endpoint healthy.
    servers[1].set(State::Up);
    let mut watch = client.watch_endpoints();
    while state() != CircuitState::Closed || !client.endpoints()[1].is_healthy() {
        watch.changed().await.unwrap();
    }
    assert_eq!(servers[1].calls.load(Ordering::Relaxed), before);
    assert!(client.endpoints()[1].is_usable());
}

/// Checks may fail for a reason that calls do not have, such as a page that does not exist.
#[tokio::test(start_paused = true)]
async fn calls_close_circuits_while_all_checks_fail() {
    for count in [1, 2] {
        let servers: Vec<_> = (0..count).map(|_| Checked::new(State::Down)).collect();
        let breaker = CircuitBreaker::default().failures_to_open(1).single_endpoint(true);
        let check = HealthCheck::default().interval(millis(100)).unhealthy_after(1);
        let client = checking(&servers, check).circuit_breaker(breaker).build().unwrap();
        let all = |holds: fn(&EndpointState) -> bool| client.endpoints().iter().all(|endpoint| holds(endpoint));
        while !all(|endpoint| endpoint.circuit() != CircuitState::Closed && !endpoint.is_healthy()) {
            let _ = call(&client).await;
            sleep(millis(10)).await;
        }
        servers.iter().for_each(|server| server.set(State::OnlyCalls));
        // Calls are rarer than checks.
        for _ in 0..1_000 {
            sleep(millis(990)).await;
            let _ = call(&client).await;
        }
        assert!(all(|endpoint| endpoint.circuit() == CircuitState::Closed && !endpoint.is_healthy()), "{count}");
    }
}

/// Its calls may pass with that credential.
#[tokio::test(start_paused = true)]
async fn checks_that_are_always_rejected_renew_no_credential() {
    let (server, fetched) = (Checked::new(State::Rejects), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&fetched);
    let provider = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Failure>(Credential::bearer("token")) }
    };
    let fetched = || fetched.load(Ordering::Relaxed);
    let client = checking(&[Arc::clone(&server)], HealthCheck::default()).credentials(provider).build().unwrap();
    sleep(Duration::from_secs(600)).await;
    assert_eq!((fetched(), client.endpoints()[0].is_healthy()), (1, false));
    // After a check that passed, one renewal follows.
    server.set(State::Up);
    sleep(Duration::from_secs(60)).await;
    assert!(client.endpoints()[0].is_healthy());
    server.set(State::Rejects);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(fetched(), 2);
}

/// The runtime of the first call may end before the client does.
#[test]
fn checks_begin_with_the_first_call_and_again_in_another_runtime() {
    let server = Checked::new(State::Up);
    let check = HealthCheck::default().interval(millis(1));
    let client = checking(&[Arc::clone(&server)], check).build().unwrap();
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let before = server.times().len();
            sleep(millis(10)).await;
            assert_eq!(server.times().len(), before);
            call(&client).await.unwrap();
            sleep(millis(10)).await;
            assert!(server.times().len() > before);
        });
    }
}

/// Makes an endpoint with this health and this circuit.
fn state(health: Health, circuit: CircuitState) -> Arc<EndpointState> {
    let now = Instant::now();
    let breaker = CircuitBreaker::default().failures_to_open(1);
    let mut state = EndpointState::new(EndpointSettings::default(), Checked::new(State::Up), Some(&breaker));
    let own = EndpointHealth::new(None);
    if health == Health::Unhealthy {
        own.record(false, &CheckPlan::of(&HealthCheck::default().unhealthy_after(1)).unwrap());
    }
    state.health = Some(Box::new(own));
    let breaker = state.breaker.as_ref().unwrap();
    if circuit == CircuitState::Open {
        breaker.record(breaker.begin(), Verdict::Failure, now, || 0.5);
    }
    assert_eq!((state.is_healthy(), state.circuit()), (health == Health::Healthy, circuit));
    Arc::new(state)
}

#[tokio::test(start_paused = true)]
async fn at_least_half_stay_usable_over_both_causes_together_the_least_bad_first() {
    use CircuitState::{Closed, Open};
    use Health::{Healthy, Unhealthy};
    let usable = |causes: &[(Health, CircuitState)]| {
        let set = EndpointSet::new(causes.iter().map(|(health, circuit)| state(*health, *circuit)).collect());
        set.update_usable();
        assert_eq!(set.all_closed(), causes.iter().all(|(_, circuit)| *circuit == Closed));
        set.all().iter().map(|endpoint| endpoint.is_usable()).collect::<Vec<_>>()
    };
    let (good, ill, open, both) = ((Healthy, Closed), (Unhealthy, Closed), (Healthy, Open), (Unhealthy, Open));
    assert_eq!(usable(&[good, ill, open, good]), [true, false, false, true]);
    assert_eq!(usable(&[both, ill, open, good]), [false, true, false, true]);
    assert_eq!(usable(&[both, open, open, both]), [false, true, true, false]);
    assert_eq!(usable(&[ill, ill, ill, both, good]), [true, true, false, false, true]);
    assert_eq!(usable(&[both]), [true]);
}
