//! A client with three servers. One of them stops and comes back, and no call fails.
//!
//! Run with: cargo run --example endpoints

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rpc::{Balance, CircuitBreaker, CircuitState, Client, Server, ServerHandle};

/// Something that a service does.
#[rpc::service]
trait Work {
    #[rpc(readonly)]
    async fn work(&self) -> u32;
}

/// Counts its calls, which outlive its server.
#[derive(Default)]
struct Worker(AtomicU32);

impl Work for Worker {
    async fn work(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

async fn serve(worker: &Arc<Worker>, addr: SocketAddr) -> Result<ServerHandle, std::io::Error> {
    let server = Server::builder().service(WorkServer::new(Arc::clone(worker))).build();
    Ok(server.bind(addr).await?.spawn())
}

/// Makes 300 calls, ten at a time, and shows which server ran how many.
async fn call(title: &str, client: &Client, workers: &[Arc<Worker>]) -> Result<(), rpc::Error> {
    let before: Vec<_> = workers.iter().map(|worker| worker.0.load(Ordering::Relaxed)).collect();
    for _ in 0..30 {
        let ten = (0..10).map(|_| tokio::spawn(WorkClient::new(client.clone()).work().into_future()));
        for call in ten.collect::<Vec<_>>() {
            call.await.expect("the task does not panic")?;
        }
    }
    println!("{title}:");
    for (endpoint, (worker, before)) in client.endpoints().iter().zip(workers.iter().zip(before)) {
        let calls = worker.0.load(Ordering::Relaxed) - before;
        println!(
            "  {}: {calls:>3} calls, circuit {}",
            endpoint.address().expect("over HTTP"),
            endpoint.circuit().as_str()
        );
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let workers: Vec<Arc<Worker>> = (0..3).map(|_| Arc::default()).collect();
    let mut servers = Vec::new();
    for worker in &workers {
        servers.push(serve(worker, "127.0.0.1:0".parse()?).await?);
    }
    let client = Client::builder()
        .endpoints(servers.iter().map(|server| format!("http://{}", server.local_addr())))
        // The default balancer would avoid a failed server for 5 s, and its circuit would rarely open.
        .balance(Balance::least_requests())
        .circuit_breaker(CircuitBreaker::default().open_time(Duration::from_millis(50)))
        .build()?;
    call("All servers run", &client, &workers).await?;

    let stopped = servers.remove(1);
    let addr = stopped.local_addr();
    stopped.shutdown().await;
    // Calls that meet the stopped server go to another one, without a pause and without a retry.
    call("The second server has stopped", &client, &workers).await?;

    servers.push(serve(&workers[1], addr).await?);
    // The client tests the server with single calls, and uses it again after three successes.
    while client.endpoints()[1].circuit() != CircuitState::Closed {
        WorkClient::new(client.clone()).work().await?;
    }
    call("The second server is back", &client, &workers).await?;

    for server in servers {
        server.shutdown().await;
    }
    Ok(())
}
