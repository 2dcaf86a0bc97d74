//! The call `rpc.announce`: what it tells, and to whom.

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use rpc::auth::Bearer;
use rpc::{Answer, AnswerStatus, BoxFuture, Client, Dispatch, Limits, Principal, RequestContext, Server};
use serde_json::{Value, json};
use support::serve;
use support::websocket::WebSocket;
use tokio::sync::Notify;

fn ask(rpc: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": "rpc.announce", "id": "a", "rpc": rpc })
}

/// Asks for the announcement. Returns its parts by name.
async fn announced(socket: &mut WebSocket, rpc: &Value) -> Vec<(String, String)> {
    socket.send(&ask(rpc)).await;
    let mut answer = socket.receive().await;
    let headers = answer["rpc"].take();
    assert_eq!(answer, json!({ "jsonrpc": "2.0", "result": null, "id": "a", "rpc": null }));
    let headers = headers.as_object().unwrap();
    assert_eq!(headers.len(), 1, "{headers:?}");
    let parts = headers["rpc-idempotency"].as_str().unwrap().split(';');
    parts.map(|part| part.split_once('=').unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn names(parts: &[(String, String)]) -> Vec<&str> {
    parts.iter().map(|(name, _)| &**name).collect()
}

#[tokio::test]
async fn announcement_names_the_store_and_the_scope_of_the_sessions_caller() {
    let tokens = Bearer::new().token("ada's", Principal::new("ada")).token("bob's", Principal::new("bob"));
    let server = Server::builder().authenticate(tokens).build();
    let addr = serve(&server).await;
    let mut scopes = Vec::new();
    for token in [Some("Bearer ada's"), Some("Bearer bob's"), None] {
        let mut headers = vec![("sec-websocket-protocol", "rpc.v1")];
        headers.extend(token.map(|token| ("authorization", token)));
        let mut socket = WebSocket::open_with(addr, &headers).await.unwrap();
        assert_eq!(names(&announced(&mut socket, &json!({})).await), ["store", "ttl", "now"]);
        let parts = announced(&mut socket, &json!({ "rpc-idempotency": "scope" })).await;
        assert_eq!(names(&parts), ["store", "ttl", "now", "scope"]);
        scopes.push(parts[3].1.clone());
    }
    assert!(scopes[0] != scopes[1] && scopes[0].len() == 16 && scopes[1].len() == 16, "{scopes:?}");
    assert_eq!(scopes[2], "none");
}

#[tokio::test]
async fn server_without_a_store_announces_nothing() {
    let server = Server::builder().without_idempotency().build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    for rpc in [json!({}), json!({ "rpc-idempotency": "scope" })] {
        socket.send(&ask(&rpc)).await;
        assert_eq!(socket.receive().await, json!({ "jsonrpc": "2.0", "result": null, "id": "a" }));
    }
}

#[tokio::test]
async fn only_calls_of_a_session_announce() {
    let server = Server::builder().method("ping", || async { "pong" }).build();
    let addr = serve(&server).await;
    let mut older = WebSocket::open_older(addr).await;
    older.send(&ask(&json!({}))).await;
    assert_eq!(older.receive().await["error"]["code"], -32601);
    let mut socket = WebSocket::open(addr).await;
    socket.send(&json!([ask(&json!({}))])).await;
    assert_eq!(socket.receive().await[0]["error"]["code"], -32601);
    socket.notify("rpc.announce", json!([])).await;
    socket.call("ping", json!([]), 1).await;
    assert_eq!(socket.receive().await["result"], "pong");
}

#[tokio::test]
async fn announcement_is_under_the_limits_of_calls() {
    let (begun, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, waits) = (Arc::clone(&begun), Arc::clone(&gate));
    let limits = Limits::default().max_connection_calls(1);
    let server = Server::builder()
        .method("wait", move || {
            let (begun, gate) = (Arc::clone(&begins), Arc::clone(&waits));
            async move {
                begun.notify_one();
                gate.notified().await;
            }
        })
        .limits(limits)
        .build();
    let handle = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let mut socket = WebSocket::open(handle.local_addr()).await;
    socket.call("wait", json!([]), 1).await;
    begun.notified().await;
    socket.send(&ask(&json!({}))).await;
    let refused = socket.receive().await;
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32092), &json!("a")));
    assert_eq!(refused["rpc"]["rpc-refused"], "all");
    gate.notify_one();
    socket.receive().await;
    announced(&mut socket, &json!({})).await;
    handle.shutdown().await;
}

/// Announces with this status and body.
struct Own(AnswerStatus, &'static str);

impl Dispatch for Own {
    fn dispatch(&self, _: Bytes, _: Arc<RequestContext>) -> BoxFuture<Answer> {
        unreachable!("the session answers")
    }

    fn announce(&self, request: Arc<RequestContext>) -> BoxFuture<Answer> {
        assert_eq!(request.headers["x-own"], "1");
        let mut answer = Answer::new(Bytes::from_static(self.1.as_bytes()), self.0);
        let headers = answer.headers.get_or_insert_default();
        headers.insert("rpc-idempotency", "store=b".parse().unwrap());
        Box::pin(ready(answer))
    }
}

#[tokio::test]
async fn own_dispatch_announces_too_and_its_refusal_is_an_error() {
    let body = r#"{"jsonrpc":"2.0","error":{"code":-32098,"message":"Forbidden"},"id":null}"#;
    let refused = AnswerStatus::Refused((-32098).into(), http::StatusCode::FORBIDDEN);
    for (dispatch, error) in [
        (Own(AnswerStatus::Success, ""), Value::Null),
        (Own(refused, body), json!({ "code": -32098, "message": "Forbidden" })),
    ] {
        let server = Server::for_dispatch(dispatch).build();
        let mut socket = WebSocket::open(serve(&server).await).await;
        socket.send(&ask(&json!({ "x-own": "1" }))).await;
        let answer = socket.receive().await;
        assert_eq!((&answer["error"], &answer["id"]), (&error, &json!("a")));
        assert_eq!(answer["rpc"], json!({ "rpc-idempotency": "store=b" }));
    }
}

#[tokio::test]
async fn connecting_does_not_wait_for_the_announcement() {
    /// Never announces.
    struct Silent;
    impl Dispatch for Silent {
        fn dispatch(&self, _: Bytes, _: Arc<RequestContext>) -> BoxFuture<Answer> {
            unreachable!("there are no calls")
        }
        fn announce(&self, _: Arc<RequestContext>) -> BoxFuture<Answer> {
            Box::pin(std::future::pending())
        }
    }
    let addr = serve(&Server::for_dispatch(Silent).build()).await;
    Client::connect(format!("ws://{addr}")).await.unwrap();
}
