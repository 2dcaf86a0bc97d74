//! Three servers, of which one answers late now and then. With hedging, another server answers instead.
//!
//! Run with: cargo run --example hedging

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rpc::{Balance, Client, ClientBuilder, Hedge, Server};

/// Something that a service looks up.
#[rpc::service]
trait Lookup {
    #[rpc(readonly)]
    async fn look_up(&self) -> u32;
}

/// Takes 5 ms, but 200 ms for some calls, as if it collected garbage.
struct Worker {
    calls: AtomicU32,
    late_every: Option<u32>,
}

impl Lookup for Worker {
    async fn look_up(&self) -> u32 {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let is_late = self.late_every.is_some_and(|every| call.is_multiple_of(every));
        tokio::time::sleep(Duration::from_millis(if is_late { 200 } else { 5 })).await;
        call
    }
}

/// Makes 2,000 calls, ten at a time, and shows how long they took.
async fn measure(title: &str, client: ClientBuilder) -> Result<(), Box<dyn std::error::Error>> {
    let second_requests = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&second_requests);
    let client = client.on_attempt(move |event| {
        count.fetch_add(u32::from(event.attempt.hedged), Ordering::Relaxed);
    });
    let client = client.build()?;
    let callers = (0..10).map(|_| {
        let client = LookupClient::new(client.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            for _ in 0..200 {
                let begun = Instant::now();
                client.look_up().await?;
                times.push(begun.elapsed());
            }
            Ok::<_, rpc::Error>(times)
        })
    });
    let mut times = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        times.extend(caller.await??);
    }
    times.sort();
    let percentile = |percent: usize| times[times.len() * percent / 100].as_millis();
    println!(
        "{title}: p50 {:>3} ms, p99 {:>3} ms, {} of {} calls had a second request",
        percentile(50),
        percentile(99),
        second_requests.load(Ordering::Relaxed),
        times.len(),
    );
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut servers = Vec::new();
    for late_every in [None, None, Some(20)] {
        let worker = Worker { calls: AtomicU32::new(0), late_every };
        let server = Server::builder().service(LookupServer::new(worker)).build();
        servers.push(server.bind("127.0.0.1:0").await?.spawn());
    }
    let client = || {
        let endpoints = servers.iter().map(|server| format!("http://{}", server.local_addr()));
        // The default balancer would soon avoid the third server.
        Client::builder().endpoints(endpoints).balance(Balance::round_robin())
    };
    measure("Without hedging", client()).await?;
    measure("With hedging   ", client().hedge(Hedge::percentile(0.95))).await?;
    for server in servers {
        server.shutdown().await;
    }
    Ok(())
}
