//! A client whose endpoints come from a source: sets are replaced while it runs.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use rpc::client_middleware::BoxError;
use rpc::transport::{HttpTransport, Reply, Request, ServerAddress, Transport};
use rpc::{BoxFuture, Client, Discover, Endpoint, ErrorKind, Failure, Outcome, Retry};
use support::refusing;
use tokio::sync::{mpsc, watch};

use super::{Counting, endpoint};

/// A source that reports what a test sends it, and counts its readers and its questions.
#[derive(Clone)]
struct Scripted(Arc<ScriptedInner>);

struct ScriptedInner {
    items: tokio::sync::Mutex<mpsc::UnboundedReceiver<Item>>,
    readers: AtomicU32,
    refreshes: watch::Sender<u32>,
}

enum Item {
    Set(Vec<Endpoint>),
    Error(&'static str),
    Panic,
    End,
}

impl Scripted {
    fn new() -> (mpsc::UnboundedSender<Item>, Self) {
        let (send, items) = mpsc::unbounded_channel();
        let (readers, refreshes) = (AtomicU32::new(0), watch::Sender::new(0));
        (send, Self(Arc::new(ScriptedInner { items: tokio::sync::Mutex::new(items), readers, refreshes })))
    }

    fn readers(&self) -> u32 {
        self.0.readers.load(Ordering::Relaxed)
    }
}

impl Discover for Scripted {
    fn watch(&self) -> impl Stream<Item = Result<Vec<Endpoint>, BoxError>> + Send {
        self.0.readers.fetch_add(1, Ordering::Relaxed);
        stream::unfold((), |()| async {
            match self.0.items.lock().await.recv().await? {
                Item::Set(endpoints) => Some((Ok(endpoints), ())),
                Item::Error(text) => Some((Err(text.into()), ())),
                Item::Panic => panic!("of the source"),
                Item::End => None,
            }
        })
        .boxed()
    }

    fn refresh(&self) {
        self.0.refreshes.send_modify(|count| *count += 1);
    }
}

fn ports(client: &Client) -> Vec<u16> {
    let mut ports: Vec<_> = client.endpoints().iter().map(|endpoint| endpoint.address().unwrap().port).collect();
    ports.sort_unstable();
    ports
}

/// Waits until the client has these endpoints.
async fn until_ports(client: &Client, mut expected: Vec<u16>) {
    expected.sort_unstable();
    let mut watch = client.watch_endpoints();
    while ports(client) != expected {
        watch.changed().await.unwrap();
    }
}

async fn count(client: &Client) -> Result<u32, rpc::Error> {
    client.call::<u32>("count", ()).await
}

#[tokio::test]
async fn set_changes_while_no_call_runs() {
    let (one, other) = (Counting::serve().await, Counting::serve().await);
    let (set, source) = watch::channel(vec![one.endpoint()]);
    let client = Client::builder().discover(source).build().unwrap();
    until_ports(&client, vec![one.addr.port()]).await;
    set.send_replace(vec![one.endpoint(), other.endpoint()]);
    until_ports(&client, vec![one.addr.port(), other.addr.port()]).await;
    set.send_replace(vec![other.endpoint()]);
    until_ports(&client, vec![other.addr.port()]).await;
    for _ in 0..10 {
        count(&client).await.unwrap();
    }
    assert_eq!((one.calls(), other.calls()), (0, 10));
}

#[tokio::test]
async fn server_that_leaves_the_set_under_traffic_gets_no_later_call_and_fails_none() {
    let servers = [Counting::serve().await, Counting::serve().await, Counting::serve().await];
    let (set, source) = watch::channel(servers.each_ref().map(Counting::endpoint).to_vec());
    let client = Client::builder().discover(source).retry(Retry::never()).build().unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let callers = [(); 8].map(|()| {
        let (client, is_over) = (client.clone(), Arc::clone(&is_over));
        tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                count(&client).await.unwrap();
            }
        })
    });
    while servers.iter().any(|server| server.calls() < 20) {
        tokio::task::yield_now().await;
    }
    set.send_replace(servers[..2].iter().map(Counting::endpoint).collect());
    until_ports(&client, servers[..2].iter().map(|server| server.addr.port()).collect()).await;
    is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let calls = servers[2].calls();
    for _ in 0..100 {
        count(&client).await.unwrap();
    }
    assert_eq!(servers[2].calls(), calls);
}

/// A transport that replaces the set before it sends, and waits until the client has the new one.
#[derive(Debug)]
struct Hooked {
    http: HttpTransport,
    replace: watch::Sender<Vec<Endpoint>>,
    remaining: Vec<u16>,
    client: Arc<OnceLock<Client>>,
    sent: Arc<AtomicU32>,
}

