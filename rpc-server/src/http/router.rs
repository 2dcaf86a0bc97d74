use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::routing::any;

use super::{Connection, handle};
use crate::Server;

/// Wraps a server into a router. No other file of the crate knows axum.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(server: Server) -> Router<S> {
    let answer = move |request: Request| {
        let server = server.clone();
        async move {
            let peer_addr = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
            let response: Response =
                handle(&server.inner, request, Connection { peer_addr, loopback: false }).await.map(Body::new);
            response
        }
    };
    Router::new().route("/", any(answer))
}
