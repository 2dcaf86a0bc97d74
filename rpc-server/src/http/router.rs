use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::routing::any;

use super::{Connection, admit, answer};
use crate::Server;

/// Wraps a server into a router. No other file of the crate knows axum.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(server: Server) -> Router<S> {
    let respond = move |request: Request| {
        let server = server.clone();
        let peer_addr = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let request = admit(&server.inner, request, Connection { peer_addr, loopback: false });
        async move {
            let response: Response = answer(&server.inner, request).await.map(Body::new);
            response
        }
    };
    Router::new().route("/", any(respond))
}
