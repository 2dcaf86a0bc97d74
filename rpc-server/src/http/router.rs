//! The server as an axum `Router`, for `Server::into_router`. It serves calls at `/`, pages at their paths, and merges
//! the user's routes. Connection limits do not apply here, since axum accepts the connections.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::routing::any;

use super::admit::{admit, beside};
use super::answer::answer;
use super::connection::ConnectionInfo;
use super::state::HttpState;
#[cfg(feature = "websocket")]
use super::upgrade::take_session;
#[cfg(feature = "websocket")]
use crate::session::SessionRequest;
#[cfg(feature = "websocket")]
use crate::websocket::{self, OpenedWebSocket};

/// Builds the router of calls, pages and the user's routes.
///
/// # Panics
///
/// If a page has the path `/` of calls, or if a route has that path or the path of a page.
#[track_caller]
pub(crate) fn router<S: Clone + Send + Sync + 'static>(http_state: &Arc<HttpState>) -> Router<S> {
    assert!(http_state.http.pages.find("/").is_none(), "calls cannot be served at \"/\", where a page is");
    http_state.http.warn_of_what_a_router_ignores();
    let mut router = Router::new();
    for path in http_state.http.pages.paths() {
        let http_state = Arc::clone(http_state);
        let show = move |request: Request| {
            let http_state = Arc::clone(&http_state);
            let connection = connection_of(&request);
            let page = beside(&http_state, request, connection);
            async move {
                let response: Response =
                    answer::<Body>(&http_state, Err(page), &http_state.load, &()).await.map(Body::new);
                response
            }
        };
        router = router.route(path, any(show));
    }
    if let Some(routes) = &http_state.http.routes {
        router = router.merge(routes.router().with_state(()));
    }
    let http_state = Arc::clone(http_state);
    #[cfg_attr(not(feature = "websocket"), expect(unused_mut, reason = "only WebSockets change them"))]
    let respond = move |mut request: Request| {
        let http_state = Arc::clone(&http_state);
        let connection = connection_of(&request);
        #[cfg(feature = "websocket")]
        let upgraded = (request.method() == http::Method::GET).then(|| hyper::upgrade::on(&mut request));
        let request = admit(&http_state, request, connection);
        async move {
            let mut response = answer(&http_state, request, &http_state.load, &()).await;
            #[cfg(feature = "websocket")]
            if let (Some(session), Some(upgraded)) = (take_session(&mut response), upgraded) {
                tokio::spawn(serve_session(http_state, session, upgraded));
            }
            let response: Response = response.map(Body::new);
            response
        }
    };
    router.route("/", any(respond))
}

/// Serves a WebSocket to its end. The application knows of no order to end it, and so it ends with its client or with
/// the process.
#[cfg(feature = "websocket")]
async fn serve_session(http_state: Arc<HttpState>, request: SessionRequest, upgraded: hyper::upgrade::OnUpgrade) {
    match upgraded.await {
        Ok(upgraded) => {
            let stream = hyper_util::rt::TokioIo::new(upgraded);
            let opened = OpenedWebSocket { stream, first: bytes::Bytes::new(), request };
            let load = Arc::clone(&http_state.load);
            websocket::run(http_state, load, opened, || false).await;
        }
        Err(error) => tracing::debug!(%error, "a WebSocket was not opened"),
    }
}

/// Returns what is known about a request's connection. The application may be bound to any address, so it does not
/// count as loopback.
fn connection_of(request: &Request) -> ConnectionInfo {
    let peer_addr = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    ConnectionInfo { peer_addr, loopback: false }
}
