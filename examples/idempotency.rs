//! The answer is lost, but the effect happens once. First the client itself retries a payment under its key. Then a
//! restarted client redeems the ticket of a payment.
//!
//! Run with: cargo run --example idempotency

use std::sync::Mutex;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use rpc::{Client, Context, Error, Outcome, RpcError, Server, Ticket};
use uuid::Uuid;

/// Payments.
#[rpc::service(namespace = "payment")]
trait Payments {
    /// Pays, and returns the number of the receipt.
    async fn pay(&self, #[rpc(context)] cx: &Context, cents: u64) -> Result<usize, PaymentError>;
}

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
enum PaymentError {
    #[error("the bank has said no")]
    #[rpc(code = 1)]
    Declined,
    /// Nothing was paid, so the server releases the key and the client retries.
    #[error("the bank is busy")]
    #[rpc(code = 2, retryable)]
    BankBusy,
}

#[derive(Default)]
struct Bank {
    /// Receipts, each with the idempotency key of its call. A real service commits both in one transaction.
    paid: Mutex<Vec<(Uuid, u64)>>,
    asked: Mutex<u32>,
}

impl Payments for Bank {
    async fn pay(&self, cx: &Context, cents: u64) -> Result<usize, PaymentError> {
        let asked = {
            let mut asked = self.asked.lock().expect("no panic");
            *asked += 1;
            *asked
        };
        if asked == 1 {
            return Err(PaymentError::BankBusy);
        }
        if cents > 1_000_000 {
            return Err(PaymentError::Declined);
        }
        let key = cx.idempotency_key().expect("our client gives one");
        let mut paid = self.paid.lock().expect("no panic");
        paid.push((key, cents));
        Ok(paid.len())
    }
}

/// Loses the answer to each first attempt, after the payment is made.
async fn lose_answers(request: Request, next: Next) -> Response {
    let is_retry = |headers: &HeaderMap| headers.contains_key("rpc-attempt");
    let lost = request.method() == Method::POST && !is_retry(request.headers());
    let answer = next.run(request).await;
    if lost { StatusCode::GATEWAY_TIMEOUT.into_response() } else { answer }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bank = std::sync::Arc::new(Bank::default());
    let server = Server::builder().service(PaymentsServer::new(bank.clone())).build();
    let app = axum::Router::new().merge(server.into_router().layer(from_fn(lose_answers)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });

    let payments = PaymentsClient::new(Client::new(&url)?);
    println!("receipt {} for the first payment", payments.pay(4200).await?);
    println!("receipt {} for the second payment", payments.pay(100).await?);
    let declined = payments.pay(2_000_000).await;
    assert!(matches!(declined, Err(Error::Method(PaymentError::Declined))));

    // A caller that may be restarted keeps a ticket until it has the answer. After a restart, it redeems the ticket.
    let mut impatient = payments.pay(55).retry(rpc::Retry::never()).deadline(Duration::from_secs(1));
    let kept = impatient.ticket().await?.to_string();
    let lost = impatient.await.expect_err("its answer was lost");
    assert_eq!(lost.outcome(), Outcome::Unknown);
    let after_restart = PaymentsClient::new(Client::new(&url)?);
    let ticket: Ticket = kept.parse()?;
    // The answer to the first attempt is lost here too, so the client needs a second one.
    println!("receipt {} for the third payment", after_restart.pay(55).redeem(ticket.clone()).await?);

    // A server with another store cannot know whether the call has run, so it does not run the call.
    let forgetful = Server::builder().service(PaymentsServer::new(bank.clone())).build();
    let unknown = PaymentsClient::new(Client::in_process(&forgetful)).pay(55).redeem(ticket).await;
    assert_eq!(unknown.expect_err("it has another store").outcome(), Outcome::Unknown);

    let paid: Vec<u64> = bank.paid.lock().expect("no panic").iter().map(|(_, cents)| *cents).collect();
    assert_eq!(paid, [4200, 100, 55], "each was paid once");
    println!("paid: {paid:?}");
    Ok(())
}
