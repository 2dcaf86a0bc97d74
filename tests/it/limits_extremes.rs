//! Every limit at 0, 1, its default and the largest value of its type. The server works, or `build` rejects the value.
//!
//! The servers run in a process of their own, because a failed allocation ends the process.

use std::env;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rpc::health::Health;
use rpc::idempotency::{MemoryStore, PostgresStore};
use rpc::middleware::RateLimit;
use rpc::{Client, Limits, Retry, Server, Telemetry};
use serde_json::Value;
use support::frames::{CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, POST};
use support::raw_http::{Connection, TEST_TIMEOUT, request};
use support::{PING, array, child, panic_of, serve};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How a server handles calls, each alone on its connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Answers,
    /// Refuses calls with this status and code.
    Refuses(u16, i64),
    /// Answers calls that end at once. Calls that wait get -32093.
    TimesOut,
    /// Answers single calls. Refuses longer batches with -32090.
    RefusesBatches,
    /// Answers if the whole request arrives at once. Otherwise answers 408, or closes the connection.
    AnswersAtOnce,
    /// Answers, or closes a connection if its first bytes do not arrive at once.
    AnswersOrCloses,
    /// `build` rejects the limit.
    IsRefused,
}
use Does::{Answers, AnswersAtOnce, AnswersOrCloses, IsRefused, Refuses, RefusesBatches, TimesOut};

struct Case {
    limit: &'static str,
    value: &'static str,
    limits: Limits,
    does: Does,
}

trait Extremes: Copy {
    const ZERO: Self;
    const ONE: Self;
    const MOST: Self;
}

macro_rules! extremes {
    ($($Number:ty),*) => {
        $(impl Extremes for $Number {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const MOST: Self = Self::MAX;
        })*
    };
}
extremes!(usize, u32);

impl Extremes for Duration {
    const ZERO: Self = Self::ZERO;
    const ONE: Self = Self::from_nanos(1);
    const MOST: Self = Self::MAX;
}

macro_rules! cases {
    ($($limit:ident: $zero:expr, $one:expr;)*) => {
        vec![$(
            Case::of(stringify!($limit), "0", |limits| limits.$limit = Extremes::ZERO, $zero),
            Case::of(stringify!($limit), "1", |limits| limits.$limit = Extremes::ONE, $one),
            Case::of(stringify!($limit), "the default", |_| (), Answers),
            Case::of(stringify!($limit), "the largest", |limits| limits.$limit = Extremes::MOST, Answers),
        )*]
    };
}

impl Case {
    fn of(limit: &'static str, value: &'static str, change: fn(&mut Limits), does: Does) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        Self { limit, value, limits, does }
    }
}

/// Returns all limits, with the server's behaviour at 0 and at 1 (or one nanosecond).
fn cases() -> Vec<Case> {
    cases! {
        max_request_bytes: Refuses(413, -32090), Refuses(413, -32090);
        max_response_bytes: Refuses(200, -32091), Refuses(200, -32091);
        max_batch_entries: RefusesBatches, RefusesBatches;
        max_id_bytes: Refuses(200, -32600), Answers;
        max_method_bytes: Refuses(200, -32600), Refuses(200, -32600);
        max_batch_concurrency: Answers, Answers;
        max_calls_in_flight: Refuses(503, -32092), Answers;
        max_buffered_bytes: Refuses(413, -32090), Refuses(413, -32090);
        max_connection_bytes: Answers, Answers;
        max_connection_calls: Answers, Answers;
        max_streams: Answers, Answers;
        max_connection_streams: Answers, Answers;
        stream_heartbeat: IsRefused, Answers;
        handler_timeout: TimesOut, TimesOut;
        batch_wait_timeout: Answers, Answers;
        key_wait_timeout: Answers, Answers;
        body_timeout: AnswersAtOnce, AnswersAtOnce;
        body_progress_timeout: AnswersAtOnce, AnswersAtOnce;
        max_header_bytes: Refuses(431, -32090), Refuses(431, -32090);
        max_headers: Refuses(431, -32090), Refuses(431, -32090);
        max_connections: Answers, Answers;
        max_concurrent_streams: IsRefused, Answers;
        max_connection_age: Answers, Answers;
        header_timeout: IsRefused, AnswersAtOnce;
        write_progress_timeout: IsRefused, AnswersOrCloses;
        min_response_rate: Answers, Answers;
        idle_timeout: IsRefused, AnswersOrCloses;
        shutdown_delay: Answers, Answers;
        drain_timeout: Answers, AnswersOrCloses;
    }
}

