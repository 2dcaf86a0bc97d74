//! The lifetime of handlers behind layers. The rules are those of handlers without layers.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use rpc::middleware::{Next, Request, Response, from_fn};
use rpc::{Answer, BoxFuture, Client, Context, Dispatch, Limits, RequestContext, Server, ServerBuilder};
use rpc_core::InheritedTimeLimit;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer;

use super::Log;

#[derive(Debug, PartialEq)]
enum Event {
    Began(&'static str),
    Ended(&'static str),
    Dropped(&'static str),
}
use Event::{Began, Dropped, Ended};

#[rpc::service(namespace = "life")]
trait Life {
    #[rpc(readonly)]
    async fn read(&self);
    async fn write(&self);
    async fn inherits(&self) -> Option<u64>;
}

struct Living {
    events: mpsc::UnboundedSender<Event>,
    gate: Arc<Semaphore>,
}

impl Living {
    async fn wait(&self, name: &'static str) {
        self.events.send(Began(name)).unwrap();
        let mut life = Spark { living: self, last: Dropped(name) };
        self.gate.acquire().await.unwrap().forget();
        life.last = Ended(name);
    }
}

struct Spark<'a> {
    living: &'a Living,
    last: Event,
}

impl Drop for Spark<'_> {
    fn drop(&mut self) {
        let last = std::mem::replace(&mut self.last, Began(""));
        let _ = self.living.events.send(last);
    }
}

impl Life for Living {
    async fn read(&self) {
        self.wait("read").await;
    }
    async fn write(&self) {
        self.wait("write").await;
    }
    async fn inherits(&self) -> Option<u64> {
        let inner = Server::builder()
            .method("left", |cx: Context| async move { cx.remaining().map(|left| left.as_secs()) })
            .layer(Log::default().layer("of another server"))
            .build();
        Client::in_process(&inner).call("left", ()).await.unwrap()
    }
}

struct Stage {
    server: Server,
    events: mpsc::UnboundedReceiver<Event>,
    gate: Arc<Semaphore>,
}

impl Stage {
    fn new(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let service = LifeServer::new(Living { events: sender, gate: Arc::clone(&gate) });
        Self { server: change(Server::builder().service(service)).build(), events, gate }
    }

