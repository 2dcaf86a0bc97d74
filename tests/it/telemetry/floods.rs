//! How many lines a second callers can make a server log, whatever they send.

use std::sync::Arc;
use std::time::Instant;

use rpc::auth::{Bearer, Denied};
use rpc::idempotency::MemoryStore;
use rpc::{ErrorObject, Principal, RequestContext, Server, ServerBuilder, Telemetry};
use serde_json::json;
use support::raw_http::{Connection, post, post_with};
use support::serve;
use tracing::Level;

use super::capture::Told;

fn builder() -> ServerBuilder {
    Server::builder()
        .method("ping", || async { "pong" })
        .try_method("fail", || async { Err::<(), _>(ErrorObject::new(1001, "sold out")) })
        .method("explode", || async {
            if true {
                panic!("as told")
            }
        })
        .telemetry(Telemetry::default())
}

/// Sends a request this many times on one connection. Returns the log, and an upper bound of the seconds it took.
async fn flood(server: ServerBuilder, bytes: &[u8], times: usize) -> (Told, usize) {
    let (told, _guard) = Told::begin();
    let start = Instant::now();
    let mut connection = Connection::open(serve(&server.build()).await).await;
    for _ in 0..times {
        connection.send(bytes).await;
        connection.reply().await;
    }
    // The flood may start and end within a second.
    (told, usize::try_from(start.elapsed().as_secs()).unwrap() + 2)
}

fn lines(told: &Told, message: &str) -> usize {
    told.logs().iter().filter(|log| log.fields.get("message").is_some_and(|text| text.starts_with(message))).count()
}

fn batch(method: &str) -> Vec<u8> {
    let entries: Vec<_> = (0..1024).map(|id| json!({ "jsonrpc": "2.0", "method": method, "id": id })).collect();
    post(json!(entries).to_string())
}

#[tokio::test]
async fn calls_of_unknown_methods_are_logged_once_a_second() {
    let (told, seconds) = flood(builder(), &batch("no such method"), 5).await;
    assert!((1..=seconds).contains(&lines(&told, "call failed")), "{:?}", told.logs());
}

#[tokio::test]
async fn messages_that_are_no_calls_are_logged_once_a_second() {
    let (told, seconds) = flood(builder(), &post(json!(vec![1; 1024]).to_string()), 5).await;
    assert!((1..=seconds).contains(&lines(&told, "call failed")), "{:?}", told.logs());
}

#[tokio::test]
async fn calls_that_fail_are_logged_ten_times_a_second_for_each_method_and_level() {
    for method in ["fail", "explode"] {
        let (told, seconds) = flood(builder(), &batch(method), 2).await;
        assert!((1..=10 * seconds).contains(&lines(&told, "call failed")), "{method}: {}", told.logs().len());
        assert!(lines(&told, "handler panicked") <= 10 * seconds, "{method}: {}", told.logs().len());
    }
}

#[tokio::test]
async fn the_next_line_tells_how_many_were_suppressed() {
    let (told, _guard) = Told::begin();
    let mut connection = Connection::open(serve(&builder().build()).await).await;
    let unknown = post(json!({ "jsonrpc": "2.0", "method": "nothing", "id": 1 }).to_string());
    let mut sent = 0;
    while lines(&told, "call failed") < 2 {
        connection.send(&unknown).await;
        connection.reply().await;
        sent += 1;
    }
    let suppressed = told.logs().last().unwrap().fields.get("suppressed").map(str::to_owned);
    assert_eq!(suppressed, (sent > 2).then(|| (sent - 2).to_string()));
}

#[tokio::test]
async fn wrong_credentials_are_logged_once_a_second() {
    let server = builder().authenticate(Bearer::new().token("s3cr3t", Principal::new("ada")));
    let guess = post_with(&[("authorization", "Bearer guess")], r#"{"jsonrpc":"2.0","method":"ping","id":1}"#);
    let (told, seconds) = flood(server, &guess, 200).await;
    assert!((1..=seconds).contains(&lines(&told, "request was refused")), "{:?}", told.logs());
}

#[tokio::test]
async fn an_authentication_that_outlasts_its_callers_time_is_no_warning() {
    let slow = async |_: Arc<RequestContext>| std::future::pending::<Result<Option<Principal>, Denied>>().await;
    let late = post_with(&[("rpc-timeout-ms", "5")], r#"{"jsonrpc":"2.0","method":"ping","id":1}"#);
    let (told, _) = flood(builder().authenticate(slow), &late, 5).await;
    assert!(told.logs().iter().all(|log| log.level > Level::WARN), "{:?}", told.logs());
}

#[tokio::test]
async fn keys_that_the_store_has_no_room_for_are_logged_once_a_second() {
    let store = MemoryStore::new().max_bytes(100);
    let keyed = post_with(&[("idempotency-key", "\"a\"")], r#"{"jsonrpc":"2.0","method":"ping","id":1}"#);
    let (told, seconds) = flood(builder().idempotency_store(store), &keyed, 200).await;
    assert!((1..=seconds).contains(&lines(&told, "call with a key was refused")), "{:?}", told.logs().len());
}
