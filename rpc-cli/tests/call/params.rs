//! Where params come from, and how the description gives them types.

use rpc::openrpc::Info;
use rpc::{RpcError, Server};
use serde_json::{Value, json};
use support::Peer;

use crate::binary::rpc;

#[derive(Debug, thiserror::Error, RpcError)]
#[rpc(openrpc)]
enum ShopError {
    #[error("none left")]
    #[rpc(code = 7)]
    SoldOut,
}

#[rpc::service(namespace = "shop", openrpc)]
trait Shop {
    #[rpc(readonly)]
    async fn find(&self, code: String, limit: Option<u32>) -> Value;
}

#[rpc::service(namespace = "till", openrpc, params = "positional")]
trait Till {
    async fn buy(&self, code: String, count: Option<u32>, note: Option<String>) -> Result<Value, ShopError>;
}

struct Shelf;

impl Shop for Shelf {
    async fn find(&self, code: String, limit: Option<u32>) -> Value {
        json!({ "code": code, "limit": limit })
    }
}

impl Till for Shelf {
    async fn buy(&self, code: String, count: Option<u32>, note: Option<String>) -> Result<Value, ShopError> {
        if count == Some(0) { Err(ShopError::SoldOut) } else { Ok(json!([code, count, note])) }
    }
}

async fn shop() -> String {
    let server = Server::builder().service(ShopServer::new(Shelf)).service(TillServer::new(Shelf));
    let server = server.openrpc(Info::new("Shop", "1")).build();
    format!("http://{}", support::serve(&server).await)
}

async fn result(args: &[&str]) -> Value {
    let ended = rpc(args).run().await;
    assert_eq!((ended.exit, ended.stderr.as_str()), (0, ""), "{args:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Returns what a peer without a description received.
async fn received(args: &[&str], input: &str) -> Value {
    let peer = Peer::answering(|call| {
        let (id, request) = (call.id(), call.json());
        if request["method"] == "rpc.discover" {
            let error = json!({ "code": -32601, "message": "Method not found" });
            return json!({ "jsonrpc": "2.0", "id": id, "error": error });
        }
        json!({ "jsonrpc": "2.0", "id": id, "result": request["params"] })
    })
    .await;
    let ended = rpc(&[&["call", &peer.url(), "m"], args].concat()).input(input).run().await;
    assert_eq!((ended.exit, ended.stderr.as_str()), (0, ""), "{args:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

#[tokio::test]
async fn names_have_the_types_of_the_description() {
    let url = shop().await;
    assert_eq!(result(&["call", &url, "shop.find", "code=1"]).await, json!({ "code": "1", "limit": null }));
    let found = result(&["call", &url, "shop.find", "code=a=b", "limit=2"]).await;
    assert_eq!(found, json!({ "code": "a=b", "limit": 2 }));
}

#[tokio::test]
async fn names_are_sent_by_position_where_the_description_wants_that() {
    let url = shop().await;
    assert_eq!(result(&["call", &url, "till.buy", "code=1"]).await, json!(["1", null, null]));
    assert_eq!(result(&["call", &url, "till.buy", "note=3", "code=1"]).await, json!(["1", null, "3"]));
    let ended = rpc(&["call", &url, "till.buy", "count=2"]).run().await;
    assert_eq!(ended.exit, 2);
    assert_eq!(ended.stderr, "error: the parameter `code` is missing: it is required\n");
}

#[tokio::test]
async fn params_that_do_not_fit_the_description_are_not_sent() {
    let url = shop().await;
    for (params, message) in [
        (&["limit=many", "code=1"][..], "the parameter `limit` is an integer or null, and \"many\" is not"),
        (&["cod=1"], "the method has no parameter `cod`: did you mean `code`?"),
    ] {
        let ended = rpc(&[&["call", &url, "shop.find"], params].concat()).run().await;
        assert_eq!(ended.exit, 2);
        assert_eq!(ended.stderr, format!("error: {message}\n"));
    }
}

#[tokio::test]
async fn a_server_without_a_description_gets_an_object() {
    let params = received(&["id=1", "name=a b", "tags=[\"x\"]", "note=null"], "").await;
    assert_eq!(params, json!({ "id": 1, "name": "a b", "tags": ["x"], "note": null }));
    assert_eq!(received(&[], "").await, Value::Null);
}

#[tokio::test]
async fn a_description_can_be_a_file() {
    let path = std::env::temp_dir().join(format!("rpc-cli-described-{}.json", std::process::id()));
    let param = json!({ "name": "id", "schema": { "type": "string" } });
    let method = json!({ "name": "m", "params": [param], "x-effect": "none" });
    let document = json!({ "openrpc": "1.3.2", "info": { "title": "T", "version": "1" }, "methods": [method] });
    std::fs::write(&path, document.to_string()).unwrap();
    let params = received(&["id=1", "--description", path.to_str().unwrap()], "").await;
    std::fs::remove_file(&path).unwrap();
    assert_eq!(params, json!({ "id": "1" }));
}

#[tokio::test]
async fn params_come_from_files_and_from_standard_input() {
    let path = std::env::temp_dir().join(format!("rpc-cli-call-{}.json", std::process::id()));
    std::fs::write(&path, "{\"from\": \"file\"}\n").unwrap();
    let from_file = received(&[&format!("@{}", path.display())], "").await;
    std::fs::remove_file(&path).unwrap();
    assert_eq!(from_file, json!({ "from": "file" }));
    assert_eq!(received(&["-"], "[1]\n").await, json!([1]));
    assert_eq!(received(&["@-"], "{\"a\":[]}").await, json!({ "a": [] }));
}

#[tokio::test]
async fn the_description_says_whether_a_call_has_an_effect() {
    // A readonly call asks for no ticket.
    let ended = rpc(&["call", &shop().await, "shop.find", "code=1", "--dump"]).run().await;
    assert_eq!(ended.exit, 0);
    assert!(!ended.stderr.contains("HEAD"), "{}", ended.stderr);
}
