//! The part of [`ServerBuilder`] for HTTP: path, origins, hosts, routes, pages and TLS. It stores settings and acts on
//! none.

use std::borrow::Cow;

#[cfg(doc)]
use crate::Server;
use crate::ServerBuilder;
use crate::http::checked_path;

impl ServerBuilder {
    /// Serves calls at this path of a standalone server, where the default is `/`. A router that is nested has the path
    /// at which it is nested.
    ///
    /// # Panics
    ///
    /// If no request can have the path: it does not begin with a slash, or holds a query, a space or the like.
    #[track_caller]
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.http.path = checked_path(path);
        self
    }

    /// Does not refuse requests from web pages of this origin, such as `https://app.example`.
    ///
    /// Browsers also want to be told that they may let the page read the answers. That is CORS, and the task of a layer
    /// such as tower-http's `CorsLayer` around [`Server::into_router`].
    ///
    /// Browsers name the page's origin in the header `Origin`. Requests with an origin that is not allowed are refused
    /// with HTTP 403, so that no web page can reach a server through the browser of someone who may; other clients send
    /// no such header. A standalone server that is bound to a loopback address takes loopback origins too, those of
    /// `http` and `https`; list others, such as `tauri://localhost`.
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

    /// Shows the pages of the server, such as those of its health, to requests that name this host, such as
    /// `api.example`. Calls are not concerned.
    ///
    /// A web page can let a name of its own point at a server's address and then read from it; browsers say that name
    /// in the header `Host`. So a server that is bound to a loopback address shows its pages only under an address,
    /// `localhost`, the names that are listed here, and the hosts of [allowed origins](Self::allow_origin). Elsewhere,
    /// load balancers use names that are not known here, so all are taken until the first one is listed.
    ///
    /// # Panics
    ///
    /// If this is no host's name, without user info, a port, or a dot at its end.
    #[track_caller]
    pub fn allow_host(mut self, host: &str) -> Self {
        self.http.allow_host(host);
        self
    }

    /// Serves the routes of an axum router beside JSON-RPC, at paths that are neither that of [calls](Self::path) nor
    /// of a page of the server: webhooks, uploads, event streams, files.
    ///
    /// On a standalone server, requests to them have its TLS, and its [limits](crate::Limits) of connections and of
    /// what arrives: heads, and `max_request_bytes`, `body_timeout` and `body_progress_timeout` of bodies, which routes
    /// read as they arrive. A body that breaks one is an error where it is read; axum's extractors answer 413 or 400,
    /// and their own `DefaultBodyLimit` applies as well. A peer that takes nothing of an answer for
    /// `write_progress_timeout` is cut. Answers may stream, such as server-sent events, and last for as long as they
    /// like. What routes hold counts in no budget of bytes, and `min_response_rate`, `handler_timeout` and
    /// `max_calls_in_flight` do not apply.
    ///
    /// Routes are yours: no `Origin` is checked, no caller authenticated, nothing told by
    /// [`telemetry`](Self::telemetry). Add layers to the router for that. A panic is answered with HTTP 500 and logged.
    /// Connections cannot be upgraded, so there are no WebSockets.
    ///
    /// A request's extensions hold `ConnectInfo<SocketAddr>`, if the peer has such an address, what TLS tells, and the
    /// [`Lifecycle`](crate::Lifecycle) of the server at this address. A drain waits for answers that run, and cuts them
    /// after [`Limits::drain_timeout`](crate::Limits::drain_timeout): a stream without an end does well to end in the
    /// phase [`Draining`](crate::ServerPhase::Draining).
    ///
    /// A route at the path of calls, or at that of a page, is never reached. What no route answers has the fallback of
    /// the router; where that answers 404 without a body, as axum's own does, the client is told in JSON-RPC that
    /// nothing is served here, as without routes. [`Server::into_router`] merges the routes as they are, and then none
    /// of this holds but what the application does.
    ///
    /// # Panics
    ///
    /// If the router cannot be merged with one that was added before. [`Server::into_router`] panics if a route has the
    /// path `/` or that of a page.
    ///
    /// # Example
    ///
    /// ```
    /// use axum::Router;
    /// use axum::routing::get;
    ///
    /// let server = rpc::Server::builder()
    ///     .method("ping", || async { "pong" })
    ///     .path("/rpc")
    ///     .routes(Router::new().route("/version", get(|| async { "1.0.0" })))
    ///     .build();
    /// ```
    #[track_caller]
    pub fn routes(mut self, routes: axum::Router) -> Self {
        self.http.add_routes(routes);
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
        self.shows_metrics = true;
        self
    }

    #[cfg(not(feature = "prometheus"))]
    rpc_core::__private::needs_feature!(prometheus: FeaturePrometheus);

    /// Shows a page only to callers who have all of these roles, or with none of them, to all callers who are known. By
    /// default pages are shown to everybody who reaches the server.
    ///
    /// Callers show who they are as for calls, see [`authenticate`](Self::authenticate). All others get HTTP 401, or
    /// 403 where they are known. A method that tells the same requires the same: `rpc.discover` what `/openrpc.json`
    /// does, and `rpc.health` what `/health/ready` does. Probes rarely show credentials, so leave the pages of health
    /// open.
    ///
    /// # Panics
    ///
    /// [`build`](Self::build) does, if there is no page with this path.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::auth::Bearer;
    /// use rpc::health::Health;
    /// use rpc::{Principal, Server};
    ///
    /// let server = Server::builder()
    ///     .authenticate(Bearer::new().token("s3cr3t", Principal::new("ada").with_role("ops")))
    ///     .health(Health::new())
    ///     .page_requires("/health/ready", &["ops"])
    ///     .build();
    /// ```
    pub fn page_requires(mut self, path: impl Into<Cow<'static, str>>, roles: &'static [&'static str]) -> Self {
        self.page_requires.push((path.into(), roles));
        self
    }

    /// Speaks TLS, and nothing else, wherever the server is [served](Server::serve) standalone. An axum application
    /// around [`Server::into_router`] has its own ways.
    ///
    /// Who speaks plain text to such a port, or does not finish the handshake within
    /// [`Limits::header_timeout`](crate::Limits::header_timeout), is cut. Until then it counts as a connection, and
    /// holds up no other.
    ///
    /// # Example
    ///
    /// ```
    /// # mod rpc { pub use ::rpc::*; pub use rpc_server::tls; }
    /// use rpc::tls::Tls;
    ///
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// let tls = Tls::from_pem(certificate, key)?;
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).tls(tls).build();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "server-tls")))]
    pub fn tls(mut self, tls: crate::tls::Tls) -> Self {
        self.http.tls = Some(tls);
        self
    }

    #[cfg(not(feature = "tls"))]
    rpc_core::__private::needs_feature!(tls: FeatureServerTls);
}
