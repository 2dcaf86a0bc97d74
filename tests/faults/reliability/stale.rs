//! A peer that closes each connection just after its answer, without announcing it in the answer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rpc::{Client, ClientBuilder, Outcome, Retry};
use serde_json::Value;
use support::frames::{Frames, Request};
use support::{receive, result};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::reliability::certificate;

const CALLS: u64 = 400;
const DEADLINE: Duration = Duration::from_secs(3);

/// How many times each call arrived at the peer.
type Came = Arc<Mutex<HashMap<u64, u32>>>;

/// How a peer closes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Close {
    /// It ends TLS first, if the connection uses TLS.
    Orderly,
    /// It only closes the socket.
    Abrupt,
    /// It speaks HTTP/2, and only closes the socket.
    Http2,
}

/// A server that announces no store. It runs on its own thread, so that it closes while the client reads.
struct Peer {
    addr: SocketAddr,
    came: Came,
    /// Ends the peer when it is dropped.
    _end: oneshot::Sender<()>,
}

impl Peer {
    async fn start(tls: Option<TlsAcceptor>, close: Close) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (addr, came) = (listener.local_addr().unwrap(), Came::default());
        let (end, ended) = oneshot::channel::<()>();
        let counts = Arc::clone(&came);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, tls, close, counts) => {}
                    _ = ended => {}
                }
            });
        });
        Self { addr, came, _end: end }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, close: Close, came: Came) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (tls, came) = (tls.clone(), Arc::clone(&came));
        tokio::spawn(async move {
            match tls {
                Some(tls) => {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    serve(stream, close, &came).await;
                }
                None if close == Close::Http2 => serve_http2(stream, &came).await,
                None => serve(stream, close, &came).await,
            }
        });
    }
}

/// Counts a call, and returns its answer.
fn note(came: &Came, call: &[u8]) -> String {
    let call: Value = serde_json::from_slice(call).unwrap();
    let number = call["params"][0].as_u64().unwrap();
    *came.lock().unwrap().entry(number).or_default() += 1;
    result(&call["id"], number)
}

/// Answers one request as if more could follow, and closes.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, close: Close, came: &Came) {
    let Some(request) = receive(&mut stream).await else { return };
    let answer = if request.line().starts_with("HEAD") { String::new() } else { note(came, &request.body) };
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
    // The client may have left.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.flush().await;
    if close == Close::Orderly {
        let _ = stream.shutdown().await;
    }
}

/// Makes calls one after another that must not run twice. Each is sent once. Only few outcomes may be unknown: those of
/// calls that were written before the client noticed the end of the connection.
async fn call(peer: &Peer, scheme: &str, client: ClientBuilder) {
    let client =
        client.endpoint(format!("{scheme}://{}", peer.addr)).retry(Retry::never()).deadline(DEADLINE).build().unwrap();
    let mut unknown = Vec::new();
    for number in 0..CALLS {
        match client.call::<u64>("once", [number]).await {
            Ok(result) => assert_eq!(result, number),
            Err(error) => {
                // A request that hyper passes to a connection at the moment of its end may stay in their channel, which
                // hyper's side of the request keeps alive. No task answers it, and it is known not to have been sent.
                assert!(matches!(error.outcome(), Outcome::Unknown | Outcome::NotSent), "{error:?}");
                unknown.push(number);
            }
        }
    }
    let came = peer.came.lock().unwrap();
    assert!(came.values().all(|count| *count == 1), "a call came twice");
    println!("{} of {CALLS} calls are unknown", unknown.len());
    assert!(unknown.len() <= 20, "{} of {CALLS} calls are unknown", unknown.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_peer_closes_after_its_answer_takes_no_more_calls() {
    for close in [Close::Orderly, Close::Abrupt] {
        call(&Peer::start(None, close).await, "http", Client::builder()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_with_tls_that_the_peer_closes_after_its_answer_takes_no_more_calls() {
    for close in [Close::Orderly, Close::Abrupt] {
        let (server, config) = certificate::pair(&[b"http/1.1"]);
        call(&Peer::start(Some(server), close).await, "https", Client::builder().tls_config(config)).await;
    }
}

/// Answers one call over HTTP/2, and closes without a GOAWAY.
async fn serve_http2(stream: TcpStream, came: &Came) {
    let Some(mut frames) = Frames::accept(stream).await else { return };
    while let Some(frame) = frames.read().await {
        match frames.take(frame).await {
            Some(Request::Head { stream }) => return frames.answer_head(stream).await,
            Some(Request::Post { stream, body }) => return frames.answer(stream, &note(came, &body)).await,
            None => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http2_connection_that_the_peer_closes_after_its_answer_takes_no_more_calls() {
    call(&Peer::start(None, Close::Http2).await, "http", Client::builder().http2_prior_knowledge()).await;
}