#[test]
fn every_limit_has_its_row() {
    let rows: Vec<_> = cases().iter().map(|case| case.limit).collect();
    let all = format!("{:?}", Limits::default());
    let fields = all.strip_prefix("Limits { ").and_then(|fields| fields.strip_suffix(" }")).unwrap();
    for field in fields.split(", ").map(|field| field.split_once(':').unwrap().0) {
        assert!(rows.contains(&field), "{field}");
    }
}

#[tokio::test]
async fn every_limit_works_at_its_extremes_or_is_refused_when_the_server_is_built() {
    let mut command = child::command(module_path!(), "limits_in_a_child");
    command.env("RPC_TEST_LIMITS", "1");
    child::run(command).await;
}

#[tokio::test]
#[ignore = "run in a process of its own by the test above"]
async fn limits_in_a_child() {
    if env::var_os("RPC_TEST_LIMITS").is_none() {
        return;
    }
    for case in cases() {
        let name = format!("{} = {}", case.limit, case.value);
        if case.does == IsRefused {
            let (message, place) = panic_of(|| build(case.limits));
            assert!(message.contains(&format!("`Limits::{}` is 0", case.limit)), "{name}: {message}");
            assert_eq!(place, file!(), "{name}");
            continue;
        }
        timeout(4 * TEST_TIMEOUT, serves(&name, build(case.limits), case.does)).await.expect(&name);
    }
}

#[track_caller]
fn build(limits: Limits) -> Server {
    // A handler that must time out never ends by itself. Other handlers run longer than the resolution of the clock.
    let is_short = limits.handler_timeout < Duration::from_secs(1);
    let wait = if is_short { Duration::MAX } else { Duration::from_millis(20) };
    Server::builder()
        .limits(limits)
        .method("ping", || async { "pong" })
        .method("wait", move || async move {
            tokio::time::sleep(wait).await;
            "pong"
        })
        .build()
}

/// Makes a call that ends at once, one that waits, and a batch, over both versions of HTTP. Then shuts the server down.
async fn serves(name: &str, server: Server, does: Does) {
    let serving = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = serving.local_addr();
    for (version, is_http2) in [("HTTP/1.1", false), ("HTTP/2", true)] {
        for (number, method) in [(1, "ping"), (1, "wait"), (3, "wait")] {
            let call = format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":1}}"#);
            let body = if number == 1 { call } else { array(std::iter::repeat_n(call, number)) };
            let answer = send(addr, is_http2, body).await;
            let expected = expected(does, number, method);
            let is_expected = match (&*answer, does) {
                ("none", AnswersAtOnce | AnswersOrCloses) => true,
                // HTTP/2 tells the limit to clients before they send a head.
                ("none", Refuses(431, _)) => is_http2,
                ("408 -32094", AnswersAtOnce) => true,
                (answer, _) => answer == expected,
            };
            assert!(is_expected, "{name}: {number} {method} over {version}: {answer} and not {expected}");
        }
    }
    serving.shutdown().await;
}

/// Returns the expected status of an answer, and its results or codes.
fn expected(does: Does, number: usize, method: &str) -> String {
    let (status, one, each) = match does {
        Refuses(200, code) => (200, code.to_string(), number),
        Refuses(status, code) => (status, code.to_string(), 1),
        RefusesBatches if number > 1 => (200, "-32090".to_owned(), 1),
        TimesOut if method == "wait" => (200, "-32093".to_owned(), number),
        _ => (200, "\"pong\"".to_owned(), number),
    };
    format!("{status} {}", vec![one; each].join(" "))
}

