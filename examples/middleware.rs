//! Layers around calls: a function that audits, tower's limits around one method, and a rate limit per tenant.
//!
//! Run with: cargo run --example middleware --features rate-limit

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc::middleware::{Next, RateLimit, Request, Response, from_fn};
use rpc::{Client, Context, ErrorKind, ErrorObject, Retry, Server};
use tower::ServiceBuilder;

#[rpc::service(namespace = "account")]
trait Accounts {
    #[rpc(readonly)]
    async fn balance(&self, id: u64) -> Result<i64, ErrorObject>;
    async fn deposit(&self, id: u64, amount: i64) -> i64;
    /// Never ends.
    #[rpc(readonly)]
    async fn statement(&self) -> String;
}

struct Bank;

impl Accounts for Bank {
    async fn balance(&self, id: u64) -> Result<i64, ErrorObject> {
        if id == 7 { Ok(100) } else { Err(ErrorObject::new(1404, "no such account")) }
    }
    async fn deposit(&self, _id: u64, amount: i64) -> i64 {
        100 + amount
    }
    async fn statement(&self) -> String {
        std::future::pending().await
    }
}

static AUDITED: AtomicUsize = AtomicUsize::new(0);

/// Sees each call once, alone or in a batch, before and after its handler.
async fn audit(request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.params().unwrap_or_default());
    let response = next.run(request).await;
    let outcome = response.result_json().map(str::to_owned).or_else(|| Some(response.error_object()?.to_string()));
    println!("    audit: {line} -> {}", outcome.unwrap_or_default());
    AUDITED.fetch_add(1, Ordering::Relaxed);
    response
}

/// Rejects deposits that are not positive, so that the handler need not check them.
async fn only_positive(request: Request, next: Next) -> Result<Response, ErrorObject> {
    #[derive(serde::Deserialize)]
    struct Deposit {
        amount: i64,
    }
    if request.method() == "account.deposit" && request.parse_params::<Deposit>()?.amount <= 0 {
        return Err(ErrorObject::new(1422, "deposit something"));
    }
    Ok(next.run(request).await)
}

fn tenant(cx: &Context) -> Option<String> {
    cx.headers().get("x-tenant")?.to_str().ok().map(str::to_owned)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let patience = Duration::from_millis(50);
    let server = Server::builder()
        // The layer added first is the outermost one.
        .layer(from_fn(audit))
        .layer(RateLimit::per_minute(1).burst(6).key(tenant))
        .service(AccountsServer::new(Bank).layer(from_fn(only_positive)))
        .method_layer("account.statement", ServiceBuilder::new().timeout(patience).concurrency_limit(8))
        .build();
    let server = server.bind("127.0.0.1:0").await?.spawn();
    let url = format!("http://{}", server.local_addr());
    let client = Client::builder().endpoint(&url).header("x-tenant", "a").retry(Retry::never()).build()?;
    let accounts = AccountsClient::new(client.clone());

    println!("a batch, of which each entry passes:");
    let calls = (accounts.balance(7), accounts.balance(8), accounts.deposit(7, -5), accounts.deposit(7, 5));
    let (balance, nobody, negative, deposit) = client.batch(calls).await?;
    assert_eq!((balance?, deposit?), (100, 105));
    assert!(nobody.is_err() && negative.is_err());
    assert_eq!(AUDITED.load(Ordering::Relaxed), 4);

    println!("a call that takes too long for its layer:");
    assert!(accounts.statement().await.is_err_and(|error| error.is_timeout()));

    println!("more calls than the tenant has:");
    accounts.balance(7).await?;
    let error = accounts.balance(7).await.expect_err("the seventh call");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    println!("  {error}; another tenant is not concerned");
    assert_eq!(accounts.balance(7).header("x-tenant", "b").await?, 100);

    server.shutdown().await;
    Ok(())
}
