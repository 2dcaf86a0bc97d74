//! A server as part of an axum application: merged, nested, next to other routes, behind its layers.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rpc::{Client, Context, Server};
use support::raw_http::{Reply, exchange, request};
use support::serve_app;

/// What the middleware finds out, and handlers read.
#[derive(Clone)]
struct Tenant(String);

#[rpc::service(namespace = "app")]
trait App {
    async fn tenant(&self, #[rpc(context)] cx: &Context) -> Option<String>;
    fn peer(&self, #[rpc(context)] cx: &Context) -> Option<SocketAddr>;
    fn length(&self, text: String) -> usize;
}

struct Application;

impl App for Application {
    async fn tenant(&self, cx: &Context) -> Option<String> {
        cx.extensions().get::<Tenant>().map(|tenant| tenant.0.clone())
    }
    fn peer(&self, cx: &Context) -> Option<SocketAddr> {
        cx.peer_addr()
    }
    fn length(&self, text: String) -> usize {
        text.len()
    }
}

fn server() -> Server {
    Server::builder().service(AppServer::new(Application)).build()
}

fn client(addr: SocketAddr, path: &str) -> Client {
    Client::new(format!("http://{addr}{path}")).unwrap()
}

async fn ask(addr: SocketAddr, path: &str) -> Reply {
    exchange(addr, &request(&format!("GET {path} HTTP/1.1"), &[("host", "localhost")], b"")).await
}

#[tokio::test]
async fn a_merged_server_answers_at_the_root_beside_other_routes() {
    let app = Router::new().route("/health", get(|| async { "all well" })).merge(server().into_router());
    let addr = serve_app(app).await;
    assert_eq!(AppClient::new(client(addr, "")).length("four").await.unwrap(), 4);
    assert_eq!(ask(addr, "/health").await.text(), "all well");
    assert_eq!(ask(addr, "/").await.status, 405);
    assert_eq!(ask(addr, "/other").await.status, 404);
}

#[tokio::test]
async fn nested_servers_answer_at_their_paths() {
    let other = Server::builder().method("ping", || async { "pong" }).build();
    let app = Router::new()
        .nest("/api/rpc", server().into_router())
        .nest("/other", other.into_router())
        .fallback(|| async { (StatusCode::NOT_FOUND, "nothing here") });
    let addr = serve_app(app).await;
    assert_eq!(AppClient::new(client(addr, "/api/rpc")).length("four").await.unwrap(), 4);
    let ping: String = client(addr, "/other").call("ping", ()).await.unwrap();
    assert_eq!(ping, "pong");
    let failure = client(addr, "/api").call::<String>("ping", ()).await.unwrap_err();
    assert_eq!(failure.failure().unwrap().status().unwrap(), 404);
    assert_eq!(failure.failure().unwrap().body_start().unwrap(), b"nothing here");
}

async fn authenticate(State(realm): State<&'static str>, mut request: Request, next: Next) -> Response {
    let Some(tenant) = request.headers().get("x-tenant").and_then(|tenant| tenant.to_str().ok()) else {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", realm)]).into_response();
    };
    let tenant = Tenant(format!("{tenant} of {realm}"));
    request.extensions_mut().insert(tenant);
    next.run(request).await
}

#[tokio::test]
async fn layers_see_every_request_and_handlers_see_what_they_attach() {
    let rpc = server().into_router().layer(from_fn_with_state("acme", authenticate));
    let addr = serve_app(Router::new().nest("/rpc", rpc)).await;
    let app = AppClient::new(client(addr, "/rpc"));
    assert_eq!(app.tenant().header("x-tenant", "a").await.unwrap().as_deref(), Some("a of acme"));
    let batch = client(addr, "/rpc").batch([app.tenant(), app.tenant()]).header("x-tenant", "b").await.unwrap();
    assert_eq!(batch.map(|tenant| tenant.unwrap().unwrap()), ["b of acme", "b of acme"]);
    let refused = app.tenant().await.unwrap_err();
    assert_eq!(refused.failure().unwrap().status().unwrap(), 401);
    assert_eq!(refused.failure().unwrap().headers().unwrap()["www-authenticate"], "acme");
}

#[tokio::test]
async fn a_router_fits_an_application_with_state() {
    #[derive(Clone)]
    struct Shared(u8);
    let app = Router::new()
        .route(
            "/state",
            post(|State(Shared(number)): State<Shared>, body: Bytes| async move { format!("{number} {}", body.len()) }),
        )
        .nest("/rpc", server().into_router())
        .layer(axum::Extension(Tenant("extension".to_owned())))
        .with_state(Shared(7));
    let addr = serve_app(app).await;
    let tenant = AppClient::new(client(addr, "/rpc")).tenant().await.unwrap();
    assert_eq!(tenant.as_deref(), Some("extension"), "a tower layer around the application");
    let failure = client(addr, "/state").call::<u8>("m", ()).await.unwrap_err();
    assert!(failure.failure().unwrap().is_protocol(), "that route is no JSON-RPC server");
}

#[tokio::test]
async fn the_peers_address_is_known_where_the_application_passes_it_on() {
    let addr = serve_app(server().into_router()).await;
    assert_eq!(AppClient::new(client(addr, "")).peer().await.unwrap(), None);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let service = server().into_router::<()>().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let peer = AppClient::new(client(addr, "")).peer().await.unwrap().unwrap();
    assert!(peer.ip().is_loopback() && peer != addr);
}

#[tokio::test]
async fn the_servers_own_limit_of_bodies_is_the_one_that_holds() {
    let app = Router::new().merge(server().into_router()).layer(DefaultBodyLimit::max(10));
    let app = AppClient::new(client(serve_app(app).await, ""));
    // More than the 10 bytes that axum allows here, and within the server's own limit.
    assert_eq!(app.length("x".repeat(1 << 20)).await.unwrap(), 1 << 20);
    let failure = app.length("x".repeat(3 << 20)).await.unwrap_err();
    assert!(failure.failure().unwrap().is_too_large());
}

#[tokio::test]
async fn a_layer_that_answers_itself_runs_no_handler() {
    let stop = from_fn(|_: Request, _: Next| async { StatusCode::SERVICE_UNAVAILABLE });
    let addr = serve_app(server().into_router().layer(stop)).await;
    let failure = AppClient::new(client(addr, "")).length("x").await.unwrap_err();
    assert_eq!(failure.failure().unwrap().status().unwrap(), 503);
    assert!(failure.error_object().is_none());
}
