//! The phases of a bound server, and the hooks that run in them.

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use rpc::{BoundServer, Client, Limits, Server, ServerPhase};
use support::raw_http::{Connection, TEST_TIMEOUT, post};
use support::{PING, PONG};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout};

async fn bound() -> BoundServer {
    bound_with(Limits::default()).await
}

async fn bound_with(limits: Limits) -> BoundServer {
    let server = Server::builder().limits(limits).method("ping", || async { "pong" }).build();
    server.bind("127.0.0.1:0").await.unwrap()
}

/// Sends a message when it is dropped.
struct Dropped(mpsc::UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

async fn next(said: &mut mpsc::UnboundedReceiver<&'static str>) -> &'static str {
    timeout(TEST_TIMEOUT, said.recv()).await.expect("it is said").expect("somebody may say it")
}

async fn assert_serves(addr: std::net::SocketAddr) {
    let client = Client::new(format!("http://{addr}")).unwrap();
    assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong");
}

#[tokio::test]
async fn a_server_is_bound_then_ready_then_drains_and_has_ended() {
    let bound = bound().await;
    let lifecycle = bound.lifecycle();
    assert_eq!(lifecycle.phase(), ServerPhase::Bound);
    let mut server = bound.spawn();
    assert_eq!(lifecycle.wait_for(ServerPhase::Ready).await, ServerPhase::Ready);
    assert_serves(server.local_addr()).await;
    server.leave();
    assert_eq!(server.lifecycle().wait_for(ServerPhase::Draining).await, ServerPhase::Draining);
    assert_serves(server.local_addr()).await;
    server.shutdown().await;
    assert_eq!(lifecycle.phase(), ServerPhase::Ended);
    assert_eq!(lifecycle.wait_for(ServerPhase::Ready).await, ServerPhase::Ended);
}

#[tokio::test]
async fn the_life_of_a_server_ends_when_what_serves_it_is_dropped() {
    let bound_only = bound().await;
    let lifecycle = bound_only.lifecycle();
    drop(bound_only);
    assert_eq!(lifecycle.phase(), ServerPhase::Ended);

    let served = bound().await;
    let lifecycle = served.lifecycle();
    tokio::select! {
        biased;
        () = served.serve_until(pending()) => unreachable!("nothing stops it"),
        _ = lifecycle.wait_for(ServerPhase::Ready) => {}
    }
    assert_eq!(lifecycle.phase(), ServerPhase::Ended);
}

#[tokio::test]
async fn each_address_of_a_server_has_a_life_of_its_own() {
    let server = Server::builder().method("ping", || async { "pong" }).build();
    let [one, other] =
        [server.bind("127.0.0.1:0").await.unwrap().spawn(), server.bind("127.0.0.1:0").await.unwrap().spawn()];
    let (of_one, of_other) = (one.lifecycle(), other.lifecycle());
    of_other.wait_for(ServerPhase::Ready).await;
    one.shutdown().await;
    assert_eq!((of_one.phase(), of_other.phase()), (ServerPhase::Ended, ServerPhase::Ready));
    other.shutdown().await;
}

#[tokio::test]
async fn a_hook_of_ready_runs_while_the_server_serves_and_is_dropped_when_it_drains() {
    let (say, mut said) = mpsc::unbounded_channel();
    let bound = bound().await;
    let (lifecycle, drains) = (bound.lifecycle(), say.clone());
    let on_ready = bound.on_ready(move || async move {
        let _held = Dropped(say.clone());
        say.send("ready").unwrap();
        pending().await
    });
    let mut server = on_ready.on_drain(move || async move { drains.send("drains").unwrap() }).spawn();
    assert_eq!(next(&mut said).await, "ready");
    assert_eq!(lifecycle.phase(), ServerPhase::Ready);
    assert_serves(server.local_addr()).await;
    server.leave();
    // The registration ends before the deregistration begins.
    assert_eq!(next(&mut said).await, "dropped");
    assert_eq!(next(&mut said).await, "drains");
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_serves_on_until_its_hooks_of_drain_are_done() {
    for leaves in [true, false] {
        let (runs, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let shared = (Arc::clone(&runs), Arc::clone(&gate));
        let bound = bound().await.on_drain(move || async move {
            shared.0.notify_one();
            shared.1.notified().await;
        });
        let addr = bound.local_addr();
        let lifecycle = bound.lifecycle();
        let mut server = bound.spawn();
        let mut connection = Connection::open(addr).await;
        if leaves {
            server.leave();
        }
        let ended = tokio::spawn(server.shutdown());
        runs.notified().await;
        assert_eq!(lifecycle.phase(), ServerPhase::Draining);
        // The server neither tells the connection to close nor rejects new ones.
        for _ in 0..2 {
            connection.send(&post(PING)).await;
            let reply = connection.reply().await;
            assert_eq!((reply.text(), reply.header("connection")), (PONG, None));
        }
        assert_serves(addr).await;
        assert!(!ended.is_finished());
        gate.notify_one();
        timeout(TEST_TIMEOUT, ended).await.unwrap().unwrap();
        assert_eq!(lifecycle.phase(), ServerPhase::Ended);
    }
}

#[tokio::test(start_paused = true)]
async fn hooks_of_drain_have_the_shutdown_delay_and_five_seconds_at_least() {
    for (delay, seconds) in [(0, 5), (8, 8)] {
        let bound = bound_with(Limits::default().shutdown_delay(Duration::from_secs(delay))).await;
        let start = Instant::now();
        bound.on_drain(pending).serve_until(ready(())).await;
        assert_eq!(start.elapsed().as_secs(), seconds);
    }
}

#[tokio::test]
async fn hooks_that_panic_end_neither_the_server_nor_other_hooks() {
    let (say, mut said) = mpsc::unbounded_channel();
    let panics = || panic!("before its future");
    let later = || async { panic!("in its future") };
    let (ready, drains) = (say.clone(), say);
    let bound = bound().await.on_ready::<_, std::future::Ready<()>>(panics).on_ready(later);
    let bound = bound.on_ready(move || async move { ready.send("ready").unwrap() });
    let bound = bound.on_drain::<_, std::future::Ready<()>>(panics).on_drain(later);
    let server = bound.on_drain(move || async move { drains.send("drains").unwrap() }).spawn();
    assert_eq!(next(&mut said).await, "ready");
    assert_serves(server.local_addr()).await;
    server.shutdown().await;
    assert_eq!(next(&mut said).await, "drains");
}

#[tokio::test]
async fn dropping_what_serves_drops_the_hooks_that_run() {
    let (say, mut said) = mpsc::unbounded_channel();
    let bound = bound().await.on_drain(move || async move {
        let _held = Dropped(say.clone());
        say.send("drains").unwrap();
        pending().await
    });
    let serving = tokio::spawn(bound.serve_until(ready(())));
    assert_eq!(next(&mut said).await, "drains");
    serving.abort();
    assert_eq!(next(&mut said).await, "dropped");
}

#[test]
fn a_bound_server_with_hooks_may_be_shared_between_threads() {
    fn assert_shared<T: Send + Sync>() {}
    assert_shared::<BoundServer>();
}
