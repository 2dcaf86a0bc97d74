//! A peer that answers with prepared bytes.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rpc::{Client, ClientBuilder, Retry};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A request as it arrived at a [`Peer`].
#[derive(Clone, Debug)]
pub struct Received {
    head: String,
    pub body: Vec<u8>,
}

impl Received {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Returns the first line.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the id of a call.
    pub fn id(&self) -> Value {
        self.json()["id"].clone()
    }

    /// Returns the ids of the entries of a batch.
    pub fn ids(&self) -> Vec<Value> {
        self.json().as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect()
    }

    /// Returns the methods of the entries of a batch.
    pub fn methods(&self) -> Vec<String> {
        let entries = self.json();
        entries.as_array().unwrap().iter().map(|entry| entry["method"].as_str().unwrap().to_owned()).collect()
    }
}

/// What a [`Peer`] does with a request.
pub enum Answer {
    /// These bytes. Then the connection ends.
    Bytes(Vec<u8>),
    /// These bytes, and then nothing more. The connection stays open.
    Stall(Vec<u8>),
}

impl From<Vec<u8>> for Answer {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl Answer {
    /// Returns the bytes to send, and whether the connection then stays open.
    fn parts(&self) -> (&[u8], bool) {
        match self {
            Self::Bytes(bytes) => (bytes, false),
            Self::Stall(bytes) => (bytes, true),
        }
    }
}

/// An HTTP server without JSON-RPC. It answers with bytes that the test prepares, and serves one request per
/// connection.
pub struct Peer {
    addr: SocketAddr,
    connections: Arc<AtomicUsize>,
    heads: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Received>>>,
}

impl Peer {
    /// Starts a peer with its answer to each request. It answers HEAD like a server that does not know that method, and
    /// does not add it to the recorded requests.
    pub async fn start(answer: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_with(http("405 Method Not Allowed", &[], ""), answer).await
    }

    /// Starts a peer with its answer to HEAD, and its answer to each other request.
    pub async fn start_with(
        head: impl Into<Answer>,
        answer: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let heads = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let peer = Self {
            addr,
            connections: Arc::clone(&connections),
            heads: Arc::clone(&heads),
            requests: Arc::clone(&requests),
        };
        let answer = Arc::new((head.into(), answer));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::Relaxed);
                let (heads, requests, answer) = (Arc::clone(&heads), Arc::clone(&requests), Arc::clone(&answer));
                tokio::spawn(async move {
                    let Some(request) = receive(&mut stream).await else { return };
                    let (head, answer) = &*answer;
                    let of_call;
                    let (bytes, stall) = if request.line().starts_with("HEAD") {
                        heads.fetch_add(1, Ordering::Relaxed);
                        head.parts()
                    } else {
                        requests.lock().unwrap().push(request.clone());
                        of_call = answer(&request);
                        of_call.parts()
                    };
                    // The client may already have disconnected.
                    let _ = stream.write_all(bytes).await;
                    if stall {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        peer
    }

    /// Starts a peer that answers with status 200. `body` returns the body of each answer.
    pub async fn answering<T: Display>(body: impl Fn(&Received) -> T + Send + Sync + 'static) -> Self {
        Self::start(move |request| Answer::Bytes(http("200 OK", &[], &body(request).to_string()))).await
    }

    /// Starts a peer that answers with status 200 and marks all errors as its own. `body` returns the body of each
    /// answer.
    pub async fn failing<T: Display>(body: impl Fn(&Received) -> T + Send + Sync + 'static) -> Self {
        let answer = move |request: &Received| http("200 OK", &["rpc-fault: all"], &body(request).to_string());
        Self::start(move |request| Answer::Bytes(answer(request))).await
    }

    pub async fn silent() -> Self {
        Self::start(|_| Answer::Stall(Vec::new())).await
    }

    pub fn addr(&self) -> String {
        self.addr.to_string()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Returns a client that sends each call once.
    pub fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    pub fn builder(&self) -> ClientBuilder {
        Client::builder().endpoint(self.url()).retry(Retry::never())
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Returns how many HEAD requests have arrived.
    pub fn heads(&self) -> usize {
        self.heads.load(Ordering::Relaxed)
    }

    pub fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }

    /// Asserts that no request has arrived so far. Connections are accepted in order, so an earlier one would be seen.
    pub async fn assert_untouched(&self) {
        let _ = self.client().call::<Value>("last", ()).await;
        assert_eq!(self.connections(), 1);
        assert_eq!(self.requests().len(), 1);
    }
}

/// Reads a request with its body. Returns `None` if the connection ends before that.
pub async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let mut request = Received { head: String::from_utf8(head).unwrap(), body: Vec::new() };
    request.body = vec![0; request.header("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut request.body).await.ok()?;
    Some(request)
}

/// Writes an HTTP answer.
pub fn http(status: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}
