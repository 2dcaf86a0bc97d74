//! Every setting of a client at 0, 1, its default and the largest value of its type. No call panics or hangs.

use std::net::SocketAddr;
use std::time::Duration;

use rpc::transport::HttpSettings;
use rpc::{Client, ClientBuilder, ClientSettings, ErrorKind, Retry, RetryBudget, Server};
use support::raw_http::TEST_TIMEOUT;
use support::{refusing, serve};
use tokio::time::timeout;

const NANOSECOND: Duration = Duration::from_nanos(1);
const MOST: Duration = Duration::MAX;

async fn serving() -> SocketAddr {
    serve(&Server::builder().method("ping", || async { "pong" }).build()).await
}

/// Makes a call. Returns the kind of its error, if it failed.
async fn fails(name: &str, addr: SocketAddr, client: ClientBuilder) -> Option<ErrorKind> {
    let client = client.endpoint(format!("http://{addr}")).build().unwrap();
    let called = timeout(TEST_TIMEOUT, async { client.call::<String>("ping", ()).readonly().await });
    called.await.unwrap_or_else(|_| panic!("{name} hangs")).err().map(|error| error.kind())
}

#[tokio::test]
async fn settings_of_calls_work_at_their_extremes() {
    let addr = serving().await;
    let settings = ClientSettings::default;
    for (name, settings, expected) in [
        ("deadline = 0", settings().deadline(Duration::ZERO), Some(ErrorKind::Timeout)),
        ("deadline = 1", settings().deadline(NANOSECOND), Some(ErrorKind::Timeout)),
        ("deadline = MAX", settings().deadline(MOST), None),
        ("attempt_timeout = MAX", settings().attempt_timeout(MOST), None),
        ("both = MAX", settings().attempt_timeout(MOST).deadline(MOST), None),
        ("max_response_bytes = 0", settings().max_response_bytes(0), Some(ErrorKind::Internal)),
        ("max_response_bytes = 1", settings().max_response_bytes(1), Some(ErrorKind::Internal)),
        ("max_response_bytes = MAX", settings().max_response_bytes(usize::MAX), None),
        ("the defaults", settings(), None),
    ] {
        let failed = fails(name, addr, Client::builder().settings(settings)).await;
        assert_eq!(failed, expected, "{name}");
    }
    // A timer can be a millisecond late. An attempt may be answered in that time.
    for time in [Duration::ZERO, NANOSECOND] {
        let name = format!("attempt_timeout = {time:?}");
        let failed = fails(&name, addr, Client::builder().settings(settings().attempt_timeout(time))).await;
        assert!(matches!(failed, None | Some(ErrorKind::Timeout)), "{name}: {failed:?}");
    }
}

#[tokio::test]
async fn settings_of_http_work_at_their_extremes() {
    let addr = serving().await;
    let http = HttpSettings::default;
    let http2 = |interval, timeout| http().http2_prior_knowledge().http2_keep_alive(interval, timeout);
    for (name, http, expected) in [
        ("max_concurrent_requests = 0", http().max_concurrent_requests(0), None),
        ("max_concurrent_requests = 1", http().max_concurrent_requests(1), None),
        ("max_concurrent_requests = MAX", http().max_concurrent_requests(usize::MAX), None),
        ("connect_timeout = MAX", http().connect_timeout(MOST), None),
        ("pings = MAX", http2(MOST, MOST), None),
        ("interval = MAX", http2(MOST, Duration::ZERO), None),
        ("timeout = MAX", http2(Duration::ZERO, MOST), None),
        ("the defaults", http(), None),
        ("the defaults of HTTP/2", http().http2_prior_knowledge(), None),
    ] {
        let failed = fails(name, addr, Client::builder().http(http)).await;
        assert_eq!(failed, expected, "{name}");
    }
    // These timeouts race with the call. If they win, it has no answer.
    for http in [
        http().connect_timeout(Duration::ZERO),
        http().connect_timeout(NANOSECOND),
        http2(Duration::ZERO, Duration::ZERO),
        http2(NANOSECOND, NANOSECOND),
    ] {
        let name = format!("{http:?}");
        let failed = fails(&name, addr, Client::builder().http(http)).await;
        assert!(matches!(failed, None | Some(ErrorKind::Timeout | ErrorKind::Network)), "{name}: {failed:?}");
    }
}

#[tokio::test]
async fn retries_end_at_the_extremes_of_their_settings() {
    let addr = refusing();
    let retry = Retry::exponential;
    let quick = || retry().base(NANOSECOND).cap(NANOSECOND);
    for (name, retry) in [
        ("max_attempts = 0", retry().max_attempts(0)),
        ("max_attempts = 1", retry().max_attempts(1)),
        ("max_attempts = MAX", retry().max_attempts(u32::MAX)),
        ("max_attempts = MAX without pauses", quick().max_attempts(u32::MAX)),
        ("base = 0", retry().base(Duration::ZERO)),
        ("base = 1", retry().base(NANOSECOND)),
        ("base = MAX", retry().base(MOST)),
        ("cap = 0", retry().cap(Duration::ZERO)),
        ("cap = 1", retry().cap(NANOSECOND)),
        ("cap = MAX", retry().cap(MOST)),
        ("all = MAX", retry().max_attempts(u32::MAX).base(MOST).cap(MOST).max_retry_after(MOST)),
        ("max_retry_after = 0", retry().max_retry_after(Duration::ZERO)),
        ("max_retry_after = 1", retry().max_retry_after(NANOSECOND)),
        ("the defaults", retry()),
    ] {
        let client = Client::builder().retry(retry).deadline(Duration::from_millis(500));
        let failed = fails(name, addr, client).await;
        assert!(matches!(failed, Some(ErrorKind::Network | ErrorKind::Timeout)), "{name}: {failed:?}");
    }
}

#[tokio::test]
async fn retries_end_at_the_extremes_of_their_budget() {
    let addr = refusing();
    let budget = RetryBudget::default;
    let mut budgets = vec![("the default".to_owned(), budget()), ("no bound".to_owned(), RetryBudget::unlimited())];
    budgets.extend([0, 1, u32::MAX].map(|reserve| (format!("reserve = {reserve}"), RetryBudget::new(reserve))));
    for number in [0.0, 1.0, -1.0, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        budgets.push((format!("per_second = {number}"), budget().per_second(number)));
        budgets.push((format!("per_success = {number}"), budget().per_success(number)));
    }
    for time in [Duration::ZERO, NANOSECOND, MOST] {
        budgets.push((format!("refill_every = {time:?}"), budget().refill_every(time)));
        budgets.push((format!("refill_every = {time:?}, empty"), RetryBudget::new(0).refill_every(time)));
    }
    let healthy = serving().await;
    for (name, budget) in budgets {
        let client = || {
            let retry = Retry::exponential().max_attempts(u32::MAX).base(Duration::ZERO);
            Client::builder().retry(retry).retry_budget(budget.clone()).deadline(Duration::from_millis(200))
        };
        let failed = fails(&name, addr, client()).await;
        assert!(matches!(failed, Some(ErrorKind::Network | ErrorKind::Timeout)), "{name}: {failed:?}");
        assert_eq!(fails(&name, healthy, client().deadline(TEST_TIMEOUT)).await, None, "{name}");
    }
}