    fn dispatch(&self, methods: &[&str]) -> BoxFuture<Answer> {
        let call = |method| format!(r#"{{"jsonrpc":"2.0","method":"life.{method}","id":1}}"#);
        let body = match methods {
            [method] => call(method),
            methods => format!("[{}]", methods.iter().map(call).collect::<Vec<_>>().join(",")),
        };
        let context = RequestContext::default().counting_from_now(|| Instant::now().into_std());
        self.server.dispatch(Bytes::from(body), Arc::new(context))
    }

    async fn next(&mut self) -> Event {
        self.events.recv().await.unwrap()
    }
}

#[tokio::test]
async fn when_the_client_leaves_an_effect_goes_on_through_its_layers_and_a_read_is_dropped() {
    for methods in [&["write"][..], &["write", "write"]] {
        let (passes, mut passed) = mpsc::unbounded_channel();
        let mut stage = Stage::new(|builder| {
            builder.layer(from_fn(move |request: Request, next: Next| {
                let passes = passes.clone();
                async move {
                    let response = next.run(request).await;
                    passes.send(response.is_error()).unwrap();
                    response
                }
            }))
        });
        let mut request = stage.dispatch(methods);
        assert!(request.as_mut().now_or_never().is_none());
        drop(request);
        for _ in methods {
            assert_eq!(stage.next().await, Began("write"));
        }
        stage.gate.add_permits(methods.len());
        for _ in methods {
            assert_eq!(stage.next().await, Ended("write"));
            assert_eq!(passed.recv().await, Some(false));
        }

        let mut request = stage.dispatch(&["read"]);
        assert!(request.as_mut().now_or_never().is_none());
        drop(request);
        assert_eq!((stage.next().await, stage.next().await), (Began("read"), Dropped("read")));
    }
}

#[tokio::test]
async fn a_call_that_waits_in_a_layer_does_not_begin_once_its_client_has_left() {
    let log = Log::default();
    let outer = log.layer("a");
    let mut stage = Stage::new(|builder| builder.layer(outer).layer(ConcurrencyLimitLayer::new(1)));
    let mut first = stage.dispatch(&["write"]);
    assert!(first.as_mut().now_or_never().is_none());
    let mut second = stage.dispatch(&["write"]);
    assert!(second.as_mut().now_or_never().is_none());
    drop(second);
    let third = tokio::spawn(stage.dispatch(&["write"]));
    stage.gate.add_permits(3);
    first.await;
    third.await.unwrap();
    let events = [stage.next().await, stage.next().await, stage.next().await, stage.next().await];
    assert_eq!(events, [Began("write"), Ended("write"), Began("write"), Ended("write")]);
    assert!(stage.events.try_recv().is_err());
    // The layer has seen the refusal of the second call.
    let mut lines = log.take();
    lines.retain(|line| line.starts_with('<'));
    assert_eq!(lines, ["<a life.write null", "<a life.write -32095", "<a life.write null"]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_gives_a_handler_up_leaves_its_effect_to_end() {
    for methods in [&["write"][..], &["write", "write"]] {
        let mut stage = Stage::new(|builder| builder.layer(TimeoutLayer::new(Duration::from_secs(1))));
        let answer = stage.dispatch(methods).await;
        assert!(std::str::from_utf8(&answer.body).unwrap().contains("-32093"), "{answer:?}");
        assert!(answer.headers.is_none_or(|headers| !headers.contains_key("rpc-refused")));
        for _ in methods {
            assert_eq!(stage.next().await, Began("write"));
        }
        stage.gate.add_permits(methods.len());
        for _ in methods {
            assert_eq!(stage.next().await, Ended("write"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_gives_a_read_up_ends_it() {
    let mut stage = Stage::new(|builder| builder.layer(TimeoutLayer::new(Duration::from_secs(1))));
    stage.dispatch(&["read"]).await;
    assert_eq!((stage.next().await, stage.next().await), (Began("read"), Dropped("read")));
}

#[tokio::test(start_paused = true)]
async fn a_layered_handler_has_the_servers_time_and_no_more() {
    let mut limits = Limits::default();
    limits.handler_timeout = Duration::from_secs(3);
    let start = Instant::now();
    let mut stage = Stage::new(|builder| builder.limits(limits.clone()).layer(Log::default().layer("a")));
    let answer = stage.dispatch(&["write"]).await;
    assert!(std::str::from_utf8(&answer.body).unwrap().contains("-32093"), "{answer:?}");
    assert_eq!((stage.next().await, stage.next().await), (Began("write"), Dropped("write")));
    assert_eq!(start.elapsed().as_secs(), 3);

    // The same holds for a call from a handler of another server that has more time left.
    let mut stage = Stage::new(|builder| builder.limits(limits.clone()).layer(Log::default().layer("a")));
    let mut answer = stage.dispatch(&["write"]);
    poll_fn(|cx| InheritedTimeLimit::Within(Duration::from_secs(9)).enter(|| answer.as_mut().poll(cx))).await;
    assert_eq!((stage.next().await, stage.next().await), (Began("write"), Dropped("write")));
    assert_eq!(start.elapsed().as_secs(), 6);

    // A handler that a layer has given up has the rest of the server's time.
    let mut stage = Stage::new(|builder| builder.limits(limits).layer(TimeoutLayer::new(Duration::from_secs(1))));
    stage.dispatch(&["write"]).await;
    assert_eq!((stage.next().await, stage.next().await), (Began("write"), Dropped("write")));
    assert_eq!(start.elapsed().as_secs(), 9);
}

#[tokio::test]
async fn a_layer_that_panics_leaves_an_effect_to_end() {
    let mut stage = Stage::new(|builder| {
        builder.layer(from_fn(|request: Request, next: Next| async move {
            let mut running = Box::pin(next.run(request));
            if running.as_mut().now_or_never().is_none() {
                panic!("with a handler in its hands");
            }
            Response::result("never")
        }))
    });
    let answer = stage.dispatch(&["write"]).await;
    assert!(std::str::from_utf8(&answer.body).unwrap().contains("-32603"), "{answer:?}");
    assert_eq!(stage.next().await, Began("write"));
    stage.gate.add_permits(1);
    assert_eq!(stage.next().await, Ended("write"));
}

#[tokio::test]
async fn a_shutdown_waits_for_what_a_layer_has_given_up() {
    let mut stage = Stage::new(|builder| {
        builder.layer(from_fn(|request: Request, next: Next| async move {
            let mut running = Box::pin(next.run(request));
            assert!(running.as_mut().now_or_never().is_none());
            drop(running);
            Response::result("gave up")
        }))
    });
    let bound = stage.server.bind("127.0.0.1:0").await.unwrap().spawn();
    let client = Client::new(format!("http://{}", bound.local_addr())).unwrap();
    assert_eq!(client.call::<String>("life.write", ()).await.unwrap(), "gave up");
    assert_eq!(stage.next().await, Began("write"));
    let shutdown = tokio::spawn(bound.shutdown());
    tokio::task::yield_now().await;
    assert!(!shutdown.is_finished());
    stage.gate.add_permits(1);
    shutdown.await.unwrap();
    assert_eq!(stage.events.try_recv().unwrap(), Ended("write"));
}

#[tokio::test(start_paused = true)]
async fn calls_of_layered_handlers_inherit_their_time() {
    let mut limits = Limits::default();
    limits.handler_timeout = Duration::from_secs(7);
    let stage = Stage::new(|builder| builder.limits(limits).layer(Log::default().layer("a")));
    let left: Option<u64> = Client::in_process(&stage.server).call("life.inherits", ()).await.unwrap();
    assert!((6..=7).contains(&left.unwrap()), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn handlers_that_a_layer_has_given_up_count_as_calls_in_flight() {
    let mut limits = Limits::default();
    limits.max_calls_in_flight = 1;
    let mut stage = Stage::new(|builder| builder.limits(limits).layer(TimeoutLayer::new(Duration::from_secs(1))));
    for methods in [&["write"][..], &["write", "write"]] {
        let answer = stage.dispatch(methods).await;
        let text = std::str::from_utf8(&answer.body).unwrap();
        // The second entry of a batch does not get the room of the first.
        assert_eq!(text.matches("-32093").count(), 1, "{text}");
        assert_eq!(text.matches("-32092").count(), methods.len() - 1, "{text}");
        assert_eq!(stage.next().await, Began("write"));
        let refused = stage.dispatch(&["write"]).await;
        assert!(std::str::from_utf8(&refused.body).unwrap().contains("-32092"), "{refused:?}");
        stage.gate.add_permits(1);
        assert_eq!(stage.next().await, Ended("write"));
        assert!(stage.events.try_recv().is_err());
    }
}

/// Runs the inner layers in a separate task, for at most a second.
async fn spawn(request: Request, next: Next) -> Response {
    let running = tokio::time::timeout(Duration::from_secs(1), next.run(request));
    tokio::spawn(running).await.unwrap().unwrap_or_else(|_| Response::result("gave up"))
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_gives_a_handler_up_in_a_task_of_its_own_leaves_its_effect_to_end() {
    let mut stage = Stage::new(|builder| builder.layer(from_fn(spawn)));
    let answer = stage.dispatch(&["write"]).await;
    assert!(std::str::from_utf8(&answer.body).unwrap().contains("gave up"), "{answer:?}");
    assert_eq!(stage.next().await, Began("write"));
    stage.gate.add_permits(1);
    assert_eq!(stage.next().await, Ended("write"));

    stage.dispatch(&["read"]).await;
    assert_eq!((stage.next().await, stage.next().await), (Began("read"), Dropped("read")));
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_in_a_task_has_what_is_left_of_its_time() {
    let mut limits = Limits::default();
    limits.handler_timeout = Duration::from_secs(3);
    let start = Instant::now();
    let mut stage = Stage::new(|builder| builder.limits(limits).layer(from_fn(spawn)));
    stage.dispatch(&["write"]).await;
    assert_eq!((stage.next().await, stage.next().await), (Began("write"), Dropped("write")));
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn calls_of_handlers_in_a_task_of_a_layer_inherit_their_time() {
    let mut limits = Limits::default();
    limits.handler_timeout = Duration::from_secs(7);
    let stage = Stage::new(|builder| builder.limits(limits).layer(from_fn(spawn)));
    let left: Option<u64> = Client::in_process(&stage.server).call("life.inherits", ()).await.unwrap();
    assert!((6..=7).contains(&left.unwrap()), "{left:?}");
}
