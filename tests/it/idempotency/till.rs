//! A service that counts its effects, and ways to call it by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use rpc::{Answer, Client, Context, Dispatch, RequestContext, RpcError, Server, ServerBuilder};
use serde_json::{Value, json};
use support::raw_http::{Connection, Reply, post_with, request};
use support::serve;
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use super::store::TestStore;

/// Keys as clients make them.
pub(super) const UUIDS: [&str; 3] = [
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "01890a5d-ac96-774b-bcce-b302099a8058",
    "01890a5d-ac96-774b-bcce-b302099a8059",
];

#[derive(Debug, thiserror::Error, RpcError)]
pub(super) enum PayError {
    #[error("declined")]
    #[rpc(code = 1402)]
    Declined,
    #[error("busy")]
    #[rpc(code = 1503, retryable)]
    Busy,
}

#[rpc::service(namespace = "till")]
trait Counter {
    async fn pay(&self, amount: u64) -> Result<usize, PayError>;
    async fn wait(&self) -> usize;
    async fn panic(&self);
    fn panic_at_once(&self);
    fn key(&self, #[rpc(context)] cx: &Context) -> Option<String>;
    fn derived(&self, #[rpc(context)] cx: &Context) -> Option<[String; 2]>;
    #[rpc(readonly)]
    async fn total(&self) -> usize;
    #[rpc(idempotent)]
    fn reset(&self);
}

/// The counters of effects.
struct Counts {
    payments: AtomicUsize,
    reads: AtomicUsize,
    resets: AtomicUsize,
    gate: Semaphore,
    began: mpsc::UnboundedSender<()>,
}

impl Counts {
    fn pays(&self) -> usize {
        self.payments.fetch_add(1, Ordering::Relaxed) + 1
    }
}

struct Counting(Arc<Counts>);

impl Counter for Counting {
    async fn pay(&self, amount: u64) -> Result<usize, PayError> {
        let payments = self.0.pays();
        match amount {
            402 => Err(PayError::Declined),
            503 => Err(PayError::Busy),
            _ => Ok(payments),
        }
    }
    async fn wait(&self) -> usize {
        let payments = self.0.pays();
        self.0.began.send(()).unwrap();
        self.0.gate.acquire().await.unwrap().forget();
        payments
    }
    async fn panic(&self) {
        self.0.pays();
        tokio::task::yield_now().await;
        panic!("after the effect")
    }
    fn panic_at_once(&self) {
        self.0.pays();
        panic!("after the effect")
    }
    fn key(&self, cx: &Context) -> Option<String> {
        cx.idempotency_key_header().map(str::to_owned).or_else(|| Some(cx.idempotency_key()?.to_string()))
    }
    fn derived(&self, cx: &Context) -> Option<[String; 2]> {
        Some([cx.idempotency_key()?, cx.derive_key("charge")?].map(|key| key.to_string()))
    }
    async fn total(&self) -> usize {
        self.0.reads.fetch_add(1, Ordering::Relaxed)
    }
    fn reset(&self) {
        self.0.resets.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) struct Till {
    pub(super) store: TestStore,
    server: Server,
    addr: Option<SocketAddr>,
    counts: Arc<Counts>,
    begins: mpsc::UnboundedReceiver<()>,
}

impl Till {
    /// Builds a server for calls in process.
    pub(super) fn new(store: TestStore) -> Self {
        let keeps = store.clone();
        Self { store, ..Self::build(|builder| builder.idempotency_store(keeps)) }
    }

    pub(super) async fn serve(store: TestStore) -> Self {
        let till = Self::new(store);
        Self { addr: Some(serve(&till.server).await), ..till }
    }

    pub(super) async fn serve_with(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let till = Self::build(change);
        Self { addr: Some(serve(&till.server).await), ..till }
    }

    fn build(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let (began, begins) = mpsc::unbounded_channel();
        let counts = Arc::new(Counts {
            payments: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
            resets: AtomicUsize::new(0),
            gate: Semaphore::new(0),
            began,
        });
        let service = CounterServer::new(Counting(Arc::clone(&counts)));
        let server = change(Server::builder().service(service)).build();
        Self { store: TestStore::new(), server, addr: None, counts, begins }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.addr.unwrap())
    }

    pub(super) fn client(&self) -> Client {
        Client::new(self.url()).unwrap()
    }

    pub(super) fn client_of_websocket(&self) -> Client {
        Client::new(format!("ws://{}", self.addr.unwrap())).unwrap()
    }

    /// Returns a client for each kind of connection.
    pub(super) fn clients(&self) -> [Client; 2] {
        [self.client(), self.client_of_websocket()]
    }

    pub(super) fn in_process(&self) -> Client {
        Client::in_process(&self.server)
    }

    pub(super) fn payments(&self) -> usize {
        self.counts.payments.load(Ordering::Relaxed)
    }

    pub(super) fn reads(&self) -> usize {
        self.counts.reads.load(Ordering::Relaxed)
    }

    pub(super) fn resets(&self) -> usize {
        self.counts.resets.load(Ordering::Relaxed)
    }

    /// Waits until a handler waits at the gate.
    pub(super) async fn began(&mut self) {
        self.begins.recv().await.unwrap();
    }

    /// Lets one handler pass the gate.
    pub(super) fn open(&self) {
        self.counts.gate.add_permits(1);
    }

    /// Sends a request on a new connection and reads the answer.
    pub(super) async fn send(&self, body: &str, headers: &[Header]) -> Reply {
        self.begin(body, headers).await.reply().await
    }

    /// Sends a request on a new connection.
    pub(super) async fn begin(&self, body: &str, headers: &[Header]) -> Connection {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        let mut connection = Connection::open(self.addr.unwrap()).await;
        connection.send(&post_with(&headers, body)).await;
        connection
    }

    pub(super) async fn head(&self) -> Reply {
        let head = request("HEAD / HTTP/1.1", &[("host", "a"), ("connection", "close")], b"");
        let mut connection = Connection::open(self.addr.unwrap()).await;
        connection.send(&head).await;
        connection.reply_with_body(false).await
    }

    /// Dispatches a request in process, where the clock may be paused.
    pub(super) fn dispatch(&self, body: &str, headers: &[Header]) -> rpc::BoxFuture<Answer> {
        let mut context = RequestContext::default();
        for (name, value) in headers {
            context.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let context = context.counting_from_now(|| tokio::time::Instant::now().into_std());
        self.server.dispatch(Bytes::copy_from_slice(body.as_bytes()), Arc::new(context))
    }
}

pub(super) type Header = (&'static str, String);

/// Returns the header that declares the ids of a request as keys.
pub(super) fn ids<const N: usize>(keys: [&str; N]) -> Vec<Header> {
    vec![("rpc-idempotency", format!("keys={}", sum(&keys)))]
}

pub(super) fn sum(keys: &[&str]) -> Uuid {
    let numbers = keys.iter().map(|key| Uuid::try_parse(key).unwrap().as_u128());
    Uuid::from_u128(numbers.fold(0, |sum, key| sum ^ key))
}

pub(super) fn call(method: &str, params: impl Into<Value>, id: &str) -> String {
    let params: Value = params.into();
    json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": id }).to_string()
}

/// Returns why the key of a single call was refused.
#[track_caller]
pub(super) fn reason(reply: &Reply) -> String {
    let answer: Value = reply.json();
    assert_eq!(answer["error"]["code"], -32096, "{answer}");
    assert_eq!(reply.header("rpc-status"), Some("-32096"));
    answer["error"]["data"]["reason"].as_str().unwrap().to_owned()
}
