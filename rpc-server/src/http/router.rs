use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::routing::any;

use super::{Connection, admit, answer, beside};
use crate::Server;

/// Wraps a server into a router. No other file of the crate knows axum.
///
/// # Panics
///
/// If a page has the path of calls.
#[track_caller]
pub(crate) fn router<S: Clone + Send + Sync + 'static>(server: Server) -> Router<S> {
    assert!(server.inner.http.pages.find("/").is_none(), "calls cannot be served at \"/\", where a page is");
    server.inner.http.warn_of_what_a_router_ignores();
    let mut router = Router::new();
    for path in server.inner.http.pages.paths() {
        let server = server.clone();
        let show = move |request: Request| {
            let server = server.clone();
            let connection = connection_of(&request);
            let page = beside(&server.inner, request, connection);
            async move {
                let response: Response =
                    answer::<Body>(&server.inner, Err(page), &server.inner.load, &()).await.map(Body::new);
                response
            }
        };
        router = router.route(path, any(show));
    }
    let respond = move |request: Request| {
        let server = server.clone();
        let connection = connection_of(&request);
        let request = admit(&server.inner, request, connection);
        async move {
            let response: Response = answer(&server.inner, request, &server.inner.load, &()).await.map(Body::new);
            response
        }
    };
    router.route("/", any(respond))
}

/// Returns what is known of a request's connection. The application may be bound to any address.
fn connection_of(request: &Request) -> Connection {
    let peer_addr = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    Connection { peer_addr, loopback: false }
}
