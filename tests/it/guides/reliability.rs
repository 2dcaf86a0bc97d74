//! The code of docs/reliability.md.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::HeaderMap;
use rpc::idempotency::PostgresStore;
use rpc::{AttemptEvent, Retry, RetryBudget, Server};

#[rpc::service]
trait Users {
    #[rpc(readonly)]
    async fn get(&self, id: u64) -> String;
}

#[rpc::service]
trait Orders {
    async fn place(&self, item: String) -> u64;
}

#[rpc::service]
trait Payments {
    async fn pay(&self, amount: u64) -> String;
}

/// What a caller keeps across its restarts.
trait Database {
    fn save(&self, name: &str, text: String) -> io::Result<()>;
    fn load(&self, name: &str) -> io::Result<String>;
}

fn metrics(event: &AttemptEvent<'_>) {}

fn subject_of(headers: &HeaderMap) -> Option<String> {
    None
}

#[expect(clippy::redundant_closure, reason = "the guide shows what the hook gets")]
async fn retries(users: UsersClient) -> Result<(), Box<dyn Error>> {
    let client = rpc::Client::builder()
        .endpoint("http://127.0.0.1:8080")
        .deadline(Duration::from_secs(5))
        .retry(Retry::exponential().max_attempts(4).base(Duration::from_millis(20)))
        .method_retry("report.create", Retry::never())
        .retry_budget(RetryBudget::new(50).per_second(5.0))
        .on_attempt(|event| metrics(event))
        .build()?;
    users.get(1).retry(Retry::never()).await?;
    Ok(())
}

async fn shared_store(orders: impl Orders) -> Result<(), Box<dyn Error>> {
    let store = PostgresStore::connect("host=db user=orders dbname=orders").await?;
    let server = Server::builder()
        .service(OrdersServer::new(orders))
        .idempotency_store(store)
        .idempotency_scope(|request| subject_of(&request.headers))
        .build();
    Ok(())
}

async fn tickets(payments: PaymentsClient, database: impl Database) -> Result<(), Box<dyn Error>> {
    let mut pay = payments.pay(4200);
    let ticket = pay.ticket().await?;
    database.save("ticket", ticket.to_string())?;
    let receipt = pay.await?;

    let receipt = payments.pay(4200).redeem(database.load("ticket")?.parse()?).await?;
    Ok(())
}
