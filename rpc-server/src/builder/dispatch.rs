//! [`DispatchServerBuilder`]: a server around a [`Dispatch`] of the user's own. It offers only the settings of HTTP and
//! connections. Methods, keys, layers and authentication are up to that `Dispatch`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use rpc_core::Dispatch;

use crate::health::{Health, Readiness};
use crate::http::{Backend, ForeignDispatch, HttpSettings, HttpState, checked_path};
use crate::meter::Meter;
use crate::{Limits, Server};

/// Builds a [`Server`] around a [`Dispatch`] of your own: a gateway, a cache, a recorder, or another server.
///
/// The server is served like any other: standalone, as an axum router, or in process. For every `Dispatch`, it protects
/// HTTP and connections:
///
/// - The limits of heads, bodies, answers, bytes held, connections and times apply, and so do TLS, allowed origins and
///   hosts, pages, and the drain. An answer of more than [`Limits::max_response_bytes`], or without room, is replaced
///   with code -32091.
/// - A panic of the `Dispatch` is logged, and all calls of its request are answered with code -32603.
/// - [`Answer::status`](rpc_core::Answer) and [`Answer::headers`](rpc_core::Answer) become those of the response.
///   Headers about the connection and the length of the body are removed, since HTTP sets them itself.
/// - `POST` is answered by [`Dispatch::dispatch`], `HEAD` by [`Dispatch::announce`].
///
/// The `Dispatch` decides everything about calls: its methods, how many calls run and for how long, authentication,
/// idempotency keys, telemetry. A [`ServerBuilder`](crate::ServerBuilder) makes a `Dispatch` with all of this, so wrap
/// a [`Server`] where you need it. When a client leaves, the server drops the future of [`Dispatch::dispatch`]. The
/// drain waits for requests, but not for tasks that a `Dispatch` has spawned.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
///
/// use rpc::{Answer, BoxFuture, Dispatch, RequestContext, Server};
///
/// /// Prints the size of each request, and forwards it.
/// struct Metered(Server);
///
/// impl Dispatch for Metered {
///     fn dispatch(&self, body: bytes::Bytes, request: Arc<RequestContext>) -> BoxFuture<Answer> {
///         println!("{} bytes", body.len());
///         self.0.dispatch(body, request)
///     }
///
///     fn announce(&self, request: Arc<RequestContext>) -> BoxFuture<Answer> {
///         self.0.announce(request)
///     }
/// }
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let methods = Server::builder().method("ping", || async { "pong" }).build();
/// let server = Server::for_dispatch(Metered(methods)).path("/rpc").build();
/// let bound = server.bind("127.0.0.1:0").await?.spawn();
///
/// let client = rpc::Client::new(format!("http://{}/rpc", bound.local_addr()))?;
/// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
/// # bound.shutdown().await;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct DispatchServerBuilder {
    dispatch: Arc<dyn Dispatch>,
    limits: Limits,
    http: HttpSettings,
    health: Option<Health>,
    meter: Meter,
}

impl Server {
    /// Creates a builder of a server around a [`Dispatch`] of your own, which answers all requests instead of methods.
    /// See [`DispatchServerBuilder`].
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::future::ready;
    /// use std::sync::Arc;
    ///
    /// use rpc::{Answer, AnswerStatus, BoxFuture, Dispatch, RequestContext, Server};
    ///
    /// struct Maintenance;
    ///
    /// impl Dispatch for Maintenance {
    ///     fn dispatch(&self, _: bytes::Bytes, _: Arc<RequestContext>) -> BoxFuture<Answer> {
    ///         let body = r#"{"jsonrpc":"2.0","error":{"code":1503,"message":"maintenance"},"id":null}"#;
    ///         Box::pin(ready(Answer::new(body.into(), AnswerStatus::Error(1503.into()))))
    ///     }
    /// }
    ///
    /// let server = Server::for_dispatch(Maintenance).build();
    /// let error = rpc::Client::in_process(&server).call::<String>("ping", ()).await.unwrap_err();
    /// assert_eq!(error.error_object().unwrap().message(), "maintenance");
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_dispatch(dispatch: impl Dispatch) -> DispatchServerBuilder {
        DispatchServerBuilder {
            dispatch: Arc::new(dispatch),
            limits: Limits::default(),
            http: HttpSettings::default(),
            health: None,
            meter: Meter::default(),
        }
    }
}

impl DispatchServerBuilder {
    /// Replaces the limits. Default: `Limits::default()`. The limits of calls must keep their defaults, since they do
    /// not apply to the `Dispatch`: [`build`](Self::build) panics otherwise.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how the server serves WebSockets. Default: `WebSocketSettings::default()`. See
    /// [`ServerBuilder::websocket`](crate::ServerBuilder::websocket).
    ///
    /// The `Dispatch` may run sessions of its own, by [`Dispatch::open`]. Otherwise each message is dispatched.
    #[cfg(feature = "websocket")]
    pub fn websocket(mut self, settings: crate::WebSocketSettings) -> Self {
        self.http.websocket = Some(settings);
        self
    }

