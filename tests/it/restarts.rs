//! Servers that restart while clients write, each write on a new connection and without a retry.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use axum::routing;
use rpc::Server;
use serde_json::Value;
use support::raw_http::{TEST_TIMEOUT, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const RESTARTS: usize = 25;
const WRITES: usize = 1000;
const WRITERS: usize = 8;

/// An address for this test alone. No other test takes its ports while nothing listens.
const ADDR: &str = "127.0.0.77:0";

/// How many more writes than axum the framework may lose, and how many at most. Usually it loses none, and axum loses
/// dozens. But each writer loses one if a loaded machine pauses the server between its last look at the queue and the
/// close of its socket.
const MARGIN: usize = 3;
const MAX_LOST: usize = 2 * WRITERS;

/// Counts how many times each write took effect.
#[derive(Clone)]
struct Effects(Arc<Vec<AtomicU32>>);

impl Effects {
    fn new() -> Self {
        Self(Arc::new((0..WRITES).map(|_| AtomicU32::new(0)).collect()))
    }

    fn write(&self, number: usize) -> bool {
        self.0[number].fetch_add(1, Ordering::Relaxed);
        true
    }

    fn server(&self) -> Server {
        let effects = self.clone();
        Server::builder()
            .method("write", move |(number,): (usize,)| {
                let effects = effects.clone();
                async move { effects.write(number) }
            })
            .build()
    }

    fn app(&self) -> axum::Router {
        let effects = self.clone();
        let write = move |body: String| async move {
            let call: Value = serde_json::from_str(&body).unwrap();
            let number = usize::try_from(call["params"][0].as_u64().unwrap()).unwrap();
            format!(r#"{{"jsonrpc":"2.0","result":{},"id":1}}"#, effects.write(number))
        };
        axum::Router::new().route("/", routing::post(write))
    }
}

/// Makes one write on a new connection. Returns whether it was answered.
async fn write(addr: SocketAddr, number: usize) -> bool {
    let mut stream = loop {
        match TcpStream::connect(addr).await {
            Ok(stream) => break stream,
            // Nothing was sent, so no write is lost.
            Err(_) => sleep(Duration::from_millis(1)).await,
        }
    };
    let call = format!(r#"{{"jsonrpc":"2.0","method":"write","params":[{number}],"id":1}}"#);
    if stream.write_all(&post(call)).await.is_err() {
        return false;
    }
    let mut answer = Vec::new();
    while !answer.ends_with(br#""result":true,"id":1}"#) {
        if !matches!(stream.read_buf(&mut answer).await, Ok(1..)) {
            return false;
        }
    }
    true
}

/// The running writers.
struct Writers {
    tasks: JoinSet<usize>,
    made: watch::Receiver<usize>,
    effects: Effects,
}

impl Writers {
    fn begin(addr: SocketAddr, effects: &Effects) -> Self {
        let next = Arc::new(AtomicUsize::new(0));
        let (sender, made) = watch::channel(0);
        let mut tasks = JoinSet::new();
        for _ in 0..WRITERS {
            let (next, sender) = (Arc::clone(&next), sender.clone());
            tasks.spawn(async move {
                let mut lost = 0;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= WRITES {
                        return lost;
                    }
                    lost += usize::from(!write(addr, number).await);
                    sender.send_modify(|made| *made += 1);
                }
            });
        }
        Self { tasks, made, effects: effects.clone() }
    }

    /// Waits until enough writes are done for this restart.
    async fn until(&mut self, restart: usize) {
        let is_time = self.made.wait_for(|made| *made >= WRITES * restart / (RESTARTS + 1));
        timeout(TEST_TIMEOUT, is_time).await.expect("writes are made").unwrap();
    }

    /// Waits for the end. Returns how many writes were not answered. Each of them took effect at most once.
    async fn lost(self) -> usize {
        let lost = timeout(TEST_TIMEOUT, self.tasks.join_all()).await.expect("writes end").into_iter().sum();
        let took = |times| self.effects.0.iter().filter(|effect| effect.load(Ordering::Relaxed) == times).count();
        let (none, once) = (took(0), took(1));
        assert_eq!(none + once, WRITES, "a write took effect twice");
        assert!(none <= lost, "{none} writes took no effect, and only {lost} were not answered");
        lost
    }
}

/// How the framework's server is ended.
#[derive(Clone, Copy, Debug)]
enum End {
    Shutdown,
    LeaveFirst,
    Dropped,
}

/// Serves until all writes are made, at an address that is bound again for each restart. Returns the lost writes.
async fn lost_by_us(end: End) -> usize {
    let effects = Effects::new();
    let mut bound = effects.server().bind(ADDR).await.unwrap();
    let addr = bound.local_addr();
    let mut writers = Writers::begin(addr, &effects);
    for restart in 1..=RESTARTS {
        match end {
            End::Shutdown | End::LeaveFirst => {
                let mut handle = bound.spawn();
                writers.until(restart).await;
                if matches!(end, End::LeaveFirst) {
                    handle.leave();
                    sleep(Duration::from_millis(5)).await;
                }
                handle.shutdown().await;
            }
            End::Dropped => {
                let (stop, stopped) = oneshot::channel::<()>();
                let serving = tokio::spawn(bound.serve_until(async move { drop(stopped.await) }));
                writers.until(restart).await;
                drop(stop);
                serving.await.unwrap();
            }
        }
        bound = effects.server().bind(addr).await.unwrap();
    }
    let _last = bound.spawn();
    writers.lost().await
}

/// Does the same with axum's own server.
async fn lost_by_axum() -> usize {
    let effects = Effects::new();
    let mut listener = tokio::net::TcpListener::bind(ADDR).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut writers = Writers::begin(addr, &effects);
    for restart in 1..=RESTARTS {
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(listener, effects.app()).with_graceful_shutdown(async move { drop(stopped.await) });
        let serving = tokio::spawn(serving.into_future());
        writers.until(restart).await;
        drop(stop);
        serving.await.unwrap().unwrap();
        listener = tokio::net::TcpListener::bind(addr).await.unwrap();
    }
    tokio::spawn(axum::serve(listener, effects.app()).into_future());
    writers.lost().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_at_one_address_lose_no_more_writes_than_axum() {
    let axum = lost_by_axum().await;
    for end in [End::Shutdown, End::LeaveFirst, End::Dropped] {
        let ours = lost_by_us(end).await;
        assert!(ours <= MAX_LOST.min(axum + MARGIN), "{end:?}: {ours} of {WRITES} writes lost, by axum {axum}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_at_a_socket_that_is_kept_lose_no_write() {
    let kept = std::net::TcpListener::bind(ADDR).unwrap();
    let effects = Effects::new();
    let mut writers = Writers::begin(kept.local_addr().unwrap(), &effects);
    for restart in 1..=RESTARTS {
        let handle = effects.server().listen_on(kept.try_clone().unwrap()).unwrap().spawn();
        writers.until(restart).await;
        handle.shutdown().await;
    }
    let _last = effects.server().listen_on(kept).unwrap().spawn();
    assert_eq!(writers.lost().await, 0);
}

/// The next server starts before the previous one ends, as in a handover between processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_handed_over_loses_no_write() {
    let kept = std::net::TcpListener::bind(ADDR).unwrap();
    let effects = Effects::new();
    let mut writers = Writers::begin(kept.local_addr().unwrap(), &effects);
    let mut serving = effects.server().listen_on(kept.try_clone().unwrap()).unwrap().spawn();
    for restart in 1..=RESTARTS {
        writers.until(restart).await;
        let next = effects.server().listen_on(kept.try_clone().unwrap()).unwrap().spawn();
        std::mem::replace(&mut serving, next).shutdown().await;
    }
    assert_eq!(writers.lost().await, 0);
}
