//! Streams prices to a client, while the server restarts. The client continues behind the last price that it has, so
//! it gets each one once.
//!
//! Run with: cargo run --example stream

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream;
use rpc::{After, At, Client, Server, ServerHandle, Stream};
use tokio::sync::watch;

#[rpc::service(namespace = "market")]
trait Market {
    /// The prices behind a cursor, and each new one.
    #[rpc(stream, resume)]
    fn prices(&self, after: After<usize>) -> impl Stream<Item = At<usize, f64>> + Send;
}

/// All prices so far. A real service reads them from a database or a queue, which outlive the server, too.
#[derive(Clone)]
struct Prices(watch::Receiver<Vec<f64>>);

impl Market for Prices {
    fn prices(&self, after: After<usize>) -> impl Stream<Item = At<usize, f64>> + Send {
        let first = after.cursor().map_or(0, |last| last + 1);
        stream::unfold((self.0.clone(), first), |(mut prices, next)| async move {
            let price = prices.wait_for(|prices| prices.len() > next).await.ok()?[next];
            Some((At::new(next, price), (prices, next + 1)))
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (exchange, prices) = watch::channel(Vec::new());
    tokio::spawn(async move {
        for number in 0..30 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            exchange.send_modify(|prices| prices.push(1.08 + f64::from(number) / 1000.0));
        }
    });

    let mut server = start(&prices, "127.0.0.1:0".parse()?).await?;
    let market = MarketClient::new(Client::new(format!("http://{}", server.local_addr()))?);
    let mut received = market.prices().await?;
    let mut count = 0;
    while let Some(price) = received.next().await {
        println!("price {}: {:.3}", count + 1, price?);
        count += 1;
        if count % 10 == 0 && count < 30 {
            let addr = server.local_addr();
            server.shutdown().await;
            println!("the server has stopped");
            server = start(&prices, addr).await?;
        }
    }
    assert_eq!((count, received.cursor()), (30, Some(29)));
    println!("all {count} prices have come once");
    server.shutdown().await;
    Ok(())
}

/// Starts a server of the prices.
async fn start(prices: &watch::Receiver<Vec<f64>>, addr: SocketAddr) -> std::io::Result<ServerHandle> {
    let server = Server::builder().service(MarketServer::new(Prices(prices.clone()))).build();
    Ok(server.bind(addr).await?.spawn())
}
