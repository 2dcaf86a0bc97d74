//! A JSON-RPC server as a part of an axum application, beside other routes and behind its middleware.
//!
//! Run with: cargo run --example axum_mount

use std::net::SocketAddr;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, http::StatusCode};
use rpc::{Client, Context, Server};

/// Is what the middleware below learns and handlers see.
#[derive(Clone)]
struct Tenant(String);

async fn authenticate(mut request: Request, next: Next) -> Result<Response, StatusCode> {
    let tenant = request.headers().get("x-tenant").and_then(|tenant| tenant.to_str().ok());
    let tenant = Tenant(tenant.ok_or(StatusCode::UNAUTHORIZED)?.to_owned());
    request.extensions_mut().insert(tenant);
    Ok(next.run(request).await)
}

/// Greetings.
#[rpc::service]
trait Greeter {
    /// Greets somebody of the caller's tenant.
    #[rpc(readonly)]
    async fn greet(&self, #[rpc(context)] cx: &Context, name: String) -> String;
}

struct Greetings;

impl Greeter for Greetings {
    async fn greet(&self, cx: &Context, name: String) -> String {
        let tenant = cx.extensions().get::<Tenant>().map_or("nobody", |tenant| &tenant.0);
        let peer = if cx.peer_addr().is_some() { "a known address" } else { "somewhere" };
        format!("hello {name} of {tenant}, calling from {peer}")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(GreeterServer::new(Greetings)).build();
    let app = Router::new()
        .route("/health", get(|| async { "ok" }))
        .nest("/rpc", server.into_router().layer(from_fn(authenticate)));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    // The peer's address reaches handlers where the application passes it on.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });

    let url = format!("http://{addr}/rpc");
    let greeter = GreeterClient::new(Client::builder().endpoint(&url).header("x-tenant", "acme").build()?);
    println!("{}", greeter.greet("Ada").await?);

    let stranger = GreeterClient::new(Client::new(&url)?);
    let refused = stranger.greet("Eve").await.expect_err("strangers have no tenant");
    println!("without a tenant: {refused}");
    Ok(())
}
