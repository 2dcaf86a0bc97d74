//! The effects of service attributes at run time, and several services in one server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpc::{Client, Error, Server};
use serde_json::{Value, json};
use support::{Peer, client_of, result};

#[rpc::service(namespace = "shop", rename_all = "camelCase")]
trait Shop {
    #[rpc(alias = "findItem", alias = "items.find")]
    async fn find_by_name(&self, item_name: String, #[rpc(default = 10)] max_count: u32) -> (String, u32);
    #[rpc(name = "stock")]
    fn stock_level(&self, #[rpc(name = "SKU")] sku: u8, #[rpc(default)] with_reserved: bool) -> (u8, bool);
    async fn defaults(
        &self,
        #[rpc(default = "text".to_owned())] text: String,
        #[rpc(default = vec![1, 2])] list: Vec<u8>,
        note: Option<String>,
        #[rpc(default = Some(3))] count: Option<u8>,
    ) -> (String, Vec<u8>, Option<String>, Option<u8>);
}

struct Corner;

impl Shop for Corner {
    async fn find_by_name(&self, item_name: String, max_count: u32) -> (String, u32) {
        (item_name, max_count)
    }
    fn stock_level(&self, sku: u8, with_reserved: bool) -> (u8, bool) {
        (sku, with_reserved)
    }
    async fn defaults(
        &self,
        text: String,
        list: Vec<u8>,
        note: Option<String>,
        count: Option<u8>,
    ) -> (String, Vec<u8>, Option<String>, Option<u8>) {
        (text, list, note, count)
    }
}

async fn shop() -> Client {
    client_of(&Server::builder().service(ShopServer::new(Corner)).build()).await
}

#[tokio::test]
async fn names_on_the_wire_follow_the_rule_and_explicit_ones_win() {
    let client = shop().await;
    let shop = ShopClient::new(client.clone());
    assert_eq!(shop.find_by_name("tea", 3).await.unwrap(), ("tea".to_owned(), 3));
    assert_eq!(shop.stock_level(7, true).await.unwrap(), (7, true));
    let found: Value = client.call("shop.findByName", json!({ "itemName": "tea", "maxCount": 3 })).await.unwrap();
    assert_eq!(found, json!(["tea", 3]));
    let level: Value = client.call("shop.stock", json!({ "SKU": 7, "withReserved": true })).await.unwrap();
    assert_eq!(level, json!([7, true]));
    for (method, params, code) in [
        ("shop.find_by_name", json!({}), -32601),
        ("find_by_name", json!({}), -32601),
        ("shop.stockLevel", json!({}), -32601),
        ("shop.findByName", json!({ "item_name": "tea" }), -32602),
        ("shop.stock", json!({ "sku": 7 }), -32602),
    ] {
        let error = client.call::<Value>(method, params).await.unwrap_err();
        assert!(matches!(&error, Error::Rpc(error) if error.code().get() == code), "{method}: {error:?}");
    }
}

#[tokio::test]
async fn an_alias_is_another_name_of_the_same_method() {
    let client = shop().await;
    for name in ["shop.findByName", "shop.findItem", "shop.items.find"] {
        let found: Value = client.call(name, ["tea"]).await.unwrap();
        assert_eq!(found, json!(["tea", 10]), "{name}");
    }
}

#[tokio::test]
async fn defaults_stand_in_for_what_is_not_given_by_name_or_by_position() {
    let client = shop().await;
    let call = async |params: Value| client.call::<Value>("shop.defaults", params).await.unwrap();
    let all = json!(["text", [1, 2], null, 3]);
    assert_eq!(call(Value::Null).await, all);
    assert_eq!(call(json!({})).await, all);
    assert_eq!(call(json!([])).await, all);
    assert_eq!(call(json!(["given", []])).await, json!(["given", [], null, 3]));
    assert_eq!(call(json!({ "list": [], "note": "n" })).await, json!(["text", [], "n", 3]));
    assert_eq!(call(json!({ "count": null })).await, json!(["text", [1, 2], null, null]), "null is given");
    let level: Value = client.call("shop.stock", [7]).await.unwrap();
    assert_eq!(level, json!([7, false]));
}

#[tokio::test]
async fn what_is_missing_unknown_or_surplus_is_refused_by_name() {
    let client = shop().await;
    for (params, message) in [
        (json!({}), "Invalid params: missing parameter \"SKU\""),
        (json!([]), "Invalid params: missing parameter \"SKU\""),
        (
            json!({ "SKU": 1, "sku": 2 }),
            "Invalid params: unknown parameter \"sku\", expected one of \"SKU\", \"withReserved\"",
        ),
        (json!([1, true, 3]), "Invalid params: 3 parameters are given, expected at most 2 parameters"),
        (json!({ "SKU": 256 }), "Invalid params: parameter \"SKU\": invalid value: integer `256`, expected u8"),
    ] {
        let error = client.call::<Value>("shop.stock", params).await.unwrap_err().error_object().unwrap();
        assert_eq!(error.message(), message);
    }
}

#[rpc::service(lenient)]
trait Lenient {
    async fn greet(&self, name: String) -> String;
}

impl Lenient for Corner {
    async fn greet(&self, name: String) -> String {
        format!("hello {name}")
    }
}

#[tokio::test]
async fn a_lenient_service_ignores_what_it_does_not_know() {
    let client = client_of(&Server::builder().service(LenientServer::new(Corner)).build()).await;
    for params in [json!({ "name": "Ada", "dry_run": true }), json!(["Ada", true])] {
        assert_eq!(client.call::<String>("greet", params).await.unwrap(), "hello Ada");
    }
    let error = client.call::<String>("greet", json!({ "nam": "Ada" })).await.unwrap_err();
    assert_eq!(error.error_object().unwrap().message(), "Invalid params: missing parameter \"name\"");
}

#[rpc::service]
trait Slow {
    #[rpc(timeout = "50ms")]
    async fn hurried(&self);
    #[rpc(timeout = "2s")]
    async fn patient(&self);
    async fn plain(&self);
}

impl Slow for Corner {
    async fn hurried(&self) {
        std::future::pending().await
    }
    async fn patient(&self) {
        std::future::pending().await
    }
    async fn plain(&self) {
        std::future::pending().await
    }
}

/// Returns how many milliseconds a future takes, by a paused clock.
async fn millis_of(future: impl IntoFuture) -> u128 {
    let start = tokio::time::Instant::now();
    future.await;
    start.elapsed().as_millis()
}

/// Asserts that a time is as expected, up to the resolution of timers.
#[track_caller]
fn assert_about(millis: u128, expected: u128) {
    assert!((expected..=expected + 2).contains(&millis), "{millis} ms instead of {expected}");
}

fn slow() -> (Client, SlowClient) {
    let server = Server::builder().service(SlowServer::new(Corner)).build();
    let client = Client::builder().in_process(&server).deadline(Duration::from_secs(5)).build().unwrap();
    (client.clone(), SlowClient::new(client))
}

#[tokio::test(start_paused = true)]
async fn a_methods_timeout_is_what_a_call_may_take_unless_the_call_says_otherwise() {
    let (_, slow) = slow();
    let error = slow.hurried().await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("50ms"), "{error}");
    assert_about(millis_of(slow.hurried()).await, 50);
    assert_about(millis_of(slow.patient()).await, 2000);
    assert_about(millis_of(slow.plain()).await, 5000);
    assert_about(millis_of(slow.hurried().notify()).await, 50);
    for other in [10, 9000] {
        assert_about(millis_of(slow.hurried().deadline(Duration::from_millis(other))).await, other.into());
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_batch_the_longest_timeout_of_its_methods_counts() {
    let (client, slow) = slow();
    let answers = client.batch((slow.hurried(), slow.hurried())).await.unwrap();
    assert!(answers.0.unwrap_err().is_timeout() && answers.1.unwrap_err().is_timeout());
    assert_about(millis_of(client.batch([slow.hurried()])).await, 50);
    assert_about(millis_of(client.batch((slow.hurried(), slow.patient()))).await, 2000);
    assert_about(millis_of(client.batch((slow.patient(), slow.hurried()))).await, 2000);
    assert_about(millis_of(client.batch((slow.hurried(), slow.plain()))).await, 5000);
    let short = || slow.patient().deadline(Duration::from_millis(100));
    assert_about(millis_of(client.batch((slow.hurried(), short()))).await, 100);
    assert_about(millis_of(client.batch([slow.hurried()]).deadline(Duration::from_secs(9))).await, 9000);
    assert_about(millis_of(client.batch([slow.patient()]).deadline(Duration::from_millis(10))).await, 10);
}

#[rpc::service(params = "positional", namespace = "eth", separator = "_")]
trait Positional {
    async fn range(&self, from: u8, to: Option<u8>, step: Option<u8>) -> (u8, Option<u8>, Option<u8>);
    async fn all(&self) -> u8;
}

impl Positional for Corner {
    async fn range(&self, from: u8, to: Option<u8>, step: Option<u8>) -> (u8, Option<u8>, Option<u8>) {
        (from, to, step)
    }
    async fn all(&self) -> u8 {
        0
    }
}

#[tokio::test]
async fn a_positional_client_sends_arrays_without_what_is_none_at_their_end() {
    let peer = Peer::answering(|request| result(&request.id(), "[0,null,null]")).await;
    let client = PositionalClient::new(peer.client());
    client.range(1, Some(2), Some(3)).await.unwrap();
    client.range(1, None, Some(3)).await.unwrap();
    client.range(1, None, None).await.unwrap();
    client.all().await.unwrap_err();
    let params: Vec<_> = peer.requests().iter().map(|request| request.json().get("params").cloned()).collect();
    assert_eq!(params, [Some(json!([1, 2, 3])), Some(json!([1, null, 3])), Some(json!([1])), None]);
    assert_eq!(peer.requests()[0].json()["method"], "eth_range");
}

#[tokio::test]
async fn a_positional_service_takes_names_too() {
    let client = client_of(&Server::builder().service(PositionalServer::new(Corner)).build()).await;
    let positional = PositionalClient::new(client.clone());
    assert_eq!(positional.range(1, None, Some(3)).await.unwrap(), (1, None, Some(3)));
    let named: Value = client.call("eth_range", json!({ "step": 3, "from": 1 })).await.unwrap();
    assert_eq!(named, json!([1, null, 3]));
}

#[rpc::service(namespace = "up")]
trait Up {
    async fn add(&self, by: u64) -> u64;
    /// A method with a default body, which calls another method.
    async fn add_two(&self) -> u64 {
        self.add(1).await;
        self.add(1).await
    }
    fn value(&self) -> u64;
    fn value_twice(&self) -> u64 {
        self.value() * 2
    }
}

#[rpc::service(namespace = "down")]
trait Down {
    fn subtract(&self, by: u64) -> u64;
}

#[derive(Default)]
struct Counter(AtomicU64);

impl Up for Counter {
    async fn add(&self, by: u64) -> u64 {
        self.0.fetch_add(by, Ordering::Relaxed) + by
    }
    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Down for Counter {
    fn subtract(&self, by: u64) -> u64 {
        self.0.fetch_sub(by, Ordering::Relaxed) - by
    }
}

#[tokio::test]
async fn one_implementation_is_shared_by_services_and_the_caller() {
    let counter = Arc::new(Counter::default());
    let server = Server::builder()
        .service(UpServer::new(Arc::clone(&counter)))
        .service(DownServer::new(Arc::clone(&counter)))
        .build();
    let client = client_of(&server).await;
    let (up, down) = (UpClient::new(client.clone()), DownClient::new(client));
    assert_eq!(up.add(10).await.unwrap(), 10);
    assert_eq!(down.subtract(3).await.unwrap(), 7);
    assert_eq!(Up::value(&*counter), 7);
    assert_eq!(Up::add(&counter, 1).await, 8, "an Arc implements the trait as well");
    assert_eq!(up.value().await.unwrap(), 8);
}

#[tokio::test]
async fn default_bodies_run_for_sync_and_async_methods() {
    let up = UpClient::new(client_of(&Server::builder().service(UpServer::new(Counter::default())).build()).await);
    assert_eq!(up.add_two().await.unwrap(), 2);
    assert_eq!(up.value_twice().await.unwrap(), 4);
}

#[test]
#[should_panic(expected = "method name \"up.add\" of service `Up` is taken by service `Up` already")]
fn a_service_that_is_there_already_is_refused() {
    let counter = Arc::new(Counter::default());
    let _ = Server::builder().service(UpServer::new(Arc::clone(&counter))).service(UpServer::new(counter)).build();
}

#[rpc::service(namespace = "shop")]
trait Rival {
    #[rpc(alias = "stock")]
    async fn levels(&self);
}

impl Rival for Corner {
    async fn levels(&self) {}
}

#[test]
#[should_panic(expected = "method name \"shop.stock\" of service `Rival` is taken by service `Shop` already")]
fn an_alias_that_is_another_services_name_is_refused() {
    let _ = Server::builder().service(ShopServer::new(Corner)).service(RivalServer::new(Corner)).build();
}

#[test]
#[should_panic(expected = "method name \"shop.findItem\" of a closure is taken by service `Shop` already")]
fn a_closure_with_a_services_name_is_refused() {
    let _ = Server::builder().service(ShopServer::new(Corner)).method("shop.findItem", || async {}).build();
}

#[test]
#[should_panic(expected = "method name \"rpc.discover\" of a closure is reserved")]
fn a_reserved_name_is_refused() {
    let _ = Server::builder().method("rpc.discover", || async {}).build();
}
