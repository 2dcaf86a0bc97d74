//! A JSON-RPC server as part of an axum application, next to other routes and behind the application's middleware.
//!
//! axum's extractors run in the middleware. Handlers read what the middleware inserts into the request's extensions
//! from `cx.extensions()`.
//!
//! Run with: cargo run --example axum_mount

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use rpc::{Client, Context, Server};

/// The names of the tenants, by their keys.
type Tenants = Arc<HashMap<&'static str, &'static str>>;

/// What the middleware below finds out, and handlers read.
#[derive(Clone)]
struct Tenant {
    name: &'static str,
    is_local: bool,
}

/// Identifies the tenant. Like any middleware of axum, it can use extractors.
async fn authenticate(
    State(tenants): State<Tenants>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    mut request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let key = headers.get("x-tenant").and_then(|key| key.to_str().ok());
    let name = key.and_then(|key| tenants.get(key)).ok_or(StatusCode::UNAUTHORIZED)?;
    request.extensions_mut().insert(Tenant { name, is_local: peer.ip().is_loopback() });
    Ok(next.run(request).await)
}

/// Greetings.
#[rpc::service]
trait Greeter {
    /// Greets a person of the caller's tenant.
    #[rpc(readonly)]
    async fn greet(&self, #[rpc(context)] cx: &Context, name: String) -> String;
}

struct Greetings;

impl Greeter for Greetings {
    async fn greet(&self, cx: &Context, name: String) -> String {
        let Some(tenant) = cx.extensions().get::<Tenant>() else { return format!("hello {name}") };
        let place = if tenant.is_local { "this machine" } else { "afar" };
        format!("hello {name} of {}, calling from {place}", tenant.name)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(GreeterServer::new(Greetings)).build();
    let tenants = Tenants::new(HashMap::from([("k-17", "acme")]));
    let app = Router::new()
        .route("/health", get(|| async { "ok" }))
        .nest("/rpc", server.into_router().layer(from_fn_with_state(tenants, authenticate)));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    // This call makes the peer's address available to `ConnectInfo`, and to handlers as `cx.peer_addr()`.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });

    let url = format!("http://{addr}/rpc");
    let greeter = GreeterClient::new(Client::builder().endpoint(&url).header("x-tenant", "k-17").build()?);
    let greeting = greeter.greet("Ada").await?;
    println!("{greeting}");
    assert_eq!(greeting, "hello Ada of acme, calling from this machine");

    let stranger = GreeterClient::new(Client::new(&url)?);
    let refused = stranger.greet("Eve").await.expect_err("strangers have no tenant");
    println!("without a tenant: {refused}");
    Ok(())
}
