//! Rate limits per caller, and how our client handles them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue};
use rpc::idempotency::MemoryStore;
use rpc::middleware::RateLimit;
use rpc::{
    AnswerStatus, AttemptEvent, Client, Dispatch, ErrorCode, ErrorKind, Failure, Outcome, Principal, RequestContext,
    Retry, Server, ServerBuilder,
};
use serde_json::Value;
use support::raw_http::{Reply, exchange, post, post_with};
use support::{over_http, serve};

fn server(limit: RateLimit) -> Server {
    pinging().layer(limit).build()
}

fn pinging() -> ServerBuilder {
    Server::builder().method("ping", || async { "pong" })
}

fn call(id: u64) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"ping","id":{id}}}"#)
}

/// Makes a call in process as this caller. Returns whether it passes the limit.
async fn passes(server: &Server, context: RequestContext) -> bool {
    match server.dispatch(Bytes::from(call(1)), Arc::new(context)).await.status {
        AnswerStatus::Success => true,
        AnswerStatus::Refused(ErrorCode::RATE_LIMITED, http::StatusCode::TOO_MANY_REQUESTS) => false,
        status => panic!("{status:?}"),
    }
}

fn from_peer(ip: &str) -> RequestContext {
    let ip: IpAddr = ip.parse().unwrap();
    RequestContext::new(HeaderMap::new(), Some(SocketAddr::new(ip, 5)), Extensions::new())
}

fn of(subject: &str, ip: &str) -> RequestContext {
    from_peer(ip).with_principal(Principal::new(subject))
}

fn with_header(tenant: &'static str) -> RequestContext {
    let mut context = RequestContext::default();
    context.headers.insert("x-tenant", HeaderValue::from_static(tenant));
    context
}

#[tokio::test]
async fn a_call_that_is_too_much_is_answered_with_429_and_when_to_come_again() {
    let addr = serve(&server(RateLimit::per_minute(1).burst(2))).await;
    for id in [1, 2] {
        assert_eq!(exchange(addr, &post(call(id))).await.status, 200);
    }
    let limited = exchange(addr, &post(call(3))).await;
    assert_eq!(
        (limited.status, limited.header("rpc-status"), limited.header("rpc-refused")),
        (429, Some("-32099"), Some("all"))
    );
    let wait: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    let answer: Value = limited.json();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::from(3), &Value::from(-32099)));
    let millis = answer["error"]["data"]["retryAfterMs"].as_u64().unwrap();
    assert!((1..=60_000).contains(&millis) && wait == millis.div_ceil(1000), "{millis} {wait}");
}

#[tokio::test]
async fn the_entries_of_a_batch_and_notifications_count_one_by_one() {
    let addr = serve(&server(RateLimit::per_minute(1).burst(3))).await;
    let note = r#"{"jsonrpc":"2.0","method":"ping"}"#;
    let batch = format!("[{},{note},{},{note},{}]", call(1), call(2), call(3));
    let reply = exchange(addr, &post(batch)).await;
    assert_eq!((reply.status, reply.header("rpc-status"), reply.header("rpc-refused")), (200, Some("1"), Some("3-4")));
    // A notification gets no answer. Only the header says that it was refused.
    let answers: Vec<Value> = reply.json();
    assert_eq!(answers.len(), 3);
    assert_eq!(answers[2]["error"]["code"], -32099);
    assert!(reply.header("retry-after").is_some());
}

#[tokio::test]
async fn callers_are_told_apart_by_principal_or_else_by_address() {
    let server = server(RateLimit::per_minute(1));
    for (caller, fresh) in [
        (from_peer("192.0.2.1"), true),
        (from_peer("192.0.2.1"), false),
        (from_peer("::ffff:192.0.2.1"), false),
        (from_peer("192.0.2.2"), true),
        (of("ada", "192.0.2.1"), true),
        (of("ada", "192.0.2.3"), false),
        (of("bob", "192.0.2.1"), true),
        (from_peer("2001:db8::1"), true),
        (from_peer("2001:db8::2"), false),
        (from_peer("2001:db8:0:1::1"), true),
        (RequestContext::default(), true),
        (RequestContext::default(), false),
    ] {
        let who = format!("{caller:?}");
        assert_eq!(passes(&server, caller).await, fresh, "{who}");
    }
}

#[tokio::test]
async fn a_key_of_ones_own_tells_callers_apart_where_there_is_one() {
    let key = |cx: &rpc::Context| cx.headers().get("x-tenant").map(|tenant| tenant.to_str().unwrap().to_owned());
    let server = server(RateLimit::per_minute(1).key(key));
    for (caller, fresh) in [
        (with_header("a"), true),
        (with_header("b"), true),
        (with_header("a"), false),
        (RequestContext::default(), true),
        (RequestContext::default(), false),
    ] {
        assert_eq!(passes(&server, caller).await, fresh);
    }
}

#[tokio::test]
async fn a_limit_of_the_server_counts_all_methods_and_one_of_a_method_its_own() {
    let limit = || RateLimit::per_minute(1);
    for (server, expected) in [
        (pinging().method("pong", || async {}).layer(limit()).build(), [true, false]),
        (pinging().method("pong", || async {}).method_layer("ping", limit()).build(), [true, true]),
    ] {
        let client = Client::builder().in_process(&server).retry(Retry::never()).build().unwrap();
        let calls = [client.call::<Value>("ping", ()), client.call("pong", ())];
        assert_eq!(client.batch(calls).await.unwrap().map(|answer| answer.is_ok()), expected);
        assert!(client.call::<Value>("ping", ()).await.is_err());
    }
}