    /// Serves no WebSockets. A request that asks for one gets HTTP 405.
    #[cfg(feature = "websocket")]
    pub fn without_websocket(mut self) -> Self {
        self.http.websocket = None;
        self
    }

    /// Sets the path of calls on a standalone server. Default: `/`. See
    /// [`ServerBuilder::path`](crate::ServerBuilder::path).
    ///
    /// # Panics
    ///
    /// If no request can have the path: it does not begin with a slash, or contains a query, a space or the like.
    #[track_caller]
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.http.path = checked_path(path);
        self
    }

    /// Allows requests from web pages of this origin, such as `https://app.example`. See
    /// [`ServerBuilder::allow_origin`](crate::ServerBuilder::allow_origin).
    ///
    /// # Panics
    ///
    /// If no web page can have this origin. It must be a scheme, a host and an optional port, without user info, a
    /// path, or a dot after the host.
    #[track_caller]
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.http.allow_origin(origin);
        self
    }

    /// Shows the server's pages to requests for this host, such as `api.example`. See
    /// [`ServerBuilder::allow_host`](crate::ServerBuilder::allow_host).
    ///
    /// # Panics
    ///
    /// If this is neither a host name nor an address, or if it has user info, a port, or a dot at its end.
    #[track_caller]
    pub fn allow_host(mut self, host: &str) -> Self {
        self.http.allow_host(host);
        self
    }

    /// Serves the routes of an axum router next to JSON-RPC. See
    /// [`ServerBuilder::routes`](crate::ServerBuilder::routes).
    ///
    /// # Panics
    ///
    /// If the router cannot be merged with one that was added before.
    #[track_caller]
    pub fn routes(mut self, routes: axum::Router) -> Self {
        self.http.add_routes(routes);
        self
    }

    /// Adds the pages `/health/live` and `/health/ready`. See [`Health`]. The method `rpc.health` is up to the
    /// `Dispatch`.
    pub fn health(mut self, health: Health) -> Self {
        self.health = Some(health);
        self
    }

    /// Counts connections, requests that are refused before the `Dispatch` sees them, and shed requests, as
    /// [`ServerBuilder::telemetry`](crate::ServerBuilder::telemetry) does. Calls are not counted. By default, nothing
    /// is counted.
    #[cfg(feature = "telemetry")]
    pub fn connection_metrics(mut self) -> Self {
        self.meter = Meter::new(true);
        self
    }

    /// Shows the process's metrics at `/metrics`, for Prometheus. See [`Prometheus`](crate::Prometheus).
    ///
    /// # Panics
    ///
    /// If a page with this path exists already.
    #[cfg(feature = "prometheus")]
    #[track_caller]
    pub fn prometheus(mut self, prometheus: crate::Prometheus) -> Self {
        self.http.pages.add(prometheus.into_page());
        self
    }

    /// Serves only TLS, wherever the server is [served](Server::serve) standalone. See
    /// [`ServerBuilder::tls`](crate::ServerBuilder::tls).
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "server-tls")))]
    pub fn tls(mut self, tls: crate::tls::Tls) -> Self {
        self.http.tls = Some(tls);
        self
    }

    /// Builds the server.
    ///
    /// # Panics
    ///
    /// If
    /// - a limit of calls differs from its default: `max_batch_entries`, `max_id_bytes`, `max_method_bytes`,
    ///   `max_batch_concurrency`, `max_calls_in_flight`, `max_connection_calls`, `handler_timeout`,
    ///   `batch_wait_timeout` or `key_wait_timeout`;
    /// - a limit is 0 that [`Limits`] requires to be more than 0;
    /// - two pages have the same path;
    /// - calls are served at the path of a page.
    #[track_caller]
    pub fn build(mut self) -> Server {
        let changed = self.limits.changed_for_calls();
        assert!(changed.is_empty(), "limits of calls do not apply to a `Dispatch` of your own: {changed}");
        let limits = self.limits.applied();
        let readiness = Arc::new(Readiness::default());
        if let Some(health) = self.health {
            health.add_pages(&readiness, &mut self.http.pages);
        }
        self.http.check_path();
        let foreign = ForeignDispatch { dispatch: self.dispatch, max_response_bytes: limits.max_response_bytes };
        Server::new(HttpState::new(Backend::Foreign(foreign), self.http, limits, readiness, self.meter))
    }
}

impl fmt::Debug for DispatchServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DispatchServerBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
