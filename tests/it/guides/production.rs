//! The code of docs/production.md.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use rpc::auth::{Bearer, Denied};
use rpc::health::Health;
use rpc::openrpc::Info;
use rpc::tls::PeerIdentity;
use rpc::{Principal, RequestContext, Server, Service};

#[rpc::service(openrpc)]
trait Users {
    async fn get(&self, id: u64) -> String;
}

#[rpc::service]
trait Orders {
    async fn place(&self, item: String) -> u64;
}

#[derive(Clone)]
struct Pool;

/// Stands in for the crate, which no other test needs.
mod listenfd {
    use std::io;
    use std::net::TcpListener;

    pub(super) struct ListenFd;

    impl ListenFd {
        pub(super) fn from_env() -> Self {
            Self
        }

        pub(super) fn take_tcp_listener(&mut self, index: usize) -> io::Result<Option<TcpListener>> {
            Ok(None)
        }
    }
}

async fn ping(pool: Pool) -> io::Result<()> {
    Ok(())
}

async fn register(addr: SocketAddr) {}

async fn deregister(addr: SocketAddr) {}

async fn payment() {}

async fn events() {}

fn limits(users: impl Service) {
    let limits = rpc::Limits::default().max_request_bytes(16 << 20).handler_timeout(Duration::from_secs(10));
    let server = rpc::Server::builder().service(users).limits(limits).build();
}

fn pages(token: &str, users: impl Users) -> Result<(), Box<dyn Error>> {
    let server = rpc::Server::builder()
        .authenticate(Bearer::new().token(token, Principal::new("prometheus").with_role("ops")))
        .service(UsersServer::new(users))
        .openrpc(Info::new("Users", "1.0.0"))
        .prometheus(rpc::Prometheus::install()?)
        .page_requires("/metrics", &["ops"])
        .page_requires("/openrpc.json", &[])
        .build();
    Ok(())
}

fn routes(users: impl Service) {
    let routes = Router::new().route("/hooks/payment", post(payment)).route("/events", get(events));
    let server = rpc::Server::builder().service(users).path("/rpc").routes(routes).build();
}

fn callers(token: &str, orders: impl Orders) {
    let server = rpc::Server::builder()
        .authenticate(Bearer::new().token(token, Principal::new("billing").with_role("writer")))
        .service(OrdersServer::new(orders))
        .build();
}

async fn tls(users: impl Service) -> Result<(), Box<dyn Error>> {
    let tls = rpc::tls::Tls::from_pem_files("/tls/tls.crt", "/tls/tls.key")?.reload_every(Duration::from_secs(60));
    let server = rpc::Server::builder().service(users).tls(tls).build();
    server.serve("0.0.0.0:8443").await?;
    Ok(())
}

async fn by_certificate(request: Arc<RequestContext>) -> Result<Option<Principal>, Denied> {
    let Some(peer) = request.extensions.get::<PeerIdentity>() else { return Ok(None) };
    let name = peer.spiffe_id().ok_or_else(|| Denied::unauthenticated("the certificate has no SPIFFE ID"))?;
    Ok(Some(Principal::new(name).with_role("service")))
}

fn with_certificates(users: impl Service) {
    let server = rpc::Server::builder().authenticate(by_certificate).service(users).build();
}

fn health(pool: Pool, users: impl Service) {
    let health = Health::new().check("database", move || ping(pool.clone()));
    let server = rpc::Server::builder().service(users).health(health).build();
}

async fn registrar(server: Server) -> Result<(), Box<dyn Error>> {
    let server = server.bind("0.0.0.0:8080").await?;
    let addr = server.local_addr();
    server.on_ready(move || register(addr)).on_drain(move || deregister(addr)).serve().await;
    Ok(())
}

async fn socket_unit(server: Server) -> Result<(), Box<dyn Error>> {
    let listener = listenfd::ListenFd::from_env().take_tcp_listener(0)?.expect("started by systemd");
    server.listen_on(listener)?.serve().await;
    Ok(())
}

#[cfg(unix)]
fn unix_socket(server: &Server) -> Result<(), Box<dyn Error>> {
    use tokio::net::UnixListener;

    let server = server.on(UnixListener::bind("/run/users.sock")?)?.spawn();
    Ok(())
}

fn observability(url: &str, users: impl Users) -> Result<(), Box<dyn Error>> {
    let server = rpc::Server::builder()
        .service(UsersServer::new(users))
        .telemetry(rpc::Telemetry::default())
        .prometheus(rpc::Prometheus::install()?)
        .build();
    let client = rpc::Client::builder().endpoint(url).telemetry(rpc::Telemetry::default()).build()?;
    Ok(())
}
