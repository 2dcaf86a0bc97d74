//! Layers that do not know JSON-RPC.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc::middleware::{BoxError, Next, Request, Response, from_fn};
use rpc::{Client, ErrorKind, ErrorObject, Retry, Server, ServerBuilder};
use serde_json::Value;
use support::raw_http::{Connection, exchange, post};
use support::serve;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use super::{Echo, ProbeClient, ProbeServer};

/// Builds a server that records how many handlers run at a time, at most.
fn crowded(builder: ServerBuilder) -> (Server, Arc<AtomicUsize>) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let run = |now: Arc<AtomicUsize>, most: Arc<AtomicUsize>| {
        move || {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::Relaxed);
            }
        }
    };
    let server = builder
        .method("one", run(Arc::clone(&now), Arc::clone(&most)))
        .method("two", run(Arc::clone(&now), Arc::clone(&most)))
        .build();
    (server, most)
}

async fn call_twenty(server: &Server) {
    let client = Client::in_process(server);
    let calls = (0..20).map(|n| client.call::<Value>(if n % 2 == 0 { "one" } else { "two" }, ()));
    for answer in client.batch(calls.collect::<Vec<_>>()).await.unwrap() {
        answer.unwrap();
    }
}

#[tokio::test]
async fn a_concurrency_limit_counts_the_entries_of_a_batch_and_all_methods_together() {
    let (server, most) = crowded(Server::builder());
    call_twenty(&server).await;
    assert_eq!(most.load(Ordering::Relaxed), 20);
    let (server, most) = crowded(Server::builder().layer(ConcurrencyLimitLayer::new(3)));
    call_twenty(&server).await;
    assert_eq!(most.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_concurrency_limit_of_a_method_leaves_others_alone() {
    let (server, most) = crowded(Server::builder().method_layer("one", ConcurrencyLimitLayer::new(1)));
    call_twenty(&server).await;
    assert_eq!(most.load(Ordering::Relaxed), 11);
}

#[tokio::test]
async fn load_is_shed_entry_by_entry_and_said_to_be_refused() {
    let gate = Arc::new(Semaphore::new(0));
    let (begins, mut began) = mpsc::unbounded_channel();
    let opened = Arc::clone(&gate);
    let server = Server::builder()
        .service(ProbeServer::new(Echo))
        .method("wait", move || {
            let opened = Arc::clone(&opened);
            begins.send(()).unwrap();
            async move { opened.acquire().await.unwrap().forget() }
        })
        .method_layer("wait", ServiceBuilder::new().load_shed().concurrency_limit(1))
        .build();
    let addr = serve(&server).await;
    let wait = |id: u64| format!(r#"{{"jsonrpc":"2.0","method":"wait","id":{id}}}"#);
    let mut first = Connection::open(addr).await;
    first.send(&post(wait(1))).await;
    began.recv().await.unwrap();

    let shed = exchange(addr, &post(wait(2))).await;
    assert_eq!(
        (shed.status, shed.header("rpc-status"), shed.header("rpc-refused")),
        (503, Some("-32092"), Some("all"))
    );
    assert_eq!(shed.header("retry-after"), Some("1"));
    assert_eq!(shed.text(), r#"{"jsonrpc":"2.0","error":{"code":-32092,"message":"Server overloaded"},"id":2}"#);

    let now = r#"{"jsonrpc":"2.0","method":"probe.now","id":3}"#;
    let batch = exchange(addr, &post(format!("[{now},{},{now},{}]", wait(4), wait(5)))).await;
    assert_eq!((batch.status, batch.header("rpc-status"), batch.header("rpc-refused")), (200, Some("2"), Some("1,3")));
    assert_eq!(batch.header("retry-after"), Some("1"));

    gate.add_permits(2);
    assert_eq!(first.reply().await.status, 200);
    let again = exchange(addr, &post(wait(6))).await;
    assert_eq!(again.text(), r#"{"jsonrpc":"2.0","result":null,"id":6}"#);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_ends_the_call_that_takes_too_long_and_no_other() {
    let server = Server::builder()
        .service(ProbeServer::new(Echo))
        .method("hang", std::future::pending::<()>)
        .layer(TimeoutLayer::new(Duration::from_secs(1)))
        .build();
    let client = Client::in_process(&server);
    let start = Instant::now();
    let calls = (ProbeClient::new(client.clone()).get(5), client.call::<Value>("hang", ()));
    let (fine, hung) = client.batch(calls).await.unwrap();
    assert_eq!(fine.unwrap(), 5);
    let error = hung.unwrap_err();
    assert!(error.to_string().contains("-32093"), "{error}");
    assert_eq!(start.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_behind_a_buffer_holds_calls_back() {
    let limit = ServiceBuilder::new().buffer(16).rate_limit(2, Duration::from_secs(5));
    let server = Server::builder().service(ProbeServer::new(Echo)).layer(limit).build();
    // With retries, the client would give up the attempt after 10 s, and its budget would allow a retry.
    let client = Client::builder().in_process(&server).retry(Retry::never()).build().unwrap();
    let probe = ProbeClient::new(client.clone());
    let start = Instant::now();
    let answers = client.batch((0..5).map(|id| probe.get(id)).collect::<Vec<_>>()).await.unwrap();
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [0, 1, 2, 3, 4]);
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn errors_of_services_are_mapped_and_the_unknown_ones_say_nothing() {
    let fail = |response: Response| async move {
        match response.result_json() {
            Some("1") => Err(BoxError::from(ErrorObject::new(1234, "own"))),
            Some("2") => Err("a secret".into()),
            _ => Ok(response),
        }
    };
    let server = Server::builder()
        .method("own", || async { 1 })
        .method("text", || async { 2 })
        .method("fine", || async {})
        .layer(tower::layer::layer_fn(move |next: Next| next.map_err(BoxError::from).and_then(fail)))
        .build();
    let client = Client::in_process(&server);
    let [own, text, fine] = ["own", "text", "fine"].map(|method| client.call::<Value>(method, ()));
    let error = own.await.unwrap_err();
    assert!(matches!(error, rpc::Error::Rpc(error) if error == ErrorObject::new(1234, "own")));
    let error = text.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(matches!(error, rpc::Error::Rpc(error) if error == ErrorObject::internal()));
    assert_eq!(fine.await.unwrap(), Value::Null);
}

/// A hand-written layer whose service is not always ready.
#[derive(Clone)]
struct DrowsyLayer;

impl<S> Layer<S> for DrowsyLayer {
    type Service = Drowsy<S>;

    fn layer(&self, inner: S) -> Drowsy<S> {
        Drowsy { inner, slept: false }
    }
}

#[derive(Clone)]
struct Drowsy<S> {
    inner: S,
    slept: bool,
}

impl<S: Service<Request, Response = Response>> Service<Request> for Drowsy<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        if !std::mem::replace(&mut self.slept, true) {
            cx.waker().wake_by_ref();
            return std::task::Poll::Pending;
        }
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> S::Future {
        assert!(std::mem::replace(&mut self.slept, false), "called before it was ready");
        self.inner.call(request)
    }
}

#[tokio::test]
async fn services_are_called_when_they_are_ready() {
    let pass = from_fn(|request: Request, next: Next| next.run(request));
    let server = Server::builder()
        .service(ProbeServer::new(Echo))
        .layer(DrowsyLayer)
        .layer(ServiceBuilder::new().layer(DrowsyLayer).layer(pass).map_request(|r: Request| r).layer(DrowsyLayer))
        .build();
    let client = Client::in_process(&server);
    let probe = ProbeClient::new(client.clone());
    let [one, two] = client.batch([probe.get(1), probe.get(2)]).await.unwrap();
    assert_eq!((one.unwrap(), two.unwrap()), (1, 2));
}
