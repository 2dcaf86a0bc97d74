//! Batches: the type of the results follows from the type of the calls.
//!
//! Run with: cargo run --example batch

use std::time::Duration;

use rpc::{Client, Error, RpcError, Server};

#[derive(Debug, thiserror::Error, RpcError)]
enum PriceError {
    #[error("no price for {symbol}")]
    #[rpc(code = 2001)]
    Unknown { symbol: String },
}

/// Prices of the day, in cents.
#[rpc::service(namespace = "price")]
trait Prices {
    /// Returns the latest price.
    #[rpc(readonly)]
    async fn latest(&self, symbol: String) -> Result<u64, PriceError>;

    /// Returns the symbols that have a price.
    #[rpc(readonly)]
    fn symbols(&self) -> Vec<String>;

    /// Records interest in a symbol.
    #[rpc(idempotent)]
    async fn watch(&self, symbol: String);
}

struct Board;

impl Prices for Board {
    async fn latest(&self, symbol: String) -> Result<u64, PriceError> {
        match &*symbol {
            "ACME" => Ok(12_50),
            "INITECH" => Ok(7_25),
            _ => Err(PriceError::Unknown { symbol }),
        }
    }

    fn symbols(&self) -> Vec<String> {
        vec!["ACME".to_owned(), "INITECH".to_owned()]
    }

    async fn watch(&self, symbol: String) {
        println!("server: somebody watches {symbol}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(PricesServer::new(Board)).build();
    let server = server.bind("127.0.0.1:0").await?.spawn();
    let client = Client::new(format!("http://{}", server.local_addr()))?;
    let prices = PricesClient::new(client.clone());

    // A tuple of calls with results of different types. Each call succeeds or fails separately.
    let (acme, nobody, symbols) =
        client.batch((prices.latest("ACME"), prices.latest("HOOLI"), prices.symbols())).await?;
    println!("ACME: {}", acme?);
    if let Err(Error::Method(PriceError::Unknown { symbol })) = nobody {
        println!("{symbol}: unknown, and no other call minds");
    }

    // A Vec of calls becomes a Vec of results, in the same order.
    let symbols = symbols?;
    let each = client.batch(symbols.iter().map(|symbol| prices.latest(symbol)).collect::<Vec<_>>()).await?;
    for (symbol, price) in symbols.iter().zip(each) {
        println!("{symbol}: {}", price?);
    }

    // A nested batch with a notification and an optional part, sent as one request with its own deadline.
    let extra = Some(prices.symbols());
    let ([first, second], watched, extra) = client
        .batch(([prices.latest("ACME"), prices.latest("INITECH")], prices.watch("ACME").notify(), extra))
        .deadline(Duration::from_secs(2))
        .await?;
    watched?;
    println!("sum: {}, and {:?} are known", first? + second?, extra.transpose()?.unwrap_or_default());

    server.shutdown().await;
    Ok(())
}