/// Sends a request on a new connection. Returns the same text as `expected`, or "none" without an answer.
async fn send(addr: SocketAddr, is_http2: bool, body: String) -> String {
    let client = reqwest::Client::builder().no_proxy().retry(reqwest::retry::never());
    let client = if is_http2 { client.http2_prior_knowledge() } else { client.http1_only() }.build().unwrap();
    let request = client.post(format!("http://{addr}")).header("content-type", "application/json").body(body);
    let Ok(response) = request.send().await else { return "none".to_owned() };
    let status = response.status().as_u16();
    let Ok(body) = response.bytes().await else { return "none".to_owned() };
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let one = |answer: &Value| match &answer["error"]["code"] {
        Value::Null => answer["result"].to_string(),
        code => code.to_string(),
    };
    let answers = match &body {
        Value::Array(answers) => answers.iter().map(one).collect::<Vec<_>>().join(" "),
        answer => one(answer),
    };
    format!("{status} {answers}")
}

/// Makes a call with a key twice. The repeat gets the first answer, if the store keeps it.
async fn keyed(store: MemoryStore) -> (String, String) {
    let runs = Arc::new(AtomicU32::new(0));
    let server = Server::builder()
        .idempotency_store(store)
        .method("run", move || {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            async move { run }
        })
        .build();
    let client = Client::builder().endpoint(format!("http://{}", serve(&server).await)).retry(Retry::never());
    let client = client.build().unwrap();
    let call = || async {
        let key = "0b5f7d3c-6d0e-4f8e-9d0c-3b2a1f0e9d8c".parse().unwrap();
        let ran = client.call::<u32>("run", ()).idempotency_key(key).await;
        ran.map_or_else(|error| error.to_string(), |run| run.to_string())
    };
    (call().await, call().await)
}

#[tokio::test]
async fn a_store_works_at_the_extremes_of_its_settings() {
    let store = MemoryStore::new;
    let full = "server gave up on the call: Idempotency key refused (code -32096): store_unavailable";
    let unkept = "server gave up on the call: Response too large (code -32091)";
    for (name, store, first, second) in [
        // The store remembers nothing.
        ("ttl = 0", store().ttl(Duration::ZERO), "0", "1"),
        ("ttl = 1", store().ttl(Duration::from_nanos(1)), "0", "1"),
        ("ttl = MAX", store().ttl(Duration::MAX), "0", "0"),
        ("max_answer_bytes = 0", store().max_answer_bytes(0), "0", unkept),
        ("max_answer_bytes = 1", store().max_answer_bytes(1), "0", unkept),
        ("max_answer_bytes = MAX", store().max_answer_bytes(usize::MAX), "0", "0"),
        ("max_bytes = 0", store().max_bytes(0), full, full),
        ("max_bytes = 1", store().max_bytes(1), full, full),
        ("max_bytes = MAX", store().max_bytes(usize::MAX), "0", "0"),
        ("max_anonymous_bytes = 0", store().max_anonymous_bytes(0), full, full),
        ("max_anonymous_bytes = 1", store().max_anonymous_bytes(1), full, full),
        ("max_anonymous_bytes = MAX", store().max_anonymous_bytes(usize::MAX), "0", "0"),
        // The callers are anonymous.
        ("max_scope_bytes = 0", store().max_scope_bytes(0), "0", "0"),
        ("max_scope_bytes = 1", store().max_scope_bytes(1), "0", "0"),
        ("max_scope_bytes = MAX", store().max_scope_bytes(usize::MAX), "0", "0"),
    ] {
        let answers = timeout(TEST_TIMEOUT, keyed(store)).await.expect(name);
        assert_eq!(answers, (first.to_owned(), second.to_owned()), "{name}");
    }
}

#[tokio::test]
async fn a_store_with_more_connections_than_postgresql_can_have_is_refused_before_it_connects() {
    for (connections, timeout, says) in [
        (usize::MAX, Duration::from_secs(1), "connections"),
        (262_144, Duration::from_secs(1), "connections"),
        (1, Duration::ZERO, "timeout"),
    ] {
        let builder = PostgresStore::builder().connections(connections).timeout(timeout);
        let refused = builder.connect("host=127.0.0.1 port=1").await.unwrap_err();
        let why = std::error::Error::source(&refused).unwrap().to_string();
        assert!(why.contains(says), "{why}");
    }
}

