//! axum routes next to JSON-RPC on a standalone server.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Extension, Router};
use futures_util::stream;
use rpc::health::Health;
use rpc::tls::{Tls, TlsInfo};
use rpc::{Client, Lifecycle, Limits, Server, ServerBuilder, ServerPhase};
use rustls::pki_types::ServerName;
use support::raw_http::{Connection, TEST_TIMEOUT, exchange, request};
use support::{PING, PONG, serve, serve_app};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use crate::listeners::Served;
use crate::tls::Authority;

fn builder(routes: Router) -> ServerBuilder {
    Server::builder().method("ping", || async { "pong" }).health(Health::new()).routes(routes)
}

fn read(path: &str) -> Vec<u8> {
    request(&format!("GET {path} HTTP/1.1"), &[("host", "localhost")], b"")
}

fn upload(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    request(&format!("POST {path} HTTP/1.1"), &[("host", "localhost"), ("content-length", &length)], body)
}

/// A body of the parts that are sent, until the channel closes.
fn streamed(parts: mpsc::UnboundedReceiver<&'static str>) -> Body {
    Body::from_stream(stream::unfold(parts, async |mut parts| {
        let part = parts.recv().await?;
        Some((Ok::<_, Infallible>(Bytes::from_static(part.as_bytes())), parts))
    }))
}

/// Routes with one at `/events`, which streams what is sent.
fn events() -> (mpsc::UnboundedSender<&'static str>, Router) {
    let (send, parts) = mpsc::unbounded_channel();
    let parts = Arc::new(Mutex::new(Some(parts)));
    let events = move || {
        let parts = parts.lock().unwrap().take().expect("it is read once");
        async move { streamed(parts) }
    };
    (send, Router::new().route("/events", get(events)))
}

fn browser(http2: bool) -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy();
    if http2 { builder.http2_prior_knowledge() } else { builder }.build().unwrap()
}

