//! Concurrent callers share one client. With coalescing, the server sees far fewer HTTP requests.
//!
//! Run with: cargo run --example coalescing

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rpc::client_middleware::{Next, from_fn};
use rpc::transport::Request;
use rpc::{Client, Coalesce, Server};

const CALLERS: u64 = 64;
const CALLS: u64 = 50;

/// Prices of articles.
#[rpc::service]
trait Prices {
    #[rpc(readonly)]
    async fn price(&self, article: u64) -> u64;
}

struct Shop;

impl Prices for Shop {
    async fn price(&self, article: u64) -> u64 {
        100 + article
    }
}

/// Lets 64 tasks make 50 calls each, one after the other. Returns the number of HTTP requests.
async fn requests(url: &str, coalesce: Option<Coalesce>) -> Result<u32, Box<dyn std::error::Error>> {
    let requests = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&requests);
    let count = from_fn(move |request: Request, next: Next<Request>| {
        counted.fetch_add(1, Ordering::Relaxed);
        next.run(request)
    });
    let client = Client::builder().endpoint(url).coalesce(coalesce).attempt_layer(count).build()?;
    let caller = |caller: u64| {
        let prices = PricesClient::new(client.clone());
        tokio::spawn(async move {
            for call in 0..CALLS {
                let article = caller * CALLS + call;
                // The callers know nothing of batches, and each gets its own answer.
                assert_eq!(prices.price(article).await?, 100 + article);
            }
            Ok::<_, rpc::Error>(())
        })
    };
    for caller in (0..CALLERS).map(caller).collect::<Vec<_>>() {
        caller.await??;
    }
    Ok(requests.load(Ordering::Relaxed))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(PricesServer::new(Shop)).build();
    let server = server.bind("127.0.0.1:0").await?.spawn();
    let url = format!("http://{}", server.local_addr());

    let without = requests(&url, None).await?;
    let with = requests(&url, Some(Coalesce::default())).await?;
    println!("{} calls of {CALLERS} concurrent callers", CALLERS * CALLS);
    println!("  without coalescing: {without} HTTP requests");
    println!("  with coalescing:    {with} HTTP requests");
    assert!(with < without);

    server.shutdown().await;
    Ok(())
}
