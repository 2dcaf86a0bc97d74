//! [`Server`]: a cheap handle to a built server. It answers calls in process as a [`Dispatch`], and becomes an axum
//! router. `serve` adds the functions that bind it to an address.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use rpc_core::{Answer, BoxFuture, Dispatch, RequestContext, Session, SessionProtocol};

use crate::http::{Backend, HttpState};
use crate::idempotency::KeyHeaders;
use crate::session::{CallerCheck, ServerSession, SessionRequest};

/// A JSON-RPC server: a table of methods that can be served, or called in process.
///
/// Cloning is cheap, and all clones share everything, including the count of calls in flight.
#[derive(Clone)]
pub struct Server {
    pub(crate) http_state: Arc<HttpState>,
}

impl Server {
    pub(crate) fn new(http_state: HttpState) -> Self {
        Self { http_state: Arc::new(http_state) }
    }

    /// Returns the OpenRPC document of all methods, the server's own included. Returns `None` without
    /// [`ServerBuilder::openrpc`](crate::ServerBuilder::openrpc).
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::Server;
    /// use rpc::openrpc::Info;
    ///
    /// let server = Server::builder().method("ping", || async { "pong" }).openrpc(Info::new("Ping", "1.0.0")).build();
    /// let document = server.openrpc().unwrap().as_value();
    /// assert_eq!(document["info"]["title"], "Ping");
    /// assert_eq!(document["methods"][1]["name"], "rpc.discover");
    /// ```
    #[cfg(feature = "openrpc")]
    pub fn openrpc(&self) -> Option<&rpc_core::openrpc::Document> {
        match &self.http_state.backend {
            Backend::Own(dispatcher) => dispatcher.table.description.as_ref(),
            Backend::Foreign(_) => None,
        }
    }

    /// Ends all open streams, and refuses further ones. Their clients open them at another server.
    ///
    /// A standalone server does this itself when it drains. In an axum application, call it when the graceful shutdown
    /// begins: axum waits for responses that have not ended, and so for streams.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::stream;
    /// use rpc::{Client, Server};
    ///
    /// let server = Server::builder().stream("hang", || async { stream::pending::<u64>() }).build();
    /// let mut hanging = Client::in_process(&server).stream::<u64>("hang", ()).await?;
    /// server.drain_streams();
    /// let end = hanging.next().await.unwrap().unwrap_err();
    /// assert!(end.is_end());
    /// # Ok(())
    /// # }
    /// ```
    pub fn drain_streams(&self) {
        self.http_state.backend.drain_streams();
    }

    /// Converts the server into an axum router, which serves calls at its `/` and pages at their paths.
    ///
    /// Merge it into an application, or nest it below a path. Layers of axum and tower-http apply as usual. Handlers
    /// find the request's extensions, which middleware may have set, in [`Context::extensions`]. The peer's address is
    /// known if the application is served with `into_make_service_with_connect_info::<SocketAddr>()`.
    ///
    /// axum's own limit of bodies does not apply. [`Limits::max_request_bytes`](crate::Limits::max_request_bytes)
    /// applies, as do all limits that are not documented for standalone servers only. The application is responsible
    /// for a graceful shutdown, and for the check that requests over HTTP/1.1 have one valid header `Host`. The router
    /// ignores the server's [path] and its TLS, and logs a warning. It allows only the origins of
    /// [`ServerBuilder::allow_origin`]. Pages are nested with the router: below `/rpc`, `/health/ready` is at
    /// `/rpc/health/ready`. Probes and scrapers need that path.
    ///
    /// [path]: crate::ServerBuilder::path
    /// [`ServerBuilder::allow_origin`]: crate::ServerBuilder::allow_origin
    /// [`Context::extensions`]: rpc_core::Context::extensions
    ///
    /// # Panics
    ///
    /// If a page has the path `/`, or if one of the server's routes has that path or the path of a page.
    ///
    /// # Example
    ///
    /// ```
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let app: axum::Router = axum::Router::new().nest("/rpc", server.into_router());
    /// ```
    #[track_caller]
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> axum::Router<S> {
        crate::http::router(&self.http_state)
    }
}

impl Dispatch for Server {
    fn dispatch(&self, body: Bytes, request: Arc<RequestContext>) -> BoxFuture<Answer> {
        let http_state = Arc::clone(&self.http_state);
        Box::pin(async move {
            let HttpState { backend, load, .. } = &*http_state;
            let answer = match backend {
                Backend::Own(dispatcher) => {
                    let keys = KeyHeaders::of(&request.headers);
                    dispatcher.dispatch(&body, &request, keys, load, None).await
                }
                Backend::Foreign(foreign) => Box::pin(foreign.dispatch(&body, &request, load, None)).await,
            };
            answer.into()
        })
    }

    fn announce(&self, request: Arc<RequestContext>) -> BoxFuture<Answer> {
        let http_state = Arc::clone(&self.http_state);
        Box::pin(async move { http_state.backend.announce(request).await.into() })
    }

    fn open(&self, request: Arc<RequestContext>, protocol: SessionProtocol) -> Option<Box<dyn Session>> {
        if let Some(session) = self.http_state.backend.open(Arc::clone(&request), protocol) {
            return Some(session);
        }
        let check = CallerCheck::EachMessage;
        let request = SessionRequest { context: request, protocol, check };
        Some(Box::new(ServerSession::new(&self.http_state, &self.http_state.load, &request)))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("methods", &self.http_state.backend).finish_non_exhaustive()
    }
}