#[tokio::test]
async fn a_limited_call_is_a_refusal_of_its_own_kind() {
    let server = server(RateLimit::per_minute(1));
    let url = format!("http://{}", serve(&server).await);
    let near = Client::builder().in_process(&server).retry(Retry::never()).build().unwrap();
    let far = over_http(&url).map(|(_, client)| client);
    far[0].call::<Value>("ping", ()).await.unwrap();
    near.call::<Value>("ping", ()).await.unwrap();
    for client in [&near, &far[0], &far[1]] {
        let single = client.call::<Value>("ping", ()).await.unwrap_err();
        let entry = client.batch([client.call::<Value>("ping", ())]).await.unwrap();
        for error in [single, entry.into_iter().next().unwrap().unwrap_err()] {
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::RateLimited, Outcome::Refused), "{error:?}");
            let rpc::Error::Failure(failure) = error else { panic!("{error:?}") };
            assert!(failure.is_overloaded());
            assert_eq!(failure.error_object().unwrap().code(), ErrorCode::RATE_LIMITED);
        }
        let failure: Failure = client.call::<Value>("ping", ()).notify().await.unwrap_err();
        assert_eq!(failure.outcome(), Outcome::Refused);
    }
}

/// Builds a client that counts its retries and the delays before them.
fn patient(url: &str) -> (Client, Arc<AtomicUsize>) {
    let again = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&again);
    let retry = Retry::exponential().base(Duration::from_nanos(1));
    let client = Client::builder()
        .endpoint(url)
        .retry(retry)
        .on_attempt(move |event: &AttemptEvent<'_>| {
            if let Some(pause) = event.retry_in {
                // `Retry-After` has whole seconds, so by the header the client would wait for one second.
                assert!(pause > Duration::from_millis(1) && pause < Duration::from_secs(1), "{pause:?}");
                counted.fetch_add(1, Ordering::Relaxed);
            }
        })
        .build()
        .unwrap();
    (client, again)
}

#[tokio::test]
async fn the_client_comes_again_when_it_may_and_succeeds() {
    let (client, again) = patient(&format!("http://{}", serve(&server(RateLimit::per_second(2).burst(1))).await));
    for _ in 0..2 {
        assert_eq!(client.call::<Value>("ping", ()).await.unwrap(), "pong");
    }
    assert_eq!(again.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_limited_entry_goes_again_without_the_others() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let server = pinging()
        .method("count", move || std::future::ready(counted.fetch_add(1, Ordering::Relaxed)))
        .method_layer("ping", RateLimit::per_second(2).burst(1))
        .build();
    let (client, again) = patient(&format!("http://{}", serve(&server).await));
    let ping = || client.call::<Value>("ping", ());
    let (count, one, two) = client.batch((client.call::<usize>("count", ()), ping(), ping())).await.unwrap();
    assert_eq!((count.unwrap(), one.unwrap(), two.unwrap()), (0, Value::from("pong"), Value::from("pong")));
    assert_eq!((runs.load(Ordering::Relaxed), again.load(Ordering::Relaxed)), (1, 1));
}

#[test]
#[should_panic(expected = "a limit of 0 calls")]
fn a_limit_of_nothing_is_refused() {
    let _ = RateLimit::per_second(0);
}

/// Builds a server with a method that counts its runs.
fn counting(limit: RateLimit) -> (ServerBuilder, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let pay = move || std::future::ready(counted.fetch_add(1, Ordering::Relaxed));
    (Server::builder().method("pay", pay).layer(limit), runs)
}

/// Makes a call with a key by hand.
async fn keyed(addr: SocketAddr, key: &str) -> Reply {
    let body = r#"{"jsonrpc":"2.0","method":"pay","id":1}"#;
    exchange(addr, &post_with(&[("idempotency-key", &format!("{key:?}"))], body)).await
}

#[tokio::test]
async fn repeats_that_are_answered_with_what_is_kept_count_too() {
    let (server, runs) = counting(RateLimit::per_minute(5));
    let addr = serve(&server.build()).await;
    let mut statuses = Vec::new();
    for _ in 0..50 {
        statuses.push(keyed(addr, "one").await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 5, "{statuses:?}");
    assert!(statuses[5..].iter().all(|status| *status == 429), "{statuses:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_keyed_call_counts_once_at_each_limit_and_does_not_reach_the_store_beyond() {
    let (server, runs) = counting(RateLimit::per_minute(2));
    let store = MemoryStore::new().max_bytes(2 << 10);
    let addr = serve(&server.method_layer("pay", RateLimit::per_minute(3)).idempotency_store(store).build()).await;
    // The store has room for at most three keys of anonymous callers.
    for number in 0..20 {
        let reply = keyed(addr, &number.to_string()).await;
        let expected = if number < 2 { (200, None) } else { (429, Some("all")) };
        assert_eq!((reply.status, reply.header("rpc-refused")), expected, "{number}");
    }
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_client_waits_for_its_turn_and_gets_what_was_kept() {
    let (server, runs) = counting(RateLimit::per_second(2).burst(1));
    let (client, again) = patient(&format!("http://{}", serve(&server.build()).await));
    let key = uuid::Uuid::new_v4();
    for _ in 0..2 {
        assert_eq!(client.call::<usize>("pay", ()).idempotency_key(key).await.unwrap(), 0);
    }
    assert_eq!((runs.load(Ordering::Relaxed), again.load(Ordering::Relaxed)), (1, 1));
}
