//! Idempotency keys of a client with several endpoints: a call that may have run goes only to a server that would know.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rpc::idempotency::MemoryStore;
use rpc::{Client, Endpoint, Outcome, Retry, Server, ServerHandle};
use support::raw_http::TEST_TIMEOUT;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use super::in_turn;

/// A server whose method `pay` counts payments.
struct Till {
    server: ServerHandle,
    payments: Arc<AtomicU32>,
}

impl Till {
    async fn serve(store: Arc<MemoryStore>) -> Self {
        let payments = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&payments);
        let server = Server::builder().idempotency_store(store).method("pay", move || {
            let payments = counted.fetch_add(1, Ordering::Relaxed) + 1;
            async move { payments }
        });
        Self { server: server.build().bind("127.0.0.1:0").await.unwrap().spawn(), payments }
    }

    fn payments(&self) -> u32 {
        self.payments.load(Ordering::Relaxed)
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::new(format!("http://{}", self.server.local_addr()))
    }

    /// Returns an endpoint in front of this server that loses the answer to each POST, and then refuses connections.
    async fn losing_answers(&self) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, upstream) = (listener.local_addr().unwrap(), self.server.local_addr());
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if !forward(client, TcpStream::connect(upstream).await.unwrap()).await {
                    return;
                }
            }
        });
        Endpoint::new(format!("http://{addr}"))
    }
}

/// Forwards a connection. Ends when a POST was answered, whose answer is lost. Returns whether there was none.
async fn forward(client: TcpStream, server: TcpStream) -> bool {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let is_post = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = Arc::clone(&is_post);
    let requests = tokio::spawn(async move {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
            seen.fetch_or(bytes[..count].windows(5).any(|part| part == b"POST "), Ordering::SeqCst);
            if to_server.write_all(&bytes[..count]).await.is_err() {
                break;
            }
        }
    });
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from_server.read(&mut bytes).await {
        if is_post.load(Ordering::SeqCst) {
            requests.abort();
            return false;
        }
        to_client.write_all(&bytes[..count]).await.unwrap();
    }
    let _ = copy(&mut from_server, &mut to_client).await;
    true
}

fn client(first: Endpoint, second: Endpoint) -> Client {
    // The lower tier is used only after the first one has failed.
    in_turn()
        .endpoints([first, second.tier(1)])
        .retry(Retry::exponential().base(Duration::from_millis(1)))
        .deadline(Duration::from_secs(5))
        .build()
        .unwrap()
}

async fn pay(client: &Client) -> Result<u32, rpc::Error> {
    tokio::time::timeout(TEST_TIMEOUT, client.call::<u32>("pay", ()).into_future()).await.unwrap()
}

#[tokio::test]
async fn call_that_may_have_run_is_answered_by_another_endpoint_with_the_same_store() {
    let store = Arc::new(MemoryStore::default());
    let (one, two) = (Till::serve(Arc::clone(&store)).await, Till::serve(store).await);
    let client = client(one.losing_answers().await, two.endpoint());
    assert_eq!(pay(&client).await.unwrap(), 1);
    assert_eq!((one.payments(), two.payments()), (1, 0));
}

#[tokio::test]
async fn call_that_may_have_run_is_not_sent_to_an_endpoint_with_another_store() {
    let (one, two) = (Till::serve(Arc::default()).await, Till::serve(Arc::default()).await);
    let client = client(one.losing_answers().await, two.endpoint());
    let error = pay(&client).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!((one.payments(), two.payments()), (1, 0));
    // The next call was never sent to the first endpoint, and has the store of the second one.
    assert_eq!(pay(&client).await.unwrap(), 1);
    assert_eq!((one.payments(), two.payments()), (1, 1));
}

#[tokio::test]
async fn ticket_is_redeemed_at_an_endpoint_with_its_store() {
    let (one, two) = (Till::serve(Arc::default()).await, Till::serve(Arc::default()).await);
    let first = Client::builder().endpoint(two.endpoint()).build().unwrap();
    let mut call = first.call::<u32>("pay", ());
    let ticket = call.ticket().await.unwrap();
    assert_eq!(call.await.unwrap(), 1);
    for _ in 0..4 {
        let both = in_turn().endpoints([one.endpoint(), two.endpoint()]).build().unwrap();
        assert_eq!(both.call::<u32>("pay", ()).redeem(ticket.clone()).await.unwrap(), 1);
    }
    assert_eq!((one.payments(), two.payments()), (0, 1));
}
