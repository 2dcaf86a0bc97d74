use std::net::SocketAddr;

use rpc::{Limits, Params, Server, ServerBuilder};
use support::raw_http::{exchange, post};

pub(crate) const PING: &str = r#"{"jsonrpc":"2.0","method":"ping","id":1}"#;
pub(crate) const PONG: &str = r#"{"jsonrpc":"2.0","result":"pong","id":1}"#;

pub(crate) fn builder() -> ServerBuilder {
    Server::builder().method("ping", || async { "pong" }).method("echo", |params: Params| async { params })
}

pub(crate) async fn serve(builder: ServerBuilder) -> SocketAddr {
    builder.build().bind("127.0.0.1:0").await.unwrap().spawn().local_addr()
}

/// Serves with some limits other than the defaults.
pub(crate) async fn serve_with(change: impl FnOnce(&mut Limits)) -> SocketAddr {
    let mut limits = Limits::default();
    change(&mut limits);
    serve(builder().limits(limits)).await
}

/// Checks that the server answers a connection that has nothing to do with those before.
pub(crate) async fn assert_alive(addr: SocketAddr) {
    let reply = exchange(addr, &post(PING.as_bytes())).await;
    assert_eq!((reply.status, reply.text()), (200, PONG));
}
