//! Handlers that call their peers by the framework's own clients. The other side is written by hand.

use std::sync::Arc;

use rpc::{Client, Context, ErrorObject, InternalExt, Limits, Outcome, Server};
use serde_json::{Value, json};
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use support::websocket::WebSocket;
use tokio::sync::mpsc;
use tokio::time::timeout;

#[rpc::service(namespace = "member")]
trait Member {
    async fn message(&self, text: String);

    #[rpc(readonly)]
    async fn ask(&self, number: u64) -> u64;
}

#[rpc::service]
trait Room {
    async fn relay(&self, number: u64, #[rpc(context)] cx: &Context) -> Result<u64, ErrorObject>;

    async fn tell(&self, text: String, #[rpc(context)] cx: &Context) -> Result<(), ErrorObject>;

    async fn keep(&self, #[rpc(context)] cx: &Context) -> Result<(), ErrorObject>;
}

struct Hall {
    kept: mpsc::UnboundedSender<MemberClient>,
}

impl Room for Hall {
    async fn relay(&self, number: u64, cx: &Context) -> Result<u64, ErrorObject> {
        let member: MemberClient = cx.peer().internal()?;
        Ok(member.ask(number).await.internal()?)
    }

    async fn tell(&self, text: String, cx: &Context) -> Result<(), ErrorObject> {
        let client: Client = cx.peer().internal()?;
        Ok(client.notify("member.message", json!({ "text": text })).await.internal()?)
    }

    async fn keep(&self, cx: &Context) -> Result<(), ErrorObject> {
        Ok(self.kept.send(cx.peer().internal()?).internal()?)
    }
}

/// How many calls a connection may have in flight.
const CAP: u64 = 4;

fn room() -> (Server, mpsc::UnboundedReceiver<MemberClient>) {
    let (kept, keeps) = mpsc::unbounded_channel();
    let limits = Limits::default().max_connection_calls(CAP as usize);
    (Server::builder().service(RoomServer::new(Hall { kept })).limits(limits).build(), keeps)
}

fn result(result: impl Into<Value>, id: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "result": result.into(), "id": id })
}

#[tokio::test]
async fn typed_clients_of_peers_share_a_session() {
    let mut socket = WebSocket::open(serve(&room().0).await).await;
    for id in 0..CAP {
        socket.call("relay", json!([id * 10]), id).await;
    }
    let mut calls = Vec::new();
    for _ in 0..CAP {
        calls.push(socket.receive().await);
    }
    // All handlers that the connection may have wait for these answers.
    for call in calls.iter().rev() {
        assert_eq!(call["method"], "member.ask");
        assert!(calls.iter().filter(|other| other["id"] == call["id"]).count() == 1, "{calls:?}");
        let number = call["params"]["number"].as_u64().unwrap();
        socket.send(&result(number + 1, &call["id"])).await;
        assert_eq!(socket.receive().await, result(number + 1, &json!(number / 10)));
    }
}

#[tokio::test]
async fn notifications_to_the_peer_come_before_the_answer_of_their_handler() {
    let mut socket = WebSocket::open(serve(&room().0).await).await;
    for id in 0..10 {
        socket.call("tell", json!(["hi"]), id).await;
        let told = socket.receive().await;
        assert_eq!((&told["method"], &told["params"]), (&json!("member.message"), &json!({ "text": "hi" })));
        assert_eq!(socket.receive().await, result(Value::Null, &json!(id)));
    }
}

#[tokio::test]
async fn kept_clients_fail_at_once_after_the_end_of_their_session() {
    let (server, mut keeps) = room();
    let mut socket = WebSocket::open(serve(&server).await).await;
    socket.call("keep", json!([]), 1).await;
    let member = Arc::new(keeps.recv().await.unwrap());
    assert_eq!(socket.receive().await, result(Value::Null, &json!(1)));
    let waiting = tokio::spawn({
        let member = Arc::clone(&member);
        async move { member.ask(1).await }
    });
    assert_eq!(socket.receive().await["method"], "member.ask");
    drop(socket);
    let ended = timeout(TEST_TIMEOUT, waiting).await.expect("the end of the session ends its calls").unwrap();
    assert_eq!(ended.unwrap_err().outcome(), Outcome::Unknown);
    let late = timeout(TEST_TIMEOUT, member.ask(2)).await.expect("a late call does not wait").unwrap_err();
    assert_eq!(late.outcome(), Outcome::NotSent);
    assert!(member.message("late").notify().await.is_err());
}
