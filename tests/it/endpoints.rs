//! A client with several endpoints: which of them gets an attempt, and what happens when some of them fail.

mod balance;
mod coalescing;
mod discovery;
mod dns;
mod failover;
mod faults;
mod hash;
mod health;
mod hedging;
mod keys;
mod pinned;
mod reports;
mod single;
mod throttle;
mod tickets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rpc::{Balance, Client, ClientBuilder, Endpoint, Server, Subset};
use support::serve;

/// A server that counts the calls of its methods.
struct Counting {
    addr: SocketAddr,
    calls: Arc<AtomicU32>,
}

impl Counting {
    /// Serves `count`, which answers with the number of calls so far.
    async fn serve() -> Self {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let server = Server::builder().method("count", move || {
            let calls = counted.fetch_add(1, Ordering::Relaxed) + 1;
            async move { calls }
        });
        Self { addr: serve(&server.build()).await, calls }
    }

    fn endpoint(&self) -> Endpoint {
        endpoint(self.addr)
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

fn endpoint(addr: SocketAddr) -> Endpoint {
    Endpoint::new(format!("http://{addr}"))
}

fn in_turn() -> ClientBuilder {
    Client::builder().balance(Balance::round_robin())
}

#[tokio::test]
async fn endpoints_are_listed_by_tier_without_their_secrets() {
    let client = Client::builder()
        .endpoints([
            Endpoint::new("http://name:password@10.0.0.1:8080/secret").tier(1),
            Endpoint::new("https://10.0.0.2").weight(3).header("x-api-key", "secret"),
        ])
        .build()
        .unwrap();
    let endpoints = client.endpoints();
    let shown: Vec<_> = endpoints.iter().map(|endpoint| endpoint.address().unwrap().to_string()).collect();
    assert_eq!(shown, ["10.0.0.2:443", "10.0.0.1:8080"]);
    assert_eq!((endpoints[0].weight(), endpoints[0].tier()), (3, 0));
    assert_eq!((endpoints[1].weight(), endpoints[1].tier()), (1, 1));
    let debug = format!("{endpoints:?} {client:?}");
    assert!(!debug.contains("secret") && !debug.contains("password"), "{debug}");
}

#[tokio::test]
async fn bad_endpoint_is_reported_by_build() {
    let build = |endpoint| Client::builder().endpoints([Endpoint::new("http://10.0.0.1"), endpoint]).build();
    for (bad, message) in [
        (Endpoint::new("ftp://10.0.0.2"), "server's address must begin with http:// or https://"),
        (Endpoint::new("http://10.0.0.2").header("a b", "c"), "this is not the name of a header"),
    ] {
        let failure = build(bad).unwrap_err();
        assert!(failure.is_builder());
        assert_eq!(failure.to_string(), message);
    }
    let none: [Endpoint; 0] = [];
    assert_eq!(
        Client::builder().endpoints(none).build().unwrap_err().to_string(),
        "a client needs an endpoint or a transport"
    );
}

#[tokio::test]
async fn subset_is_rejected_with_a_balancer_that_needs_all_endpoints() {
    let many = || (1..250).map(|number| format!("http://10.0.0.{number}"));
    let client = Client::builder().endpoints(many()).subset(Subset::new(3)).build().unwrap();
    assert_eq!(client.endpoints().len(), 100);
    let hashing = Client::builder().endpoints(many()).subset(Subset::new(3)).balance(Balance::hash());
    assert_eq!(
        hashing.build().unwrap_err().to_string(),
        "a subset cannot be combined with a balancer that needs all endpoints, such as `Balance::hash`"
    );
}

#[tokio::test]
async fn header_of_an_endpoint_replaces_the_clients_and_yields_to_the_calls() {
    let server = Server::builder().method("key", |cx: rpc::Context| async move {
        cx.headers().get("x-api-key").map(|key| key.to_str().unwrap().to_owned())
    });
    let addr = serve(&server.build()).await;
    let client = in_turn()
        .endpoints([endpoint(addr), endpoint(addr).header("x-api-key", "endpoint")])
        .header("x-api-key", "client")
        .build()
        .unwrap();
    let mut keys = Vec::new();
    for _ in 0..2 {
        keys.push(client.call::<String>("key", ()).await.unwrap());
        assert_eq!(client.call::<String>("key", ()).header("x-api-key", "call").await.unwrap(), "call");
    }
    keys.sort();
    // Each second call goes to the same endpoint.
    assert_eq!(keys[0], keys[1]);
    let mut keys = Vec::new();
    for _ in 0..2 {
        keys.push(client.call::<String>("key", ()).await.unwrap());
    }
    keys.sort();
    assert_eq!(keys, ["client", "endpoint"]);
}
