use std::net::SocketAddr;

use rpc::{Limits, Params, Server, ServerBuilder};
use support::raw_http::{exchange, post};
use support::{PING, PONG, serve};

pub(crate) fn builder() -> ServerBuilder {
    Server::builder().method("ping", || async { "pong" }).method("echo", |params: Params| async { params })
}

/// Serves with some limits other than the defaults.
pub(crate) async fn serve_with(change: impl FnOnce(&mut Limits)) -> SocketAddr {
    let mut limits = Limits::default();
    change(&mut limits);
    serve(&builder().limits(limits).build()).await
}

/// Checks that the server answers on a new connection.
pub(crate) async fn assert_alive(addr: SocketAddr) {
    let reply = exchange(addr, &post(PING)).await;
    assert_eq!((reply.status, reply.text()), (200, PONG));
}
