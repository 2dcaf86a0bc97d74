//! How WebSockets are opened: subprotocols, origins, hosts, credentials, and requests that are refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rpc::auth::Denied;
use rpc::{Context, Principal, RequestContext, Server};
use serde_json::{Value, json};
use support::raw_http::{Connection, exchange};
use support::websocket::WebSocket;
use support::{serve, serve_app};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Returns a request that opens a WebSocket, with other headers instead of some.
fn opening(changed: &[(&str, &str)]) -> String {
    let usual = [
        ("Host", "localhost"),
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
    ];
    let kept = usual.iter().filter(|(name, _)| changed.iter().all(|(changed, _)| changed != name));
    let lines = kept.chain(changed.iter().filter(|(_, value)| !value.is_empty()));
    let lines: String = lines.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("GET / HTTP/1.1\r\n{lines}\r\n")
}

fn pinging() -> Server {
    Server::builder().method("ping", || async { "pong" }).allow_origin("https://app.example").build()
}

#[tokio::test]
async fn response_proves_that_the_key_was_read() {
    let mut connection = Connection::open(serve(&pinging()).await).await;
    let text = opening(&[("Sec-WebSocket-Protocol", "a, rpc.v1")]);
    connection.send(text.as_bytes()).await;
    let head = connection.head().await;
    assert_eq!(head.status, 101);
    let header = |name| head.header(name).map(str::to_owned);
    assert_eq!(header("sec-websocket-accept").as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(header("upgrade").as_deref(), Some("websocket"));
    assert_eq!(header("connection").as_deref(), Some("Upgrade"));
    assert_eq!(header("sec-websocket-protocol").as_deref(), Some("rpc.v1"));
}

#[tokio::test]
async fn requests_that_do_not_open_a_websocket_are_refused() {
    let addr = serve(&pinging()).await;
    for (changed, status, why) in [
        (("Sec-WebSocket-Version", "8"), 426, "the header Sec-WebSocket-Version must be 13"),
        (("Sec-WebSocket-Version", ""), 426, "the header Sec-WebSocket-Version must be 13"),
        (("Sec-WebSocket-Key", ""), 400, "the header Sec-WebSocket-Key must be 16 bytes in base64"),
        (("Sec-WebSocket-Key", "abc"), 400, "the header Sec-WebSocket-Key must be 16 bytes in base64"),
        (("Connection", "keep-alive"), 400, "the header Connection must name Upgrade"),
        (("Origin", "https://evil.example"), 403, "requests of this origin are not allowed"),
        (("Host", "evil.example"), 403, "WebSockets are not opened under this host name"),
        (("Upgrade", "h2c"), 405, "calls are sent with POST"),
        (("Upgrade", ""), 405, "calls are sent with POST"),
    ] {
        let reply = exchange(addr, opening(&[changed]).as_bytes()).await;
        assert_eq!((reply.status, &reply.json::<Value>()["error"]["data"]), (status, &json!(why)), "{changed:?}");
        assert_eq!(reply.header("sec-websocket-version"), (status == 426).then_some("13"));
    }
    let older = opening(&[]).replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(exchange(addr, older.as_bytes()).await.status, 405);
    let with_body = format!("{}a", opening(&[("Content-Length", "1")]));
    assert_eq!(exchange(addr, with_body.as_bytes()).await.status, 400);
}

#[tokio::test]
async fn connection_that_was_refused_a_websocket_goes_on() {
    let mut connection = Connection::open(serve(&pinging()).await).await;
    connection.send(opening(&[("Sec-WebSocket-Version", "8")]).as_bytes()).await;
    assert_eq!(connection.reply().await.status, 426);
    connection.send(opening(&[]).as_bytes()).await;
    assert_eq!(connection.head().await.status, 101);
}

#[tokio::test]
async fn allowed_origins_open_websockets() {
    let addr = serve(&pinging()).await;
    for origin in ["https://app.example", "http://localhost:3000"] {
        let mut socket = WebSocket::open_with(addr, &[("origin", origin)]).await.unwrap();
        socket.call("ping", json!([]), 1).await;
        assert_eq!(socket.receive().await["result"], json!("pong"));
    }
    assert_eq!(WebSocket::open_with(addr, &[("origin", "null")]).await.unwrap_err(), 403);
}

#[tokio::test]
async fn server_without_websockets_answers_405() {
    let server = Server::builder().method("ping", || async { "pong" }).without_websocket().build();
    let addr = serve(&server).await;
    assert_eq!(WebSocket::open_with(addr, &[]).await.unwrap_err(), 405);
    assert_eq!(exchange(addr, opening(&[]).as_bytes()).await.header("allow"), Some("POST, HEAD"));
}

#[tokio::test]
async fn axum_application_opens_websockets_where_the_router_is_nested() {
    let app = axum::Router::new().merge(pinging().into_router());
    let mut socket = WebSocket::open(serve_app(app).await).await;
    socket.call("ping", json!([]), 1).await;
    assert_eq!(socket.receive().await, json!({ "jsonrpc": "2.0", "result": "pong", "id": 1 }));
    socket.stream.close(None).await.unwrap();
    assert_eq!(socket.close_code().await, None);
}

#[tokio::test]
async fn caller_is_authenticated_once_for_all_messages() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let authenticate = move |request: Arc<RequestContext>| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            match request.headers.get("authorization").map(|value| value.as_bytes()) {
                None => Ok(None),
                Some(b"Bearer ada") => Ok(Some(Principal::new("ada"))),
                Some(_) => Err(Denied::unauthenticated("unknown token")),
            }
        }
    };
    let server = Server::builder()
        .authenticate(authenticate)
        .method("whoami", |cx: Context| async move { cx.principal().map(|who| who.subject().to_owned()) })
        .build();
    let addr = serve(&server).await;
    assert_eq!(WebSocket::open_with(addr, &[("authorization", "Bearer eve")]).await.unwrap_err(), 401);
    for (headers, expected) in [(&[][..], Value::Null), (&[("authorization", "Bearer ada")], json!("ada"))] {
        let before = asked.load(Ordering::Relaxed);
        let mut socket = WebSocket::open_with(addr, headers).await.unwrap();
        for id in 1..=3 {
            socket.call("whoami", json!([]), id).await;
            assert_eq!(socket.receive().await["result"], expected);
        }
        assert_eq!(asked.load(Ordering::Relaxed), before + 1);
    }
}
