//! Errors: declared errors across the wire, wrapped errors, and all other ways in which a call can fail.
//!
//! Run with: cargo run --example errors

use std::time::Duration;

use rpc::{Client, Error, ErrorCode, RpcError, Server};
use serde_json::json;

#[derive(Debug, thiserror::Error, RpcError)]
enum AccountError {
    #[error("account {account} is locked")]
    #[rpc(code = 3001)]
    Locked { account: u64 },
    /// Tells the client that the call had no effect, so that it can retry.
    #[error("the ledger is busy")]
    #[rpc(code = 3002, retryable)]
    Busy,
}

#[derive(Debug, thiserror::Error, RpcError)]
enum TransferError {
    #[error("balance is {missing} short")]
    #[rpc(code = 3101)]
    Insufficient { missing: u64 },
    /// The errors of another service keep their own codes.
    #[error(transparent)]
    #[rpc(transparent)]
    Account(AccountError),
}

/// A ledger.
#[rpc::service(namespace = "ledger")]
trait Ledger {
    /// Moves money and returns the remaining balance.
    async fn transfer(&self, from: u64, amount: u64) -> Result<u64, TransferError>;

    /// Closes the books. Never ends.
    async fn close(&self);
}

struct Books;

impl Ledger for Books {
    async fn transfer(&self, from: u64, amount: u64) -> Result<u64, TransferError> {
        match from {
            1 => 100_u64.checked_sub(amount).ok_or_else(|| TransferError::Insufficient { missing: amount - 100 }),
            2 => Err(TransferError::Account(AccountError::Locked { account: from })),
            _ => panic!("the details of this panic stay on the server"),
        }
    }

    async fn close(&self) {
        std::future::pending::<()>().await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(LedgerServer::new(Books)).build();
    let server = server.bind("127.0.0.1:0").await?.spawn();
    let client = Client::new(format!("http://{}", server.local_addr()))?;
    let ledger = LedgerClient::new(client.clone());

    // A declared error arrives as the variant that the server returned, fields included. The handler of the last call
    // panics: Rust reports the panic on standard error, and the server keeps running.
    for (from, amount) in [(1, 30), (1, 130), (2, 30), (3, 30)] {
        match ledger.transfer(from, amount).await {
            Ok(left) => println!("ok:       {left} left"),
            Err(Error::Method(TransferError::Insufficient { missing })) => println!("method:   {missing} missing"),
            Err(Error::Method(TransferError::Account(error))) => println!("method:   {error}"),
            Err(Error::Rpc(error)) if error.code() == ErrorCode::INTERNAL_ERROR => println!("rpc:      {error}"),
            Err(other) => println!("other:    {other}"),
        }
    }

    // The error names the invalid parameter and what the server expected.
    let error = client.call::<u64>("ledger.transfer", json!({ "from": 1 })).await.expect_err("amount is missing");
    if let Error::Rpc(error) = error {
        println!("rpc:      {error}, data {}", error.data().map_or("none", |data| data.get()));
    }

    // Failures come from the framework. Their outcome tells whether the call can have run.
    let error = ledger.close().deadline(Duration::from_millis(50)).await.expect_err("it never ends");
    println!("failure:  {error}, outcome {:?}", error.outcome());
    server.shutdown().await;
    let error = ledger.transfer(1, 1).await.expect_err("nobody listens");
    println!("failure:  {error}, outcome {:?}", error.outcome());
    Ok(())
}
