//! The older form of streams, for clients without the subprotocol.

use futures_util::{StreamExt, stream};
use rpc::{ErrorObject, Server, Stream, WebSocketSettings};
use serde_json::{Value, json};
use support::serve;
use support::websocket::WebSocket;
use tokio::sync::mpsc;

fn notification(method: &str, subscription: &Value, result: impl Into<Value>) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": { "subscription": subscription, "result": result.into() } })
}

#[rpc::service(namespace = "chain")]
trait Chain {
    #[rpc(stream, subscribe = "eth_subscribe", topic = "newHeads", unsubscribe = "eth_unsubscribe")]
    fn heads(&self) -> impl Stream<Item = u64> + Send;

    #[rpc(stream, subscribe = "eth_subscribe", topic = "logs", unsubscribe = "eth_unsubscribe")]
    fn logs(&self, from: u64) -> impl Stream<Item = u64> + Send;
}

struct Numbers;

impl Chain for Numbers {
    fn heads(&self) -> impl Stream<Item = u64> + Send {
        stream::iter([1]).chain(stream::pending())
    }

    fn logs(&self, from: u64) -> impl Stream<Item = u64> + Send {
        stream::iter([from]).chain(stream::pending())
    }
}

/// Returns a server of the streams `count` and `fails`.
fn counting(settings: WebSocketSettings) -> Server {
    Server::builder()
        .stream("count", |(to,): (u64,)| async move { stream::iter(1..=to) })
        .try_stream("fails", || async { Ok(stream::iter([Ok(1), Err(ErrorObject::new(1001, "closed"))])) })
        .stream("never", || async { stream::pending::<u64>() })
        .method("ping", || async { "pong" })
        .websocket(settings)
        .build()
}

/// Opens a subscription and returns its id.
async fn subscribe(socket: &mut WebSocket, method: &str, params: Value) -> Value {
    socket.call(method, params, 7).await;
    let answer = socket.receive().await;
    assert_eq!(answer["id"], json!(7));
    let id = answer["result"].as_str().expect("a subscription has an id");
    assert!(id.len() == 18 && id.starts_with("0x"), "{id}");
    answer["result"].clone()
}

#[tokio::test]
async fn subscription_has_an_id_of_its_own_and_ends_without_a_word() {
    let mut socket = WebSocket::open_older(serve(&counting(WebSocketSettings::default())).await).await;
    let id = subscribe(&mut socket, "count", json!([2])).await;
    assert_eq!(socket.receive().await, notification("count", &id, 1));
    assert_eq!(socket.receive().await, notification("count", &id, 2));
    let id = subscribe(&mut socket, "fails", json!([])).await;
    assert_eq!(socket.receive().await, notification("fails", &id, 1));
    socket.call("ping", json!([]), 8).await;
    assert_eq!(socket.receive().await, json!({ "jsonrpc": "2.0", "result": "pong", "id": 8 }));
    socket.call("rpc.unsubscribe", json!([id]), 9).await;
    assert_eq!(socket.receive().await, json!({ "jsonrpc": "2.0", "result": false, "id": 9 }));
}

#[tokio::test]
async fn error_at_the_end_is_told_if_the_server_has_the_setting() {
    let settings = WebSocketSettings::default().subscription_errors(true);
    let mut socket = WebSocket::open_older(serve(&counting(settings)).await).await;
    let id = subscribe(&mut socket, "fails", json!([])).await;
    assert_eq!(socket.receive().await, notification("fails", &id, 1));
    let error = json!({ "code": 1001, "message": "closed" });
    let told = json!({ "jsonrpc": "2.0", "method": "fails", "params": { "subscription": id, "error": error } });
    assert_eq!(socket.receive().await, told);
}

#[tokio::test]
async fn unsubscribing_drops_the_stream() {
    let (items, more) = mpsc::channel::<u64>(1);
    let more = std::sync::Mutex::new(Some(more));
    let server = Server::builder()
        .stream("sent", move || {
            let more = more.lock().unwrap().take().unwrap();
            async move { stream::unfold(more, |mut more| async move { Some((more.recv().await?, more)) }) }
        })
        .build();
    let mut socket = WebSocket::open_older(serve(&server).await).await;
    let id = subscribe(&mut socket, "sent", json!([])).await;
    items.send(1).await.unwrap();
    assert_eq!(socket.receive().await, notification("sent", &id, 1));
    for expected in [true, false] {
        socket.call("rpc.unsubscribe", json!([id]), 9).await;
        assert_eq!(socket.receive().await, json!({ "jsonrpc": "2.0", "result": expected, "id": 9 }));
    }
    items.closed().await;
}

#[tokio::test]
async fn messages_have_neither_the_member_rpc_nor_controls() {
    let mut socket = WebSocket::open_older(serve(&counting(WebSocketSettings::default())).await).await;
    let id = subscribe(&mut socket, "never", json!([])).await;
    socket.notify("rpc.cancel", json!({ "id": id })).await;
    let call = json!({ "jsonrpc": "2.0", "method": "ping", "id": 1, "rpc": { "authorization": "ignored" } });
    socket.send(&call).await;
    assert_eq!(socket.receive().await, json!({ "jsonrpc": "2.0", "result": "pong", "id": 1 }));
    socket.call("none", json!([]), 2).await;
    let refused = socket.receive().await;
    assert_eq!((&refused["error"]["code"], refused.get("rpc")), (&json!(-32601), None));
}

#[tokio::test]
async fn topics_open_streams_under_the_names_of_their_subscriptions() {
    let server = Server::builder().service(ChainServer::new(Numbers)).build();
    let mut socket = WebSocket::open_older(serve(&server).await).await;
    let mut ids = Vec::new();
    for (method, params, item) in [
        ("eth_subscribe", json!(["newHeads"]), 1),
        ("eth_subscribe", json!(["logs", 5]), 5),
        ("chain.logs", json!({ "from": 6 }), 6),
    ] {
        let id = subscribe(&mut socket, method, params).await;
        assert_eq!(socket.receive().await, notification("eth_subscription", &id, item));
        ids.push(id);
    }
    for id in &ids[..2] {
        socket.call("eth_unsubscribe", json!([id]), 9).await;
        assert_eq!(socket.receive().await, json!({ "jsonrpc": "2.0", "result": true, "id": 9 }));
    }
    socket.call("rpc.unsubscribe", json!([ids[2]]), 9).await;
    assert_eq!(socket.receive().await["result"], json!(true));
    for (method, params, code) in [
        ("eth_subscribe", json!(["none"]), -32601),
        ("eth_subscribe", json!([]), -32601),
        ("eth_subscribe", json!(["logs", "x"]), -32602),
    ] {
        socket.call(method, params, 9).await;
        assert_eq!(socket.receive().await["error"]["code"], json!(code));
    }
    socket.call("eth_unsubscribe", json!([]), 9).await;
    assert_eq!(socket.receive().await["result"], json!(false));
}
