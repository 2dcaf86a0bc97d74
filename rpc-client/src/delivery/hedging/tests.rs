//! Which calls get a second request, which answer wins, and what the other request leaves behind. The clock is paused,
//! and there are no sockets.

mod fake;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::Outcome;
use tokio::time::{Instant, sleep};

use self::fake::{Does, Fake, First};
use crate::middleware::{Next, from_fn};
use crate::transport::Request;
use crate::{Attempt, Balance, CircuitBreaker, CircuitState, Client, ClientBuilder, Failure, Hedge};
use crate::{Retry, RetryBudget};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A client that sends each first request to the first server. One failure would open a circuit.
fn builder(servers: &[Arc<Fake>]) -> ClientBuilder {
    Client::builder()
        .endpoints(servers.iter().map(Fake::endpoint))
        .balance(Balance::custom(First))
        .circuit_breaker(CircuitBreaker::default().failures_to_open(1))
        .retry_budget(RetryBudget::unlimited())
        .retry(Retry::exponential().base(millis(1)))
        .hedge(Hedge::default())
}

/// Makes servers that answer after 10 ms.
fn servers<const N: usize>() -> [Arc<Fake>; N] {
    std::array::from_fn(|index| Fake::new(index as u16))
}

fn requests<const N: usize>(servers: &[Arc<Fake>; N]) -> [usize; N] {
    servers.each_ref().map(|server| server.requests().len())
}

async fn read(client: &Client) -> Result<u32, crate::Error> {
    client.call("read", ()).readonly().await
}

/// Makes the 20 calls that hedging needs before it begins. It then sends a second request after 10 ms to 12 ms.
async fn warm_up(client: &Client) {
    for _ in 0..20 {
        read(client).await.unwrap();
    }
}

/// Collects the attempts at calls.
#[derive(Clone, Default)]
struct Attempts(Arc<Mutex<Vec<Attempt>>>);

impl Attempts {
    fn watch(&self, client: ClientBuilder) -> ClientBuilder {
        let all = Arc::clone(&self.0);
        client.on_attempt(move |event| all.lock().unwrap().push(event.attempt.clone()))
    }

