//! Hedging over sockets, and what a client reports about it.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rpc::transport::{Reply, Request, ServerAddress, Transport};
use rpc::{
    Balance, Balancer, BoxFuture, Candidates, Client, ClientBuilder, Context, Endpoint, EndpointState, Failure, Hedge,
    RetryBudget, Server, Telemetry,
};
use serde_json::Value;
use support::{result, serve};
use tokio::sync::{Semaphore, mpsc};

use super::endpoint;
use crate::telemetry::capture::{Counter, Metrics, Told};

/// Chooses the first candidate.
#[derive(Debug)]
struct First;

impl Balancer for First {
    fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
        candidates.first()
    }
}

/// The headers `x-api-key` and `rpc-attempt` of a request.
type Headers = (Option<String>, Option<String>);

#[rpc::service]
trait Work {
    #[rpc(readonly)]
    async fn read(&self, #[rpc(context)] cx: &Context) -> Headers;
    async fn write(&self, #[rpc(context)] cx: &Context) -> Headers;
}

/// A server whose next call can be made to wait.
struct Slow {
    addr: SocketAddr,
    worker: Arc<Worker>,
    /// Gets a message when a handler is dropped at the gate.
    dropped: mpsc::UnboundedReceiver<()>,
}

struct Worker {
    calls: AtomicU32,
    /// Whether the next call waits at the gate.
    waits: AtomicBool,
    gate: Semaphore,
    dropped: mpsc::UnboundedSender<()>,
}

/// Reports that a handler was dropped.
struct AtGate(Option<mpsc::UnboundedSender<()>>);

impl Drop for AtGate {
    fn drop(&mut self) {
        if let Some(dropped) = self.0.take() {
            let _ = dropped.send(());
        }
    }
}

impl Worker {
    async fn work(&self, cx: &Context) -> Headers {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.waits.swap(false, Ordering::Relaxed) {
            let mut at_gate = AtGate(Some(self.dropped.clone()));
            self.gate.acquire().await.unwrap().forget();
            at_gate.0 = None;
        }
        let header = |name: &str| cx.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (header("x-api-key"), header("rpc-attempt"))
    }
}

impl Work for Worker {
    async fn read(&self, cx: &Context) -> Headers {
        self.work(cx).await
    }

    async fn write(&self, cx: &Context) -> Headers {
        self.work(cx).await
    }
}

impl Slow {
    async fn serve() -> Self {
        let (sender, dropped) = mpsc::unbounded_channel();
        let worker = Worker { calls: 0.into(), waits: false.into(), gate: Semaphore::new(0), dropped: sender };
        let worker = Arc::new(worker);
        let server = Server::builder().service(WorkServer::new(Arc::clone(&worker))).build();
        Self { addr: serve(&server).await, worker, dropped }
    }

    fn calls(&self) -> u32 {
        self.worker.calls.load(Ordering::Relaxed)
    }

    fn wait_once(&self) {
        self.worker.waits.store(true, Ordering::Relaxed);
    }
}

fn hedging() -> ClientBuilder {
    // Far above the time of a call, so that a pause of this process is seldom taken for a late answer.
    let hedge = Hedge::default().min_delay(Duration::from_millis(50));
    Client::builder().balance(Balance::custom(First)).retry_budget(RetryBudget::unlimited()).hedge(hedge)
}

async fn read(client: &Client) -> Headers {
    client.call("read", ()).readonly().await.unwrap()
}

async fn warm_up(client: &Client) {
    for _ in 0..20 {
        read(client).await;
    }
}

#[tokio::test]
async fn late_readonly_call_is_answered_by_another_server_and_its_handler_is_dropped() {
    let [mut first, second, third] = [Slow::serve().await, Slow::serve().await, Slow::serve().await];
    let others = [&second, &third].map(|server| endpoint(server.addr).header("x-api-key", "other"));
    let [second, third] = others;
    let endpoints = [endpoint(first.addr).header("x-api-key", "first"), second, third];
    let client = hedging().endpoints(endpoints).build().unwrap();
    warm_up(&client).await;
    for _ in 0..2 {
        first.wait_once();
        let before = first.calls();
        assert_eq!(read(&client).await, (Some("other".to_owned()), Some("2".to_owned())));
        assert_eq!(first.calls(), before + 1);
        first.dropped.recv().await.unwrap();
    }
}

#[tokio::test]
async fn call_with_an_effect_waits_and_is_not_sent_twice() {
    let servers = [Slow::serve().await, Slow::serve().await];
    let client = hedging().endpoints(servers.each_ref().map(|server| endpoint(server.addr))).build().unwrap();
    let write = || client.call::<Headers>("write", ());
    // With the same response times, readonly calls are hedged.
    for _ in 0..20 {
        write().readonly().await.unwrap();
        write().await.unwrap();
    }
    let before = servers[1].calls();
    servers[0].wait_once();
    let waiting = tokio::spawn(write().into_future());
    while servers[0].worker.waits.load(Ordering::Relaxed) {
        tokio::task::yield_now().await;
    }
    // A readonly call that began later has already got a second request.
    servers[0].wait_once();
    assert_eq!(write().readonly().await.unwrap().1.as_deref(), Some("2"));
    assert_eq!(servers[1].calls(), before + 1);
    assert!(!waiting.is_finished());
    servers[0].worker.gate.add_permits(2);
    assert_eq!(waiting.await.unwrap().unwrap(), (None, None));
    assert_eq!(servers[1].calls(), before + 1);
}

#[tokio::test]
async fn second_request_to_the_same_address_uses_another_connection() {
    let mut server = Slow::serve().await;
    let hedge = Hedge::default().min_delay(Duration::from_millis(50)).same_endpoint(true);
    let client = hedging().hedge(hedge).endpoint(endpoint(server.addr)).build().unwrap();
    warm_up(&client).await;
    server.wait_once();
    // Over HTTP/1.1, the first connection is busy until the first request is answered.
    assert_eq!(read(&client).await, (None, Some("2".to_owned())));
    server.dropped.recv().await.unwrap();
}

/// An endpoint that answers after 1 ms, or never while it hangs.
#[derive(Clone, Debug)]
struct Switch {
    host: &'static str,
    hangs: Arc<AtomicBool>,
}

impl Transport for Switch {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let hangs = self.hangs.load(Ordering::Relaxed);
        Box::pin(async move {
            if hangs {
                return pending().await;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            let answer = |call: &Value| result(&call["id"], 7);
            let body = match serde_json::from_slice(&request.body).unwrap() {
                Value::Array(calls) => format!("[{}]", calls.iter().map(answer).collect::<Vec<_>>().join(",")),
                call => answer(&call),
            };
            Ok(Reply::new(Bytes::from(body)))
        })
    }

    fn server_address(&self) -> Option<ServerAddress> {
        Some(ServerAddress::new(self.host, 80))
    }
}

#[tokio::test(start_paused = true)]
async fn second_requests_are_counted_and_traced() {
    let (metrics, (told, _guard)) = (Metrics::begin(), Told::begin());
    let [first, second] = ["first", "second"].map(|host| Switch { host, hangs: Arc::default() });
    let endpoints = [&first, &second].map(|switch| Endpoint::transport(switch.clone()));
    let client = hedging().retry(rpc::Retry::never()).hedge(Hedge::default());
    let client = client.endpoints(endpoints).telemetry(Telemetry::default()).build().unwrap();
    let read = || client.call::<u32>("read", ()).readonly();
    for _ in 0..20 {
        read().await.unwrap();
        assert!(client.batch([read(), read()]).await.unwrap().iter().all(Result::is_ok));
    }
    let count = |name: &str| metrics.now().get(name).cloned();
    assert_eq!((count("rpc.client.hedges{won=true}"), count("rpc.client.hedges{won=false}")), (None, None));
    first.hangs.store(true, Ordering::Relaxed);
    read().await.unwrap();
    assert_eq!(count("rpc.client.hedges{won=true}"), Some(Counter(1)));
    assert!(client.batch([read(), read()]).await.unwrap().iter().all(Result::is_ok));
    assert_eq!(count("rpc.client.hedges{won=true}"), Some(Counter(3)), "each call of a batch counts");
    assert_eq!(count("rpc.client.attempts{outcome=executed}"), Some(Counter(63)), "one attempt at each call");
    let server = |span: &crate::telemetry::capture::Span| span.fields.get("server.address").unwrap().to_owned();
    let servers = |name| told.named(name).iter().map(server).collect::<Vec<_>>();
    assert_eq!(servers("rpc.client.attempt")[40..], ["first", "second", "first", "second"]);
    assert_eq!(servers("rpc.client")[19..], ["first", "second"]);
    second.hangs.store(true, Ordering::Relaxed);
    read().await.unwrap_err();
    assert_eq!(count("rpc.client.hedges{won=false}"), Some(Counter(1)));
    // A call that its caller drops counts, too.
    tokio::time::timeout(Duration::from_secs(1), read().into_future()).await.unwrap_err();
    assert_eq!(count("rpc.client.hedges{won=false}"), Some(Counter(2)));
    assert_eq!(count("rpc.client.retry_budget.exhausted{}"), None);
}
