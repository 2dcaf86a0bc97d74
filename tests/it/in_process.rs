//! The same service without a socket. All else is the same.

use std::time::Duration;

use futures_util::FutureExt;
use rpc::{Client, Context, Error, ErrorObject, Limits, Outcome, Retry, RpcError, Server};
use serde_json::{Value, json};
use support::client_of;

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("only {left} left")]
#[rpc(code = 4001)]
struct OutOfStock {
    left: u32,
}

#[rpc::service(namespace = "stock")]
trait Stock {
    async fn reserve(&self, article: String, count: u32) -> Result<u64, OutOfStock>;
    async fn tenant(&self, #[rpc(context)] cx: &Context) -> Option<String>;
    fn explode(&self);
    async fn hang(&self);
}

struct ThreeOfEach;

impl Stock for ThreeOfEach {
    async fn reserve(&self, _: String, count: u32) -> Result<u64, OutOfStock> {
        tokio::task::yield_now().await;
        if count <= 3 { Ok(17) } else { Err(OutOfStock { left: 3 }) }
    }
    async fn tenant(&self, cx: &Context) -> Option<String> {
        cx.headers().get("x-tenant").map(|tenant| tenant.to_str().unwrap().to_owned())
    }
    fn explode(&self) {
        panic!("as told")
    }
    async fn hang(&self) {
        std::future::pending().await
    }
}

fn server() -> Server {
    Server::builder().service(StockServer::new(ThreeOfEach)).build()
}

fn stock() -> StockClient {
    StockClient::new(Client::in_process(&server()))
}

#[tokio::test]
async fn results_and_declared_errors_are_typed() {
    assert_eq!(stock().reserve("anvil", 2).await.unwrap(), 17);
    let error = stock().reserve("anvil", 5).await.unwrap_err();
    assert!(matches!(error, Error::Method(OutOfStock { left: 3 })));
}

#[tokio::test]
async fn a_batch_is_answered_entry_by_entry_and_in_order() {
    let stock = stock();
    let client = Client::in_process(&server());
    let calls = (
        [stock.reserve("a", 1), stock.reserve("b", 9)],
        stock.explode(),
        stock.reserve("c", 1).notify(),
        client.call::<Value>("stock.none", ()),
        stock.tenant().header("x-tenant", "a"),
    );
    let ([good, bad], exploded, note, unknown, tenant) = client.batch(calls).await.unwrap();
    assert_eq!(good.unwrap(), 17);
    assert!(matches!(bad.unwrap_err(), Error::Method(OutOfStock { left: 3 })));
    assert!(matches!(exploded.unwrap_err(), Error::Rpc(error) if error == ErrorObject::internal()));
    note.unwrap();
    assert!(matches!(unknown.unwrap_err(), Error::Rpc(error) if error == ErrorObject::method_not_found()));
    assert_eq!(tenant.unwrap().as_deref(), Some("a"));
}

#[tokio::test]
async fn headers_reach_the_context() {
    assert_eq!(stock().tenant().header("x-tenant", "a").await.unwrap().as_deref(), Some("a"));
    assert_eq!(stock().tenant().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_builder_sets_headers_and_the_deadline_of_a_client_in_process() {
    let deadline = Duration::from_secs(7);
    let client =
        Client::builder().in_process(&server()).header("x-tenant", "built").deadline(deadline).build().unwrap();
    let stock = StockClient::new(client);
    assert_eq!(stock.reserve("anvil", 2).await.unwrap(), 17);
    assert_eq!(stock.tenant().await.unwrap().as_deref(), Some("built"));
    assert_eq!(stock.tenant().header("x-tenant", "own").await.unwrap().as_deref(), Some("own"));
    let error = stock.hang().await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("7s"), "{error}");
}

#[test]
fn a_client_is_either_in_process_or_at_an_address() {
    let both = Client::builder().endpoint("http://127.0.0.1:1").in_process(&server()).build();
    assert!(both.unwrap_err().is_builder());
}

#[tokio::test]
async fn clients_of_one_server_share_it() {
    let server = server();
    let (one, two) = (Client::in_process(&server), Client::in_process(&server.clone()));
    drop(server);
    for client in [one, two] {
        assert_eq!(StockClient::new(client).reserve("a", 1).await.unwrap(), 17);
    }
}

#[tokio::test]
async fn answers_are_the_same_as_over_a_socket() {
    let server = server();
    let (near, far) = (Client::in_process(&server), client_of(&server).await);
    for (method, params) in [
        ("stock.reserve", json!(["a", 1])),
        ("stock.reserve", json!(["a", 4])),
        ("stock.reserve", json!({ "article": "a" })),
        ("stock.reserve", json!({ "article": "a", "count": -1 })),
        ("stock.explode", json!([])),
        ("stock.none", json!([])),
    ] {
        let describe = |answer: Result<Value, Error>| format!("{answer:?}");
        let [near, far] = [near.call(method, &params).await, far.call(method, &params).await].map(describe);
        assert_eq!(near, far);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_given_up_at_the_deadline_and_ended_by_the_server() {
    let error = stock().hang().deadline(Duration::from_secs(10)).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.outcome(), Outcome::Unknown);
    // The server's own limit of 30 s is reached first here. Its code tells it apart.
    let patient = stock().hang().deadline(Duration::from_secs(60)).retry(Retry::never());
    let error = patient.await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.error_object().unwrap().code().get(), -32093);
}

#[tokio::test]
async fn the_servers_limits_hold_but_for_those_of_http() {
    let mut limits = Limits::default();
    limits.max_batch_entries = 2;
    limits.max_response_bytes = 100;
    let server = Server::builder().limits(limits).method("long", || async { "x".repeat(200) }).build();
    let client = Client::in_process(&server);
    let failure = client.call::<String>("long", ()).await.unwrap_err();
    assert!(failure.failure().unwrap().is_too_large());
    assert_eq!(failure.outcome(), Outcome::Executed);
    let answers = client.batch([0; 3].map(|_| client.call::<String>("none", ()))).await.unwrap();
    for answer in answers {
        assert_eq!(answer.unwrap_err().error_object().unwrap().code().get(), -32090);
    }
}

#[tokio::test]
async fn calls_beyond_those_in_flight_are_refused_until_there_is_room() {
    let mut limits = Limits::default();
    limits.max_calls_in_flight = 1;
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    let opens = std::sync::Arc::clone(&gate);
    let server = Server::builder()
        .limits(limits)
        .method("wait", move || {
            let gate = std::sync::Arc::clone(&gate);
            async move { gate.notified().await }
        })
        .method("fine", || async { 7 })
        .build();
    let client = Client::in_process(&server);
    let mut waiting = client.call::<()>("wait", ()).into_future();
    assert!((&mut waiting).now_or_never().is_none());
    let refused = client.call::<u8>("fine", ()).await.unwrap_err();
    assert_eq!(refused.error_object().unwrap().code().get(), -32092);
    opens.notify_one();
    waiting.await.unwrap();
    assert_eq!(client.call::<u8>("fine", ()).await.unwrap(), 7);
}
