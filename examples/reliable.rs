//! A client that reaches its server although two of three requests fail. No deposit runs twice.
//!
//! Run with: cargo run --example reliable

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use rpc::{Client, Retry, RetryBudget, Server};

/// An account.
#[rpc::service(namespace = "account")]
trait Account {
    /// Returns the balance. A readonly method, so every repeat is safe.
    #[rpc(readonly)]
    async fn balance(&self) -> u32;
    /// Deposits money. A second run would be wrong, so the client retries only under the idempotency key.
    async fn deposit(&self, amount: u32) -> u32;
}

#[derive(Default)]
struct Money(AtomicU32);

impl Account for Money {
    async fn balance(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
    async fn deposit(&self, amount: u32) -> u32 {
        self.0.fetch_add(amount, Ordering::Relaxed) + amount
    }
}

/// Fails two of three requests: one before the server sees it, and one after it has run.
async fn fail(State(count): State<Arc<AtomicU32>>, request: Request, next: Next) -> Response {
    if request.method() == Method::HEAD {
        return next.run(request).await;
    }
    match count.fetch_add(1, Ordering::Relaxed) % 3 {
        0 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        1 => {
            let _lost = next.run(request).await;
            StatusCode::BAD_GATEWAY.into_response()
        }
        _ => next.run(request).await,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let money = Arc::new(Money::default());
    let server = Server::builder().service(AccountServer::new(Arc::clone(&money))).build();
    let app = axum::Router::new().nest("/rpc", server.into_router());
    let app = app.layer(from_fn_with_state(Arc::new(AtomicU32::new(0)), fail));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/rpc", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client = Client::builder()
        .endpoint(url)
        .deadline(Duration::from_secs(5))
        .retry(Retry::exponential().max_attempts(4).base(Duration::from_millis(10)))
        // By default, a client makes at most 10 retries a second. This server makes more of them necessary.
        .retry_budget(RetryBudget::default().per_second(100.0).per_success(3.0))
        .on_attempt(|event| {
            let number = event.attempt.number;
            match (&event.attempt.error, event.retry_in) {
                (Some(error), Some(_)) => println!("  {} attempt {number}: {error}; again", event.method),
                (Some(error), None) => println!("  {} attempt {number}: {error}; gives up", event.method),
                (None, _) => println!("  {} attempt {number}: answered", event.method),
            }
        })
        .build()?;
    let account = AccountClient::new(client.clone());

    for amount in [10, 20, 30] {
        println!("balance {}", account.deposit(amount).await?);
    }
    // The client retries only the failed entries of a batch.
    let (forty, balance) = client.batch((account.deposit(40), account.balance())).await?;
    println!("balance {}, seen on the way: {}", forty?, balance?);

    assert_eq!(money.0.load(Ordering::Relaxed), 100, "each deposit has run once");
    println!("in the end there are {}", account.balance().await?);
    Ok(())
}