impl Transport for Hooked {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let remaining = self.remaining.clone();
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.replace
            .send_replace(remaining.iter().map(|port| Endpoint::new(format!("http://127.0.0.1:{port}"))).collect());
        let (client, http) = (Arc::clone(&self.client), self.http.clone());
        Box::pin(async move {
            until_ports(client.get().unwrap(), remaining).await;
            http.send(request).await
        })
    }

    fn server_address(&self) -> Option<ServerAddress> {
        self.http.server_address()
    }
}

/// An index into the set would now name another endpoint.
#[tokio::test]
async fn endpoint_that_is_removed_between_pick_and_send_still_gets_the_call() {
    let (removed, others) = (Counting::serve().await, [Counting::serve().await, Counting::serve().await]);
    let (replace, source) = watch::channel(Vec::new());
    let (client, sent) = (Arc::new(OnceLock::new()), Arc::default());
    let hooked = Hooked {
        http: HttpTransport::new(format!("http://{}", removed.addr)).unwrap(),
        replace: replace.clone(),
        remaining: others.each_ref().map(|server| server.addr.port()).to_vec(),
        client: Arc::clone(&client),
        sent: Arc::clone(&sent),
    };
    replace.send_replace(vec![Endpoint::transport(hooked)]);
    let client = client.get_or_init(|| Client::builder().discover(source).build().unwrap());
    count(client).await.unwrap();
    assert_eq!((removed.calls(), sent.load(Ordering::Relaxed)), (1, 1));
    for _ in 0..10 {
        count(client).await.unwrap();
    }
    assert_eq!(removed.calls(), 1);
    assert_eq!(others.iter().map(Counting::calls).sum::<u32>(), 10);
}

#[tokio::test]
async fn empty_set_and_an_error_keep_the_endpoints() {
    let server = Counting::serve().await;
    let (source, scripted) = Scripted::new();
    let client = Client::builder().discover(scripted).build().unwrap();
    source.send(Item::Set(vec![server.endpoint()])).unwrap();
    count(&client).await.unwrap();
    assert!(client.discovery().unwrap().last_error().is_none());
    for (item, error) in [
        (Item::Set(Vec::new()), "the source reported a set without endpoints"),
        (Item::Set(vec![Endpoint::new("ftp://x")]), "server's address must begin with http:// or https://"),
        (Item::Error("registry is down"), "registry is down"),
    ] {
        source.send(item).unwrap();
        while client.discovery().unwrap().last_error() != Some(error) {
            tokio::task::yield_now().await;
        }
        count(&client).await.unwrap();
    }
    let status = client.discovery().unwrap();
    assert!(status.age().is_some() && !status.has_ended());
}

#[tokio::test]
async fn endpoint_that_cannot_be_set_up_does_not_keep_the_others_out() {
    let server = Counting::serve().await;
    let (source, scripted) = Scripted::new();
    let client = Client::builder().discover(scripted).build().unwrap();
    source.send(Item::Set(vec![Endpoint::new("ftp://x"), server.endpoint()])).unwrap();
    count(&client).await.unwrap();
    assert_eq!(client.endpoints().len(), 1);
    assert_eq!(client.discovery().unwrap().last_error(), Some("server's address must begin with http:// or https://"));
}

