//! Calls that take long, and others that must not wait for them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc::{Client, Server};
use tokio::sync::{Notify, mpsc};

const HEAVY: usize = 512;

#[rpc::service]
trait Work {
    /// Keeps the thread busy for a millisecond. Returns how many calls did so before.
    async fn compute(&self) -> usize;
    async fn computed(&self) -> usize;
}

struct Worker {
    computed: AtomicUsize,
    begun: mpsc::UnboundedSender<()>,
}

impl Work for Worker {
    async fn compute(&self) -> usize {
        let _ = self.begun.send(());
        std::thread::sleep(Duration::from_millis(1));
        self.computed.fetch_add(1, Ordering::SeqCst)
    }
    async fn computed(&self) -> usize {
        self.computed.load(Ordering::SeqCst)
    }
}

/// Serves on a runtime with a single thread that runs nothing else.
fn serve_on_one_thread(server: Server) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = server.bind("127.0.0.1:0").await.unwrap();
            tell.send(server.local_addr()).unwrap();
            server.serve_until(std::future::pending()).await;
        });
    });
    told.recv().unwrap()
}

#[tokio::test]
async fn a_batch_that_computes_lets_other_connections_be_served_by_the_same_thread() {
    let (begun, mut has_begun) = mpsc::unbounded_channel();
    let worker = WorkServer::new(Worker { computed: AtomicUsize::new(0), begun });
    let url = format!("http://{}", serve_on_one_thread(Server::builder().service(worker).build()));
    let client = Client::new(&url).unwrap();
    let heavy = WorkClient::new(client.clone());
    let light = WorkClient::new(Client::new(&url).unwrap());
    let batch = tokio::spawn(async move {
        let calls: Vec<_> = (0..HEAVY).map(|_| heavy.compute()).collect();
        client.batch(calls).await.unwrap().into_iter().map(Result::unwrap).collect::<Vec<_>>()
    });
    has_begun.recv().await.unwrap();
    // Each of these calls needs a poll of its connection. For the first one, the server must even accept the
    // connection.
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(light.computed().await.unwrap());
    }
    assert!(seen.is_sorted() && seen[2] < HEAVY, "{seen:?}");
    assert_eq!(batch.await.unwrap(), (0..HEAVY).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_call_that_waits_delays_neither_its_batch_nor_its_connection() {
    let waiter = Arc::new(Notify::new());
    let releaser = Arc::clone(&waiter);
    let server = Server::builder()
        .method("wait", move || {
            let waiter = Arc::clone(&waiter);
            async move { waiter.notified().await }
        })
        // Runs only if the server polls it while the other entry of its batch is waiting.
        .method("release", move || {
            releaser.notify_one();
            async {}
        })
        .build();
    let client = Client::new(format!("http://{}", serve_on_one_thread(server))).unwrap();
    let (waited, done) = client.batch((client.call::<()>("wait", ()), client.call::<()>("release", ()))).await.unwrap();
    assert!(waited.is_ok() && done.is_ok());
    let waiting = tokio::spawn(client.call::<()>("wait", ()).into_future());
    client.call::<()>("release", ()).await.unwrap();
    waiting.await.unwrap().unwrap();
}