#[tokio::test]
async fn times_of_checks_and_of_slow_calls_work_at_their_extremes() {
    for time in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1), Duration::MAX] {
        let health = Health::new();
        health.register("database", time, || async { Ok::<_, String>(()) });
        let telemetry = Telemetry::default().slow_call(time);
        let server = Server::builder().health(health).telemetry(telemetry).method("ping", || async { "pong" }).build();
        let client = Client::in_process(&server);
        // A check that ends at once passes even without time.
        let report: Value = client.call("rpc.health", ()).await.unwrap();
        assert_eq!(report["status"], "ready", "{time:?}");
        assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong", "{time:?}");
    }
}

#[tokio::test]
async fn a_limit_of_rates_takes_any_rate_and_burst_but_0() {
    for rate in [RateLimit::per_second, RateLimit::per_minute] {
        for calls in [1, u32::MAX] {
            for burst in [1, u32::MAX] {
                let limit = rate(calls).burst(burst);
                let server = Server::builder().method("ping", || async { "pong" }).layer(limit).build();
                let client = Client::in_process(&server);
                for _ in 0..burst.min(3) {
                    assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong", "{calls}, {burst}");
                }
            }
        }
    }
}

#[tokio::test]
async fn more_headers_than_a_request_can_have_are_refused_whatever_the_limit() {
    let mut command = child::command(module_path!(), "headers_in_a_child");
    command.env("RPC_TEST_LIMITS", "1");
    child::run(command).await;
}

#[tokio::test]
#[ignore = "run in a process of its own by the test above"]
async fn headers_in_a_child() {
    if env::var_os("RPC_TEST_LIMITS").is_none() {
        return;
    }
    for (max_headers, max_header_bytes) in [(60_000, 1 << 20), (u32::MAX as usize, usize::MAX)] {
        let server = build(Limits::default().max_headers(max_headers).max_header_bytes(max_header_bytes));
        let addr = serve(&server).await;
        for (count, is_taken) in [(20_000, true), (24_001, false), (30_000, false)] {
            let mut headers = vec![("host", "a"), ("content-type", "application/json"), ("content-length", "40")];
            headers.resize(count, ("x", ""));
            let mut connection = Connection::open(addr).await;
            connection.send_until_refused(&request("POST / HTTP/1.1", &headers, PING.as_bytes())).await;
            let reply = connection.reply().await;
            assert_eq!(reply.status, if is_taken { 200 } else { 431 }, "{count} headers, {max_headers}");
            let limit = format!("at most 24000 headers and {max_header_bytes} bytes");
            assert_eq!(reply.text().contains(&limit), !is_taken, "{}", reply.text());
            assert_eq!(is_taken_over_http2(addr, count).await, is_taken, "{count} over HTTP/2, {max_headers}");
        }
    }
}

/// Returns whether a call with this many headers is answered with 200. Otherwise it is refused with another status.
async fn is_taken_over_http2(addr: SocketAddr, count: usize) -> bool {
    let mut frames = Frames::open(TcpStream::connect(addr).await.unwrap()).await;
    // The first of these headers gets an entry in HPACK's table. The others refer to that entry.
    let mut block = [POST, b"\x40\x01x\x00"].concat();
    block.resize(block.len() + count - 2, 0xbe);
    let (first, rest) = block.split_at(16_000);
    frames.write(HEADERS, 0, 1, first).await;
    for more in rest.chunks(16_000) {
        frames.write(CONTINUATION, 0, 1, more).await;
    }
    frames.write(CONTINUATION, END_HEADERS, 1, &[]).await;
    frames.write(DATA, END_STREAM, 1, PING.as_bytes()).await;
    // `:status: 200`, by its index.
    frames.until(HEADERS).await.payload[0] == 0x88
}