#[tokio::test]
async fn routes_are_served_beside_calls_and_pages() {
    let routes = Router::new()
        .route("/users/{id}", get(|Path(id): Path<u32>| async move { format!("user {id}") }))
        .route("/", get(|| async { "of a route" }))
        .route("/health/live", get(|| async { "of a route" }));
    let addr = serve(&builder(routes).build()).await;
    let mut connection = Connection::open(addr).await;
    connection.send(&read("/users/7")).await;
    assert_eq!(connection.reply().await.text(), "user 7");
    connection.send(&support::raw_http::post(PING)).await;
    assert_eq!(connection.reply().await.text(), PONG);
    connection.send(&read("/health/live")).await;
    assert_eq!(connection.reply().await.text(), r#"{"status":"live"}"#);
    // The path of calls belongs to calls alone.
    connection.send(&read("/")).await;
    assert_eq!(connection.reply().await.status, 405);
}

#[tokio::test]
async fn what_no_route_answers_is_refused_in_json_rpc_unless_the_router_says_more() {
    let plain = serve(&builder(Router::new().route("/a", get(|| async { StatusCode::NOT_FOUND }))).build()).await;
    let reply = exchange(plain, &support::raw_http::request("POST /b HTTP/1.1", &[("host", "localhost")], b"")).await;
    assert_eq!((reply.status, reply.header("rpc-refused")), (404, Some("all")));
    assert!(reply.text().contains("nothing is served at this path"), "{reply:?}");
    // The server does not change a route's own answer.
    let reply = exchange(plain, &read("/a")).await;
    assert_eq!((reply.status, reply.text()), (404, ""));
    let mut head = Connection::open(plain).await;
    head.send(&request("HEAD /b HTTP/1.1", &[("host", "localhost")], b"")).await;
    let reply = head.reply_with_body(false).await;
    assert_eq!((reply.status, reply.header("rpc-refused")), (404, Some("all")));
    head.send(&read("/a")).await;
    assert_eq!(head.reply().await.status, 404);

    let own = Router::new().route("/a", get(|| async {})).fallback(|| async { (StatusCode::NOT_FOUND, "mine") });
    let own = serve(&builder(own).build()).await;
    assert_eq!(exchange(own, &read("/b")).await.text(), "mine");
    // For a route, axum itself reports the allowed methods.
    let reply = exchange(own, &upload("/a", b"")).await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET,HEAD")));
}

#[tokio::test]
async fn a_head_has_the_length_of_the_answer_and_no_body() {
    let addr = serve(&builder(Router::new().route("/a", get(|| async { "text" }))).build()).await;
    let mut connection = Connection::open(addr).await;
    connection.send(&request("HEAD /a HTTP/1.1", &[("host", "localhost")], b"")).await;
    let reply = connection.reply_with_body(false).await;
    assert_eq!((reply.status, reply.header("content-length")), (200, Some("4")));
    connection.send(&read("/a")).await;
    assert_eq!(connection.reply().await.text(), "text");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_or_while_it_is_read() {
    let limits = Limits::default().max_request_bytes(10);
    let routes = Router::new().route("/echo", post(|body: Bytes| async { body }));
    let addr = serve(&builder(routes).limits(limits).build()).await;
    let reply = exchange(addr, &upload("/echo", &[b'x'; 10])).await;
    assert_eq!((reply.status, reply.text()), (200, "xxxxxxxxxx"));
    let reply = exchange(addr, &upload("/echo", &[b'x'; 11])).await;
    assert_eq!(reply.status, 413);
    assert!(reply.text().contains("-32090"), "{reply:?}");
    let chunked = [("host", "localhost"), ("transfer-encoding", "chunked")];
    for (chunks, status) in [("5\r\nxxxxx\r\n0\r\n\r\n", 200), ("8\r\nxxxxxxxx\r\n8\r\nxxxxxxxx\r\n0\r\n\r\n", 413)] {
        let reply = exchange(addr, &request("POST /echo HTTP/1.1", &chunked, chunks.as_bytes())).await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_makes_no_progress_fails_where_it_is_read() {
    let routes = Router::new().route("/echo", post(|body: Bytes| async { body }));
    let served = Served::new(&builder(routes).build(), None);
    let mut connection = served.connect();
    let start = Instant::now();
    connection.send(&upload("/echo", b"whole")[..]).await;
    assert_eq!(connection.reply().await.text(), "whole");
    let whole = upload("/echo", b"not whole");
    connection.send(&whole[..whole.len() - 1]).await;
    assert_eq!(connection.reply().await.status, 400);
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_route_that_reads_no_body_keeps_its_connection() {
    let routes = Router::new().route("/drop", post(|| async { "dropped" }));
    let addr = serve(&builder(routes).build()).await;
    let mut connection = Connection::open(addr).await;
    for _ in 0..2 {
        connection.send(&upload("/drop", &[b'x'; 300_000])).await;
        assert_eq!(connection.reply().await.text(), "dropped");
    }
}

#[tokio::test]
async fn an_answer_streams_while_the_route_makes_it() {
    for http2 in [false, true] {
        let (send, routes) = events();
        let addr = serve(&builder(routes).build()).await;
        let mut response = browser(http2).get(format!("http://{addr}/events")).send().await.unwrap();
        for part in ["one", "two"] {
            send.send(part).unwrap();
            assert_eq!(timeout(TEST_TIMEOUT, response.chunk()).await.unwrap().unwrap().unwrap(), part);
        }
        drop(send);
        assert_eq!(response.text().await.unwrap(), "");
    }
}

#[tokio::test]
async fn a_large_answer_of_a_route_arrives_whole() {
    let text = "0123456789".repeat(300_000);
    let answer = text.clone();
    let addr = serve(&builder(Router::new().route("/large", get(|| async { answer }))).build()).await;
    for http2 in [false, true] {
        let response = browser(http2).get(format!("http://{addr}/large")).send().await.unwrap();
        assert_eq!(response.content_length(), Some(3_000_000));
        assert!(response.text().await.unwrap() == text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_silent_for_long_is_not_idle_and_the_connection_is_after_it() {
    let (send, routes) = events();
    let served = Served::new(&builder(routes).build(), None);
    let mut stream = served.stream();
    stream.write_all(&read("/events")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1000)).await;
    send.send("late").unwrap();
    drop(send);
    let start = Instant::now();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("4\r\nlate\r\n0\r\n\r\n"), "{answer}");
    assert_eq!(start.elapsed().as_secs(), 75);
}

#[tokio::test]
async fn a_stream_that_breaks_off_does_not_look_whole() {
    let parts = || [Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("broke off"))];
    let panics = || stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, Infallible>>> { panic!("in a body") });
    let routes = Router::new()
        .route("/error", get(move || async move { Body::from_stream(stream::iter(parts())) }))
        .route("/panic", get(move || async move { Body::from_stream(panics()) }));
    let addr = serve(&builder(routes).build()).await;
    for path in ["/error", "/panic"] {
        for http2 in [false, true] {
            let response = browser(http2).get(format!("http://{addr}{path}")).send().await;
            let whole = match response {
                Ok(response) => response.bytes().await,
                Err(error) => Err(error),
            };
            assert!(whole.is_err(), "{path} {http2}");
        }
    }
    let client = Client::new(format!("http://{addr}")).unwrap();
    assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong");
}

#[tokio::test]
async fn a_route_that_panics_is_answered_with_500_and_its_connection_goes_on() {
    let routes = Router::new()
        .route(
            "/panic",
            get(|| async {
                if true {
                    panic!("in a route")
                }
            }),
        )
        .route("/a", get(|| async { "text" }));
    let addr = serve(&builder(routes).build()).await;
    let mut connection = Connection::open(addr).await;
    connection.send(&read("/panic")).await;
    assert_eq!(connection.reply().await.status, 500);
    connection.send(&read("/a")).await;
    assert_eq!(connection.reply().await.text(), "text");
}

#[tokio::test]
async fn a_drain_waits_for_the_stream_of_a_route() {
    let (send, routes) = events();
    let server = builder(routes).build().bind("127.0.0.1:0").await.unwrap().spawn();
    let mut connection = Connection::open(server.local_addr()).await;
    connection.send(&read("/events")).await;
    assert!(connection.sees(b"HTTP/1.1 200 OK\r\n").await);
    let lifecycle = server.lifecycle();
    let ended = tokio::spawn(server.shutdown());
    lifecycle.wait_for(ServerPhase::Draining).await;
    send.send("last words").unwrap();
    assert!(!ended.is_finished());
    drop(send);
    let rest = String::from_utf8(connection.rest().await).unwrap();
    assert!(rest.ends_with("last words\r\n0\r\n\r\n"), "{rest}");
    timeout(TEST_TIMEOUT, ended).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_an_end_is_cut_with_the_drain() {
    let (send, routes) = events();
    let served = Served::new(&builder(routes).build(), None);
    let mut connection = served.connect();
    connection.send(&read("/events")).await;
    assert!(connection.sees(b"HTTP/1.1 200 OK\r\n").await);
    let start = Instant::now();
    served.handle.shutdown().await;
    assert_eq!(start.elapsed().as_secs(), 30);
    // The client can see that the stream is incomplete.
    assert!(!connection.rest().await.ends_with(b"0\r\n\r\n"));
    assert!(send.is_closed());
}

#[tokio::test]
async fn a_stream_may_end_itself_when_the_server_drains() {
    let begun = Arc::new(Notify::new());
    let begins = Arc::clone(&begun);
    let until_drain = move |Extension(lifecycle): Extension<Lifecycle>| {
        let begins = Arc::clone(&begins);
        async move {
            Body::from_stream(stream::once(async move {
                begins.notify_one();
                lifecycle.wait_for(ServerPhase::Draining).await;
                Ok::<_, Infallible>(Bytes::from_static(b"bye"))
            }))
        }
    };
    let server = builder(Router::new().route("/events", get(until_drain))).build();
    let server = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let response = browser(true).get(format!("http://{}/events", server.local_addr())).send().await.unwrap();
    begun.notified().await;
    let ended = tokio::spawn(server.shutdown());
    assert_eq!(response.text().await.unwrap(), "bye");
    timeout(TEST_TIMEOUT, ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn routes_are_told_of_their_connection() {
    let authority = Authority::new();
    let issued = authority.issue(&["localhost"], &[]);
    let tls = Tls::from_pem(issued.certificate.pem(), issued.key.serialize_pem()).unwrap();
    let told = |ConnectInfo(peer): ConnectInfo<SocketAddr>, Extension(tls): Extension<TlsInfo>| async move {
        format!("{} {}", peer.ip(), tls.protocol_version())
    };
    let addr = serve(&builder(Router::new().route("/told", get(told))).tls(tls).build()).await;
    let connector = TlsConnector::from(Arc::new(authority.client()));
    let stream = TcpStream::connect(addr).await.unwrap();
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    let mut connection = Connection::over(stream);
    connection.send(&read("/told")).await;
    assert_eq!(connection.reply().await.text(), "127.0.0.1 1.3");
}

#[tokio::test]
async fn a_router_of_a_server_has_its_routes() {
    let routes = Router::new().route("/version", get(|| async { "1.0.0" }));
    let addr = serve_app(Router::new().nest("/rpc", builder(routes).build().into_router())).await;
    assert_eq!(exchange(addr, &read("/rpc/version")).await.text(), "1.0.0");
    let client = Client::new(format!("http://{addr}/rpc")).unwrap();
    assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong");
}