#[tokio::test]
async fn calls_before_the_first_set_wait_for_it() {
    let server = Counting::serve().await;
    let (source, scripted) = Scripted::new();
    let client = Client::builder().discover(scripted).build().unwrap();
    let early = tokio::spawn({
        let client = client.clone();
        async move {
            let batch = client.batch([client.call::<u32>("count", ()), client.call("count", ())]);
            let (batch, mut ticketed) = (batch.await.unwrap(), client.call::<u32>("count", ()));
            ticketed.ticket().await.unwrap();
            (batch.len(), ticketed.await)
        }
    });
    tokio::task::yield_now().await;
    source.send(Item::Error("not yet")).unwrap();
    source.send(Item::Set(vec![server.endpoint()])).unwrap();
    let (count, ticketed) = early.await.unwrap();
    assert_eq!((count, ticketed.unwrap()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn call_without_an_endpoint_until_its_deadline_was_not_sent() {
    let (source, scripted) = Scripted::new();
    let client = Client::builder().discover(scripted).build().unwrap();
    source.send(Item::Error("registry is down")).unwrap();
    let call = client.call::<u32>("count", ()).deadline(Duration::from_millis(200)).await;
    let error = call.unwrap_err();
    assert_eq!((error.outcome(), error.kind()), (Outcome::NotSent, ErrorKind::Unavailable));
    assert_eq!(error.to_string(), "no endpoint has been discovered");
    let source_text = std::error::Error::source(error.failure().unwrap()).unwrap().to_string();
    assert_eq!(source_text, "registry is down");
    assert_eq!(error.attempts().len(), 1);
}

#[tokio::test]
async fn source_that_ends_without_endpoints_ends_the_wait() {
    let (source, scripted) = Scripted::new();
    let client = Client::builder().discover(scripted.clone()).build().unwrap();
    source.send(Item::End).unwrap();
    let error = count(&client).await.unwrap_err();
    assert_eq!(error.to_string(), "no endpoint has been discovered");
    assert!(client.discovery().unwrap().has_ended());
    count(&client).await.unwrap_err();
    assert_eq!(scripted.readers(), 1, "a source that has ended is not read again");
}

#[tokio::test]
async fn endpoint_in_both_sets_keeps_its_state_and_takes_its_new_weight_and_tier() {
    let (server, other) = (Counting::serve().await, refusing());
    let (set, source) = watch::channel(vec![server.endpoint(), endpoint(other)]);
    let client = Client::builder().discover(source).build().unwrap();
    count(&client).await.unwrap();
    let before = client.endpoints();
    set.send_replace(vec![endpoint(other).tier(1).weight(3), server.endpoint()]);
    client.watch_endpoints().changed().await.unwrap();
    let after = client.endpoints();
    assert!(Arc::ptr_eq(&before[0], &after[0]) && Arc::ptr_eq(&before[1], &after[1]));
    assert_eq!((after[1].tier(), after[1].weight()), (1, 3));
    // With another header, it is another endpoint.
    set.send_replace(vec![server.endpoint().header("x-api-key", "new")]);
    client.watch_endpoints().changed().await.unwrap();
    assert!(!Arc::ptr_eq(&before[0], &client.endpoints()[0]));
}

#[test]
fn client_that_is_built_outside_a_runtime_reads_its_source_from_its_first_call_on() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (source, scripted) = Scripted::new();
    let client = Client::builder().discover(scripted.clone()).build().unwrap();
    assert_eq!(scripted.readers(), 0);
    for runs in 1..=2 {
        // The runtime of the first task ends with its block, and the next call starts another task.
        runtime().block_on(async {
            let server = Counting::serve().await;
            source.send(Item::Set(vec![server.endpoint()])).unwrap();
            if runs == 2 {
                // The endpoints of the first runtime are still there.
                let _ = count(&client).await;
                until_ports(&client, vec![server.addr.port()]).await;
            }
            assert!(count(&client).await.is_ok());
        });
        assert_eq!(scripted.readers(), runs);
    }
}

#[tokio::test]
async fn source_that_panics_is_read_again_without_a_call() {
    let (server, other) = (Counting::serve().await, Counting::serve().await);
    let (source, scripted) = Scripted::new();
    let client = Client::builder().discover(scripted.clone()).build().unwrap();
    source.send(Item::Set(vec![server.endpoint()])).unwrap();
    count(&client).await.unwrap();
    source.send(Item::Panic).unwrap();
    while client.discovery().unwrap().last_error() != Some("the source of endpoints panicked") {
        tokio::task::yield_now().await;
    }
    count(&client).await.unwrap();
    source.send(Item::Set(vec![other.endpoint()])).unwrap();
    until_ports(&client, vec![other.addr.port()]).await;
    assert_eq!(scripted.readers(), 2);
}

#[tokio::test]
async fn source_is_dropped_with_the_client() {
    let (_source, scripted) = Scripted::new();
    let client = Client::builder().discover(scripted.clone()).build().unwrap();
    let pinned = client.pinned();
    while scripted.readers() == 0 {
        tokio::task::yield_now().await;
    }
    drop(client);
    tokio::task::yield_now().await;
    assert!(Arc::strong_count(&scripted.0) > 1, "a pinned client still needs the source");
    drop(pinned);
    while Arc::strong_count(&scripted.0) > 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn failed_connect_asks_the_source_for_a_new_set() {
    let (source, scripted) = Scripted::new();
    let mut refreshes = scripted.0.refreshes.subscribe();
    let client = Client::builder().discover(scripted).build().unwrap();
    source.send(Item::Set(vec![endpoint(refusing())])).unwrap();
    let call = client.call::<u32>("count", ()).retry(Retry::never()).await;
    assert!(call.unwrap_err().is_connect());
    assert_eq!(*refreshes.wait_for(|count| *count > 0).await.unwrap(), 1);
}

#[tokio::test]
async fn client_has_either_a_source_or_endpoints() {
    let source = || watch::channel(vec!["http://127.0.0.1:1"]).1;
    for builder in [
        Client::builder().endpoint("http://127.0.0.1:1").discover(source()),
        Client::builder().transport(HttpTransport::new("http://127.0.0.1:1").unwrap()).discover(source()),
    ] {
        let failure = builder.build().unwrap_err();
        assert_eq!(failure.to_string(), "a client with a source of endpoints has no endpoint or transport of its own");
    }
}
