//! [`DispatchServerBuilder`]: a server around a [`Dispatch`] of the user's own. It offers the settings of HTTP and
//! connections only. Methods, keys, layers and authentication are up to that `Dispatch`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use rpc_core::Dispatch;

use crate::health::{Health, Readiness};
use crate::http::{Backend, Face, Foreign, HttpSettings, checked_path};
use crate::meter::Meter;
use crate::{Limits, Server};

/// Builds a [`Server`] around a [`Dispatch`] of your own: a gateway, a cache, a recorder, or another server.
///
/// The server is served as any other: standalone, as a router of axum, or in process. Whatever the `Dispatch` is, HTTP
/// and its connections are watched over:
///
/// - The limits of heads, bodies, answers, bytes held, connections and times apply, and so do TLS, allowed origins and
///   hosts, pages, and the drain. An answer of more than [`Limits::max_response_bytes`], or without room, is replaced
///   with code -32091.
/// - A panic of the `Dispatch` is logged, and all calls of its request are answered with code -32603.
/// - [`Answer::status`](rpc_core::Answer) and [`Answer::headers`](rpc_core::Answer) become those of the response.
///   Headers of the connection and of the body's length are left out, since HTTP says these itself.
/// - `POST` is answered by [`Dispatch::dispatch`], `HEAD` by [`Dispatch::announce`].
///
/// All that concerns calls is up to the `Dispatch`: which methods there are, how many calls run and for how long, who
/// may call, idempotency keys, telemetry. A [`ServerBuilder`](crate::ServerBuilder) makes a `Dispatch` that has all of
/// this, so wrap a [`Server`] where you need it. When a client leaves, the future of [`Dispatch::dispatch`] is dropped.
/// The drain waits for requests, and not for what a `Dispatch` has spawned.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
///
/// use rpc::{Answer, BoxFuture, Dispatch, RequestContext, Server};
///
/// /// Counts the bytes of requests, and hands them on.
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
    /// Begins to build a server around a [`Dispatch`] of your own, which answers all requests in the place of methods.
    /// See [`DispatchServerBuilder`].
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
    /// Replaces the limits. Those of calls must have their defaults, since the `Dispatch` would not know of them:
    /// [`build`](Self::build) panics otherwise.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves calls at this path of a standalone server. Default: `/`. See
    /// [`ServerBuilder::path`](crate::ServerBuilder::path).
    ///
    /// # Panics
    ///
    /// If no request can have the path: it does not begin with a slash, or holds a query, a space or the like.
    #[track_caller]
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.http.path = checked_path(path);
        self
    }

    /// Does not refuse requests from web pages of this origin, such as `https://app.example`. See
    /// [`ServerBuilder::allow_origin`](crate::ServerBuilder::allow_origin).
    ///
    /// # Panics
    ///
    /// If this is no origin that a web page can have: a scheme, a host and maybe a port, without user info, a path, or
    /// a dot behind the host.
    #[track_caller]
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.http.allow_origin(origin);
        self
    }

    /// Shows the pages of the server to requests that name this host, such as `api.example`. See
    /// [`ServerBuilder::allow_host`](crate::ServerBuilder::allow_host).
    ///
    /// # Panics
    ///
    /// If this is no host's name, without user info, a port, or a dot at its end.
    #[track_caller]
    pub fn allow_host(mut self, host: &str) -> Self {
        self.http.allow_host(host);
        self
    }

    /// Serves the routes of an axum router beside JSON-RPC. See
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

    /// Counts connections, requests that are refused before the `Dispatch` sees them, and what is shed for want of
    /// room, as [`ServerBuilder::telemetry`](crate::ServerBuilder::telemetry) does. Calls are not counted.
    #[cfg(feature = "telemetry")]
    pub fn connection_metrics(mut self) -> Self {
        self.meter = Meter::new(true);
        self
    }

    /// Shows the process's metrics at `/metrics`, for Prometheus. See [`Prometheus`](crate::Prometheus).
    ///
    /// # Panics
    ///
    /// If there is a page of this path already.
    #[cfg(feature = "prometheus")]
    #[track_caller]
    pub fn prometheus(mut self, prometheus: crate::Prometheus) -> Self {
        self.http.pages.add(prometheus.into_page());
        self
    }

    /// Speaks TLS, and nothing else, wherever the server is [served](Server::serve) standalone. See
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
    /// If a limit of calls differs from its default: `max_batch_entries`, `max_id_bytes`, `max_method_bytes`,
    /// `max_batch_concurrency`, `max_calls_in_flight`, `max_connection_calls`, `handler_timeout`, `batch_wait_timeout`
    /// or `key_wait_timeout`; if a limit is 0 of which [`Limits`] says that it must not be; if two pages have one path,
    /// or calls are served at the path of a page.
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
        let foreign = Foreign { dispatch: self.dispatch, max_response_bytes: limits.max_response_bytes };
        Server::new(Face::new(Backend::Foreign(foreign), self.http, limits, readiness, self.meter))
    }
}

impl fmt::Debug for DispatchServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DispatchServerBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