    /// Returns the number, the port and whether a second request was sent, of all attempts after the warm-up.
    fn after_warm_up(&self) -> Vec<(u32, u16, bool)> {
        let all = self.0.lock().unwrap();
        let attempts = all.iter().skip(20);
        attempts.map(|one| (one.number, one.endpoint.as_ref().unwrap().port, one.hedged)).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn answer_of_the_second_request_wins_while_the_first_one_is_late() {
    let (servers, attempts) = (servers::<3>(), Attempts::default());
    let client = attempts.watch(builder(&servers)).build().unwrap();
    warm_up(&client).await;
    servers[0].does(Does::AnswersAfter(millis(5_000)));
    let begun = Instant::now();
    assert_eq!(read(&client).await.unwrap(), 1, "the answer of the second server");
    assert!((millis(20)..millis(25)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(requests(&servers), [21, 1, 0]);
    assert_eq!((servers[0].cancelled(), servers[1].cancelled()), (1, 0));
    // The number rises, as with a retry.
    assert_eq!(
        (servers[0].requests()[20].attempt.as_deref(), servers[1].requests()[0].attempt.as_deref()),
        (None, Some("2"))
    );
    assert_eq!(servers[0].requests()[20].body, servers[1].requests()[0].body);
    assert_eq!(attempts.after_warm_up(), [(2, 1, true)]);
}

#[tokio::test(start_paused = true)]
async fn answer_of_the_first_request_wins_if_it_comes_first() {
    let (servers, attempts) = (servers::<2>(), Attempts::default());
    let client = attempts.watch(builder(&servers)).build().unwrap();
    warm_up(&client).await;
    servers[0].does(Does::AnswersAfter(millis(15)));
    assert_eq!(read(&client).await.unwrap(), 0);
    assert_eq!((requests(&servers), servers[1].cancelled()), ([21, 1], 1));
    assert_eq!(attempts.after_warm_up(), [(1, 0, true)]);
}

#[tokio::test(start_paused = true)]
async fn cancelled_request_moves_no_statistics() {
    let servers = servers::<2>();
    let client = builder(&servers).build().unwrap();
    warm_up(&client).await;
    let endpoints = client.endpoints();
    // A time that is fixed, since the load decays.
    let at = Instant::now() + Duration::from_secs(60);
    for (slow, other) in [(0, 1), (1, 0)] {
        servers[0].does(Does::AnswersAfter(millis(if slow == 0 { 5_000 } else { 12 })));
        servers[1].does(Does::AnswersAfter(millis(if slow == 1 { 5_000 } else { 10 })));
        let load = || endpoints[slow].load.get(at);
        let before = load();
        assert_eq!(read(&client).await.unwrap(), other, "the other request wins");
        assert_eq!(load().to_bits(), before.to_bits());
        assert_eq!((endpoints[slow].pending(), endpoints[slow].circuit()), (0, CircuitState::Closed));
        assert_eq!(servers[slow].cancelled(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn hedging_keeps_the_percentile_on_which_it_depends() {
    let servers = servers::<2>();
    let client = builder(&servers).build().unwrap();
    warm_up(&client).await;
    // One call in 10 is late, so the 95th percentile is the time of these calls.
    for n in 0..2_000 {
        servers[0].does(Does::AnswersAfter(millis(if n % 10 == 0 { 40 } else { 10 })));
        read(&client).await.unwrap();
    }
    let before = servers[1].requests().len();
    for n in 0..1_000 {
        servers[0].does(Does::AnswersAfter(millis(if n % 10 == 0 { 40 } else { 10 })));
        read(&client).await.unwrap();
    }
    let hedges = servers[1].requests().len() - before;
    assert!(hedges <= 60, "{hedges} of 1,000 calls");
}

#[tokio::test(start_paused = true)]
async fn no_call_that_may_have_an_effect_is_sent_twice() {
    let servers = servers::<2>();
    let client = builder(&servers).build().unwrap();
    warm_up(&client).await;
    servers[0].does(Does::AnswersAfter(millis(100)));
    let call = || client.call::<u32>("read", ());
    for _ in 0..30 {
        assert_eq!(call().await.unwrap(), 0);
        assert_eq!(call().idempotent().await.unwrap(), 0);
        call().readonly().notify().await.unwrap();
        let (one, other) = client.batch((call().readonly(), call().idempotent())).await.unwrap();
        assert_eq!((one.unwrap(), other.unwrap()), (0, 0));
        let (one, _) = client.batch((call().readonly(), call().readonly().notify())).await.unwrap();
        assert_eq!(one.unwrap(), 0);
        let key = uuid::Uuid::from_u128(7 << 76 | 0x4000 << 64 | 0x8 << 60 | 1);
        let _ = call().readonly().idempotency_key(key).await;
    }
    assert_eq!(requests(&servers)[1], 0);
    assert_eq!(read(&client).await.unwrap(), 1, "the same method, when it is readonly");
}

#[tokio::test(start_paused = true)]
async fn batch_is_hedged_as_a_whole() {
    let (servers, attempts) = (servers::<2>(), Attempts::default());
    let client = attempts.watch(builder(&servers)).build().unwrap();
    let batch = || client.batch([(); 5].map(|()| client.call::<u32>("read", ()).readonly()));
    for _ in 0..20 {
        assert!(batch().await.unwrap().iter().all(Result::is_ok));
    }
    servers[0].does(Does::AnswersAfter(millis(5_000)));
    let answers = batch().await.unwrap();
    assert_eq!(answers.map(Result::unwrap), [1; 5]);
    assert_eq!(requests(&servers), [21, 1]);
    assert!(attempts.after_warm_up()[80..].iter().all(|attempt| *attempt == (2, 1, true)));
}

#[tokio::test(start_paused = true)]
async fn no_second_request_without_samples_or_budget_or_time_or_endpoint() {
    type Change = fn(ClientBuilder) -> ClientBuilder;
    // Why, with which settings, and the time of the late answer in milliseconds.
    let cases: [(&str, Change, u64); 6] = [
        ("off by default", |client| client.hedge(None), 100),
        ("no samples", |client| client.hedge(Hedge::default().min_samples(21)), 100),
        ("no delay", |client| client.hedge(Hedge::default().min_delay(Duration::MAX)), 100),
        ("little time", |client| client.attempt_timeout(millis(20)), 19),
        ("deadline", |client| client.deadline(millis(57)), 18),
        ("one endpoint", |client| client.endpoints([Fake::endpoint(&Fake::new(0))]), 10),
    ];
    for (why, change, late) in cases {
        let servers = servers::<2>();
        let client = change(builder(&servers)).build().unwrap();
        warm_up(&client).await;
        servers[0].does(Does::AnswersAfter(millis(late)));
        read(&client).await.unwrap();
        assert_eq!(requests(&servers)[1], 0, "{why}");
    }
    let servers = servers::<2>();
    let client = builder(&servers).retry_budget(RetryBudget::new(0)).build().unwrap();
    warm_up(&client).await;
    servers[0].does(Does::AnswersAfter(millis(100)));
    assert_eq!((read(&client).await.unwrap(), requests(&servers)[1]), (0, 0), "no budget");
}

#[tokio::test(start_paused = true)]
async fn each_call_with_a_second_request_takes_one_retry_from_the_budget() {
    let servers = servers::<2>();
    let budget = RetryBudget::new(3).per_second(1e9).per_success(0.0).refill_every(Duration::MAX);
    let client = builder(&servers).retry_budget(budget).build().unwrap();
    warm_up(&client).await;
    servers[0].does(Does::AnswersAfter(millis(100)));
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(read(&client).await.unwrap());
        // So that the percentile stays low.
        servers[0].does(Does::AnswersAfter(millis(10)));
        for _ in 0..40 {
            read(&client).await.unwrap();
        }
        servers[0].does(Does::AnswersAfter(millis(100)));
    }
    assert_eq!(answers, [1, 1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn second_request_goes_to_the_same_endpoint_only_if_that_is_allowed() {
    for (same_endpoint, expected) in [(false, 21), (true, 22)] {
        let [server] = servers::<1>();
        let client = builder(std::slice::from_ref(&server)).hedge(Hedge::default().same_endpoint(same_endpoint));
        let client = client.build().unwrap();
        warm_up(&client).await;
        server.does_once(Does::AnswersAfter(millis(100)));
        read(&client).await.unwrap();
        assert_eq!((server.requests().len(), server.cancelled()), (expected, usize::from(same_endpoint)));
    }
}

#[tokio::test(start_paused = true)]
async fn pinned_client_hedges_to_no_other_endpoint() {
    for (same_endpoint, expected) in [(false, 21), (true, 22)] {
        let servers = servers::<2>();
        let client = builder(&servers).hedge(Hedge::default().same_endpoint(same_endpoint)).build().unwrap().pinned();
        warm_up(&client).await;
        servers[0].does_once(Does::AnswersAfter(millis(100)));
        assert_eq!(read(&client).await.unwrap(), 0);
        assert_eq!(requests(&servers), [expected, 0]);
        assert!(client.endpoints().iter().all(|endpoint| endpoint.pending() == 0));
    }
}

#[tokio::test(start_paused = true)]
async fn slow_answer_is_no_reason_to_use_a_lower_tier() {
    let servers = servers::<2>();
    let tiers = [Fake::endpoint(&servers[0]), Fake::endpoint(&servers[1]).tier(1)];
    let client = builder(&[]).endpoints(tiers).build().unwrap();
    warm_up(&client).await;
    servers[0].does(Does::AnswersAfter(millis(100)));
    assert_eq!((read(&client).await.unwrap(), requests(&servers)), (0, [21, 0]));
}

#[tokio::test(start_paused = true)]
async fn request_that_fails_leaves_the_other_one_to_answer() {
    let fail = |after| Does::FailsAfter(millis(after), || Failure::transport("cut"));
    let refuse = |after| Does::RefusesAfter(millis(after));
    let answer = |after| Does::AnswersAfter(millis(after));
    for (first, second, winner) in
        [(fail(15), answer(50), 1), (answer(50), fail(1), 0), (refuse(15), answer(50), 1), (answer(50), refuse(1), 0)]
    {
        let (servers, attempts) = (servers::<2>(), Attempts::default());
        let client = attempts.watch(builder(&servers)).build().unwrap();
        warm_up(&client).await;
        servers[0].does(first);
        servers[1].does(second);
        assert_eq!(read(&client).await.unwrap(), winner);
        assert_eq!(attempts.after_warm_up(), [(winner + 1, winner as u16, true)]);
        assert_eq!(requests(&servers), [21, 1]);
    }
}

#[tokio::test(start_paused = true)]
async fn request_that_fails_before_the_other_one_answers_counts_for_its_circuit() {
    let servers = servers::<2>();
    let client = builder(&servers).build().unwrap();
    warm_up(&client).await;
    servers[0].does(Does::FailsAfter(millis(15), || Failure::transport("cut")));
    assert_eq!(read(&client).await.unwrap(), 1);
    let circuits: Vec<_> = client.endpoints().iter().map(|endpoint| endpoint.circuit()).collect();
    assert_eq!(circuits, [CircuitState::Open, CircuitState::Closed]);
}

#[tokio::test(start_paused = true)]
async fn attempt_fails_once_when_both_requests_have_failed_and_is_retried_elsewhere() {
    let (servers, attempts) = (servers::<3>(), Attempts::default());
    let client = attempts.watch(builder(&servers)).circuit_breaker(None).build().unwrap();
    warm_up(&client).await;
    for server in &servers[..2] {
        server.does(Does::FailsAfter(millis(15), || Failure::transport("cut")));
    }
    assert_eq!(read(&client).await.unwrap(), 2);
    assert_eq!(attempts.after_warm_up(), [(1, 0, true), (3, 2, false)]);
    assert_eq!(servers[2].requests()[0].attempt.as_deref(), Some("3"));
    assert_eq!(requests(&servers), [21, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn failure_of_both_requests_never_claims_more_than_both_prove() {
    let cut = Does::FailsAfter(millis(15), || Failure::transport("cut"));
    let unsent = Does::FailsAfter(millis(15), || Failure::not_sent("down"));
    for (first, second, outcome, number) in [
        (cut, unsent, Outcome::Unknown, 1),
        (unsent, cut, Outcome::Unknown, 2),
        (unsent, unsent, Outcome::NotSent, 1),
        (cut, cut, Outcome::Unknown, 1),
        (cut, Does::Hangs, Outcome::Unknown, 1),
        (Does::Hangs, unsent, Outcome::Unknown, 1),
    ] {
        let (servers, attempts) = (servers::<2>(), Attempts::default());
        let client = attempts.watch(builder(&servers)).retry(Retry::never()).build().unwrap();
        warm_up(&client).await;
        servers[0].does(first);
        servers[1].does(second);
        assert_eq!(read(&client).await.unwrap_err().outcome(), outcome);
        assert_eq!(attempts.after_warm_up(), [(number, number as u16 - 1, true)]);
    }
}

#[tokio::test(start_paused = true)]
async fn call_of_a_batch_that_one_request_refused_and_the_other_may_have_run_has_an_unknown_outcome() {
    let servers = servers::<2>();
    let client = builder(&servers).retry(Retry::never()).build().unwrap();
    let batch = || client.batch([(); 2].map(|()| client.call::<u32>("read", ()).readonly()));
    for _ in 0..20 {
        assert!(batch().await.unwrap().iter().all(Result::is_ok));
    }
    servers[0].does(Does::RefusesAfter(millis(15)));
    assert_eq!(batch().await.unwrap().map(|answer| answer.unwrap()), [1, 1]);
    servers[0].does(Does::RefusesAfter(millis(15)));
    servers[1].does(Does::FailsAfter(millis(15), || Failure::transport("cut")));
    let outcomes = batch().await.unwrap().map(|answer| answer.unwrap_err().outcome());
    assert_eq!(outcomes, [Outcome::Unknown; 2]);
}

#[tokio::test(start_paused = true)]
async fn second_request_avoids_the_endpoints_of_earlier_attempts() {
    let servers = servers::<3>();
    let client = builder(&servers).circuit_breaker(None).build().unwrap();
    warm_up(&client).await;
    servers[0].does(Does::FailsAfter(millis(5), || Failure::transport("cut")));
    servers[1].does(Does::Hangs);
    assert_eq!((read(&client).await.unwrap(), requests(&servers)), (2, [21, 1, 1]));
}

#[tokio::test(start_paused = true)]
async fn failure_before_the_second_request_ends_the_attempt() {
    let (servers, attempts) = (servers::<2>(), Attempts::default());
    let client = attempts.watch(builder(&servers)).build().unwrap();
    warm_up(&client).await;
    servers[0].does(Does::FailsAfter(millis(5), || Failure::transport("cut")));
    assert_eq!(read(&client).await.unwrap(), 1);
    assert_eq!(attempts.after_warm_up(), [(1, 0, false), (2, 1, false)]);
}

#[tokio::test(start_paused = true)]
async fn time_limit_holds_for_both_requests_together() {
    let (servers, attempts) = (servers::<2>(), Attempts::default());
    let client = attempts.watch(builder(&servers)).attempt_timeout(millis(100)).retry(Retry::never());
    let client = client.build().unwrap();
    warm_up(&client).await;
    servers.iter().for_each(|server| server.does(Does::Hangs));
    let begun = Instant::now();
    let error = read(&client).await.unwrap_err();
    assert!(error.is_timeout() && error.outcome() == Outcome::Unknown);
    assert!((millis(100)..millis(102)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!((servers[0].cancelled(), servers[1].cancelled()), (1, 1));
    assert_eq!(attempts.after_warm_up(), [(1, 0, true)]);
}

/// Without a limit of the user, a third of the deadline.
#[tokio::test(start_paused = true)]
async fn both_requests_are_given_up_together_for_a_retry() {
    let (servers, attempts) = (servers::<3>(), Attempts::default());
    let client = attempts.watch(builder(&servers)).deadline(millis(300)).build().unwrap();
    warm_up(&client).await;
    servers[..2].iter().for_each(|server| server.does(Does::Hangs));
    let begun = Instant::now();
    assert_eq!(read(&client).await.unwrap(), 2);
    assert!((millis(110)..millis(125)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(attempts.after_warm_up()[0], (1, 0, true));
}

#[tokio::test(start_paused = true)]
async fn dropped_call_cancels_both_requests() {
    let servers = servers::<2>();
    let client = builder(&servers).build().unwrap();
    warm_up(&client).await;
    servers.iter().for_each(|server| server.does(Does::Hangs));
    tokio::select! {
        answer = read(&client) => panic!("the servers hang: {answer:?}"),
        () = sleep(millis(50)) => {}
    }
    assert_eq!((requests(&servers), servers[0].cancelled(), servers[1].cancelled()), ([21, 1], 1, 1));
    assert!(client.endpoints().iter().all(|endpoint| endpoint.pending() == 0));
    assert!(client.endpoints().iter().all(|endpoint| endpoint.circuit() == CircuitState::Closed));
}

#[tokio::test(start_paused = true)]
async fn request_that_a_layer_holds_back_is_not_sent_twice() {
    let servers = servers::<2>();
    let limit = from_fn(|request: Request, next: Next<Request>| async move {
        sleep(millis(if request.headers.contains_key("x-wait") { 100 } else { 0 })).await;
        next.run(request).await
    });
    let attempts = Attempts::default();
    let client = attempts.watch(builder(&servers)).attempt_layer(limit).build().unwrap();
    warm_up(&client).await;
    assert_eq!(client.call::<u32>("read", ()).readonly().header("x-wait", "yes").await.unwrap(), 0);
    assert_eq!(attempts.after_warm_up(), [(1, 0, false)]);
    assert_eq!(requests(&servers), [21, 0]);
}

#[tokio::test(start_paused = true)]
async fn slow_test_of_a_half_open_circuit_is_hedged_and_ends_without_a_result() {
    let servers = servers::<2>();
    let client = builder(&servers).build().unwrap();
    warm_up(&client).await;
    servers[0].does_once(Does::FailsAfter(Duration::ZERO, || Failure::transport("cut")));
    read(&client).await.unwrap();
    sleep(millis(1_000)).await;
    servers[0].does_once(Does::Hangs);
    let circuit = || client.endpoints()[0].circuit();
    assert_eq!((circuit(), read(&client).await.unwrap(), circuit()), (CircuitState::Open, 1, CircuitState::HalfOpen));
    // The next test is due at once.
    assert_eq!(read(&client).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn share_of_second_requests_is_about_one_minus_the_percentile() {
    for (percentile, expected, calls) in [(0.95, 0.05, 20_000), (0.8, 0.2, 5_000)] {
        let servers = servers::<3>();
        servers.iter().for_each(|server| server.does(Does::AnswersAtRandom(millis(50))));
        let client = builder(&servers).balance(Balance::random()).hedge(Hedge::percentile(percentile)).build().unwrap();
        for _ in 0..calls {
            read(&client).await.unwrap();
        }
        let share = (requests(&servers).iter().sum::<usize>() - calls) as f64 / calls as f64;
        // The upper bound of a bucket lowers the share by up to 13 %. Beyond that, six standard deviations of a share
        // of independent calls: the test fails once in 10^9 runs. The percentile of 500 samples adds as much again.
        let deviation = (expected * (1.0 - expected) / calls as f64).sqrt();
        let bounds = 0.85 * expected - 12.0 * deviation..expected + 12.0 * deviation;
        assert!(bounds.contains(&share), "{share} {bounds:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn late_answers_disappear() {
    let mut late = [0; 2];
    for (late, hedge) in late.iter_mut().zip([None, Some(Hedge::default())]) {
        let servers = servers::<3>();
        let client = builder(&servers).balance(Balance::round_robin()).hedge(hedge).build().unwrap();
        // So many that a few late answers at the beginning do not move the percentile.
        for _ in 0..200 {
            read(&client).await.unwrap();
        }
        servers[0].does(Does::AnswersLateAtRandom);
        for _ in 0..3_000 {
            let begun = Instant::now();
            read(&client).await.unwrap();
            *late += usize::from(begun.elapsed() > millis(100));
        }
    }
    // One call in 100 is late, so 30 are expected. Fewer than 6 are so once in 10^7 runs.
    assert!(late[0] > 5 && late[1] == 0, "{late:?}");
}

/// Cancelled requests hide a failure only for a while: many late calls raise the percentile, and some are not hedged.
#[tokio::test(start_paused = true)]
async fn endpoint_that_hangs_opens_its_circuit_despite_hedging() {
    let servers = servers::<3>();
    let client = builder(&servers).balance(Balance::round_robin()).circuit_breaker(CircuitBreaker::default());
    let client = client.retry_budget(RetryBudget::default()).build().unwrap();
    for _ in 0..200 {
        read(&client).await.unwrap();
    }
    servers[0].does(Does::Hangs);
    let mut calls = 0;
    while client.endpoints()[0].circuit() == CircuitState::Closed {
        read(&client).await.unwrap();
        calls += 1;
        assert!(calls < 1_000);
    }
}

#[tokio::test(start_paused = true)]
async fn balancer_avoids_an_endpoint_that_is_always_slow_despite_hedging() {
    let servers = servers::<3>();
    let client = builder(&servers).balance(Balance::peak_ewma()).retry_budget(RetryBudget::default()).build().unwrap();
    for _ in 0..200 {
        read(&client).await.unwrap();
    }
    servers[0].does(Does::AnswersAfter(millis(200)));
    let before = servers[0].requests().len();
    for _ in 0..5_000 {
        read(&client).await.unwrap();
    }
    let requests = servers[0].requests().len() - before;
    assert!(requests < 500, "{requests} of 5,000 calls");
}
