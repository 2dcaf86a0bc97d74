//! `#[rpc(params)]`: a method with one parameter that is all params.

use std::collections::BTreeMap;

use rpc::{Client, Context, Error, Server};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use support::raw_http::{exchange, post};
use support::{Peer, clients_of, result, serve};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Page {
    first_id: u64,
    #[serde(default = "ten")]
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<Filter>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Filter {
    name: String,
}

fn ten() -> u32 {
    10
}

#[rpc::service(namespace = "whole")]
trait Whole {
    #[rpc(params)]
    async fn list(&self, page: Page) -> Page;
    #[rpc(params)]
    fn at_once(&self, #[rpc(context)] cx: &Context, filter: Filter) -> String;
    #[rpc(params, blocking)]
    fn sum(&self, numbers: Vec<i64>) -> i64;
    #[rpc(params)]
    async fn count(&self, any: BTreeMap<String, Value>, #[rpc(context)] cx: &Context) -> usize;
    #[rpc(params)]
    async fn maybe(&self, filter: Option<Filter>) -> bool;
    #[rpc(params)]
    async fn scalar(&self, number: u8) -> u8;
}

/// The attribute of the service says how params with names and positions are sent. Params of one value have neither.
#[rpc::service(params = "positional")]
trait Positional {
    #[rpc(params)]
    async fn list(&self, page: Page) -> Page;
}

struct Echo;

impl Whole for Echo {
    async fn list(&self, page: Page) -> Page {
        page
    }
    fn at_once(&self, cx: &Context, filter: Filter) -> String {
        format!("{} {}", cx.method(), filter.name)
    }
    fn sum(&self, numbers: Vec<i64>) -> i64 {
        numbers.iter().sum()
    }
    async fn count(&self, any: BTreeMap<String, Value>, _: &Context) -> usize {
        any.len()
    }
    async fn maybe(&self, filter: Option<Filter>) -> bool {
        filter.is_some()
    }
    async fn scalar(&self, number: u8) -> u8 {
        number
    }
}

fn server() -> Server {
    Server::builder().service(WholeServer::new(Echo)).build()
}

fn page() -> Page {
    Page { first_id: 7, limit: 3, filter: None }
}

#[tokio::test]
async fn the_members_of_the_struct_are_the_members_of_params() {
    let peer = Peer::answering(|request| result(&request.id(), &request.json()["params"])).await;
    let whole = WholeClient::new(peer.client());
    assert_eq!(whole.list(page()).await.unwrap(), page());
    let positional = PositionalClient::new(peer.client());
    assert_eq!(positional.list(page()).await.unwrap(), page());
    assert!(matches!(whole.sum(vec![1, 2]).await, Err(Error::Failure(_))), "an array is no sum");
    let params: Vec<Value> = peer.requests().iter().map(|request| request.json()["params"].clone()).collect();
    let members = json!({ "firstId": 7, "limit": 3 });
    assert_eq!(params, [members.clone(), members, json!([1, 2])]);
}

#[tokio::test]
async fn nothing_is_sent_for_none_and_nothing_at_all_for_what_cannot_be_params() {
    let peer = Peer::answering(|request| result(&request.id(), request.json().get("params").is_some())).await;
    let whole = WholeClient::new(peer.client());
    assert!(!whole.maybe(None).await.unwrap());
    assert!(whole.maybe(Some(Filter { name: "ada".to_owned() })).await.unwrap());
    let failure = whole.scalar(5).await.unwrap_err();
    assert!(matches!(&failure, Error::Failure(failure) if failure.outcome() == rpc::Outcome::NotSent), "{failure:?}");
    assert_eq!(peer.requests().len(), 2);
}

#[tokio::test]
async fn every_kind_of_method_may_take_its_params_whole() {
    for (name, client) in clients_of(&server()).await {
        let whole = WholeClient::new(client);
        let filter = Filter { name: "ada".to_owned() };
        let with_filter = Page { filter: Some(filter.clone()), ..page() };
        assert_eq!(whole.list(with_filter.clone()).await.unwrap(), with_filter, "{name}");
        assert_eq!(whole.at_once(filter.clone()).await.unwrap(), "whole.at_once ada", "{name}");
        assert_eq!(whole.sum(vec![1, 2, 3]).await.unwrap(), 6, "{name}");
        assert_eq!(whole.count(BTreeMap::from([("a".to_owned(), Value::Null)])).await.unwrap(), 1, "{name}");
        assert!(whole.maybe(Some(filter)).await.unwrap(), "{name}");
        assert!(!whole.maybe(None).await.unwrap(), "{name}");
    }
}

#[tokio::test]
async fn what_is_left_out_and_what_is_unknown_is_up_to_the_type() {
    let client = Client::in_process(&server());
    for (method, params, expected) in [
        ("whole.list", json!({ "firstId": 1 }), json!({ "firstId": 1, "limit": 10 })),
        ("whole.list", json!([1, 2, null]), json!({ "firstId": 1, "limit": 2 })),
        ("whole.at_once", json!({ "name": "ada", "surplus": 1 }), json!("whole.at_once ada")),
        ("whole.sum", json!([]), json!(0)),
        ("whole.count", json!({}), json!(0)),
        ("whole.maybe", json!(null), json!(false)),
    ] {
        assert_eq!(client.call::<Value>(method, &params).await.unwrap(), expected, "{method} {params}");
    }
}

#[tokio::test]
async fn absent_params_are_a_structure_without_members() {
    let addr = serve(&server()).await;
    for (method, expected) in [("count", "0"), ("sum", "0"), ("maybe", "false")] {
        for params in ["", r#","params":null"#] {
            let call = format!(r#"{{"jsonrpc":"2.0","method":"whole.{method}"{params},"id":1}}"#);
            let reply = exchange(addr, &post(call)).await;
            assert_eq!(reply.text(), format!(r#"{{"jsonrpc":"2.0","result":{expected},"id":1}}"#), "{method}");
        }
    }
}

#[tokio::test]
async fn the_member_at_fault_is_named() {
    let client = Client::in_process(&server());
    for (params, message, data) in [
        (json!({}), "parameter \"firstId\": missing field `firstId`", json!({ "parameter": "firstId" })),
        (
            json!({ "firstId": "x" }),
            "parameter \"firstId\": invalid type: string \"x\", expected u64",
            json!({ "parameter": "firstId", "expected": "u64" }),
        ),
        (
            json!({ "firstId": 1, "limt": 1 }),
            "parameter \"limt\": unknown field `limt`, expected one of `firstId`, `limit`, `filter`",
            json!({ "parameter": "limt", "expected": "one of firstId, limit, filter" }),
        ),
        (
            json!({ "firstId": 1, "filter": {} }),
            "parameter \"filter.name\": missing field `name`",
            json!({ "parameter": "filter.name" }),
        ),
        (
            json!({ "page": { "firstId": 1 } }),
            "parameter \"page\": unknown field `page`, expected one of `firstId`, `limit`, `filter`",
            json!({ "parameter": "page", "expected": "one of firstId, limit, filter" }),
        ),
    ] {
        let Error::Rpc(error) = client.call::<Value>("whole.list", &params).await.unwrap_err() else { panic!() };
        assert_eq!((error.code().get(), error.message()), (-32602, &*format!("Invalid params: {message}")));
        assert_eq!(serde_json::from_str::<Value>(error.data().unwrap().get()).unwrap(), data, "{params}");
    }
    for surplus in [json!([1, 2, null, 4]), json!([])] {
        let error = client.call::<Value>("whole.list", &surplus).await.unwrap_err();
        assert!(matches!(&error, Error::Rpc(error) if error.code().get() == -32602), "{surplus}: {error:?}");
    }
}
