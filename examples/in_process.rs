//! Business code that uses a typed client, tested without a socket.
//!
//! Run with: cargo run --example in_process
//!
//! Run its test with: cargo test --example in_process

use rpc::{Error, RpcError};

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
enum StockError {
    #[error("only {left} left")]
    #[rpc(code = 4001)]
    OutOfStock { left: u32 },
}

/// A warehouse.
#[rpc::service(namespace = "stock")]
trait Stock {
    /// Sets goods aside and returns the reservation's number.
    async fn reserve(&self, article: String, count: u32) -> Result<u64, StockError>;
}

/// The business code. It has a client and does not know where the service runs.
async fn order(stock: &StockClient, article: &str, wanted: u32) -> Result<String, Error<StockError>> {
    match stock.reserve(article, wanted).await {
        Ok(number) => Ok(format!("reserved {wanted} x {article} under {number}")),
        Err(Error::Method(StockError::OutOfStock { left })) if left > 0 => {
            let number = stock.reserve(article, left).await?;
            Ok(format!("reserved the last {left} x {article} under {number}"))
        }
        Err(error) => Err(error),
    }
}

/// A fake warehouse: it always has three of each article.
struct ThreeOfEach;

impl Stock for ThreeOfEach {
    async fn reserve(&self, _: String, count: u32) -> Result<u64, StockError> {
        if count <= 3 { Ok(17) } else { Err(StockError::OutOfStock { left: 3 }) }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stock = StockClient::of(ThreeOfEach);
    println!("{}", order(&stock, "anvil", 2).await?);
    println!("{}", order(&stock, "anvil", 5).await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{StockClient, ThreeOfEach, order};

    #[tokio::test]
    async fn an_order_that_is_too_large_takes_what_is_left() {
        let message = order(&StockClient::of(ThreeOfEach), "anvil", 5).await.unwrap();
        assert_eq!(message, "reserved the last 3 x anvil under 17");
    }
}
