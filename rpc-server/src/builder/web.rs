//! The part of [`ServerBuilder`] for HTTP: path, origins, hosts, routes, pages and TLS. It stores settings and acts on
//! none.

use std::borrow::Cow;

#[cfg(doc)]
use crate::Server;
use crate::ServerBuilder;
use crate::http::checked_path;

impl ServerBuilder {
    /// Sets the path of calls on a standalone server. Default: `/`. A nested router has the path at which it is nested.
    ///
    /// # Panics
    ///
    /// If no request can have the path: it does not begin with a slash, or contains a query, a space or the like.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).path("/rpc").build();
    /// let server = server.bind("127.0.0.1:0").await?.spawn();
    ///
    /// let client = rpc::Client::new(format!("http://{}/rpc", server.local_addr()))?;
    /// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
    ///
    /// let elsewhere = rpc::Client::new(format!("http://{}/", server.local_addr()))?;
    /// let error = elsewhere.call::<String>("ping", ()).await.unwrap_err();
    /// assert_eq!(error.failure().unwrap().status().unwrap(), 404);
    /// # server.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.http.path = checked_path(path);
        self
    }

    /// Sets how the server serves WebSockets, at the path of calls. Default: `WebSocketSettings::default()`.
    ///
    /// Both sides of a WebSocket send messages at any time: many calls run at once, and streams send their items
    /// between the answers. The server checks the `Origin` as for calls, the `Host` as for pages, and the credentials
    /// once, in the request that opens the WebSocket. The limits of a connection apply. Within an axum application,
    /// only the limits of the server do.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let settings = rpc::WebSocketSettings::default().ping_interval(Duration::from_secs(5));
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).websocket(settings).build();
    /// ```
    #[cfg(feature = "websocket")]
    pub fn websocket(mut self, settings: crate::WebSocketSettings) -> Self {
        self.http.websocket = Some(settings);
        self
    }

    /// Serves no WebSockets. A request that asks for one gets HTTP 405.
    ///
    /// # Example
    ///
    /// ```
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).without_websocket().build();
    /// ```
    #[cfg(feature = "websocket")]
    pub fn without_websocket(mut self) -> Self {
        self.http.websocket = None;
        self
    }

    /// Allows requests from web pages of this origin, such as `https://app.example`.
    ///
    /// Browsers let a page read the answers only with CORS headers. These are the task of a layer, such as tower-http's
    /// `CorsLayer` around [`Server::into_router`].
    ///
    /// Browsers send the page's origin in the header `Origin`. The server refuses requests from other origins with HTTP
    /// 403, so that no foreign web page can reach it through a user's browser. Other clients send no such header. A
    /// standalone server that is bound to a loopback address also allows loopback origins with the schemes `http` and
    /// `https`. List others, such as `tauri://localhost`.
    ///
    /// # Panics
    ///
    /// If no web page can have this origin. It must be a scheme, a host and an optional port, without user info, a
    /// path, or a dot after the host.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use axum::body::Body;
    /// use http::Request;
    /// use rpc::Server;
    /// use tower::ServiceExt;
    ///
    /// let server = Server::builder().method("ping", || async { "pong" }).allow_origin("https://app.example");
    /// let app: axum::Router = server.build().into_router();
    /// let post = |origin| {
    ///     let request = Request::post("/").header("content-type", "application/json").header("origin", origin);
    ///     request.body(Body::from(r#"{"jsonrpc":"2.0","method":"ping","id":1}"#))
    /// };
    ///
    /// assert_eq!(app.clone().oneshot(post("https://app.example")?).await?.status(), 200);
    /// assert_eq!(app.oneshot(post("https://evil.example")?).await?.status(), 403);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.http.allow_origin(origin);
        self
    }

    /// Shows the server's pages, such as those of its health, to requests for this host, such as `api.example`. Calls
    /// are not affected.
    ///
    /// A web page can point its own host name at a server's address and then read from the server. Browsers send that
    /// name in the header `Host`. So a server that is bound to a loopback address shows its pages only under these
    /// hosts: an address, `localhost`, listed hosts, and the hosts of [allowed origins](Self::allow_origin). Elsewhere,
    /// load balancers use names that the server does not know, so all names are allowed until the first one is listed.
    ///
    /// # Panics
    ///
    /// If this is neither a host name nor an address, or if it has user info, a port, or a dot at its end.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use axum::body::Body;
    /// use http::Request;
    /// use tower::ServiceExt;
    ///
    /// let server = rpc::Server::builder().health(rpc::health::Health::new()).allow_host("api.example").build();
    /// let app: axum::Router = server.into_router();
    /// let get = |host| Request::get("/health/live").header("host", host).body(Body::empty());
    ///
    /// assert_eq!(app.clone().oneshot(get("api.example")?).await?.status(), 200);
    /// assert_eq!(app.clone().oneshot(get("10.0.0.5:8080")?).await?.status(), 200);
    /// assert_eq!(app.oneshot(get("evil.example")?).await?.status(), 403);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn allow_host(mut self, host: &str) -> Self {
        self.http.allow_host(host);
        self
    }

    /// Serves the routes of an axum router next to JSON-RPC, such as webhooks, uploads, event streams and files. Their
    /// paths must be neither that of [calls](Self::path) nor that of a page.
    ///
    /// On a standalone server, routes have its TLS and its [limits](crate::Limits) of connections, of heads, and of
    /// bodies: `max_request_bytes`, `body_timeout` and `body_progress_timeout`. Routes read bodies while they arrive. A
    /// body that exceeds a limit gives an error where it is read. axum's extractors answer it with 413 or 400, and
    /// their own `DefaultBodyLimit` applies as well. A peer that reads nothing of an answer for
    /// `write_progress_timeout` is disconnected. Answers may stream without end, such as server-sent events. No byte
    /// limit counts what routes hold, and `min_response_rate`, `handler_timeout` and `max_calls_in_flight` do not
    /// apply.
    ///
    /// Routes are your own code. The server does not check their `Origin`, does not authenticate their callers, and
    /// records no [`telemetry`](Self::telemetry) of them. Add layers to the router for that. A panic is answered with
    /// HTTP 500 and logged. Connections cannot be upgraded, so there are no WebSockets.
    ///
    /// A request's extensions hold the TLS information of the connection and the [`Lifecycle`](crate::Lifecycle) of the
    /// server at this address. They also hold `ConnectInfo<SocketAddr>`, if the peer has such an address. A drain waits
    /// for unfinished answers, and cuts them after [`Limits::drain_timeout`](crate::Limits::drain_timeout). A stream
    /// without an end should end in the phase [`Draining`](crate::ServerPhase::Draining).
    ///
    /// A route at the path of calls, or at that of a page, is never reached. Requests that no route matches go to the
    /// router's fallback. If the fallback answers 404 without a body, as axum's own does, the client gets a JSON-RPC
    /// error instead, as without routes. [`Server::into_router`] merges the routes unchanged, and then only the rules
    /// of the application apply.
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
    /// If a page with this path exists already.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use axum::body::Body;
    /// use rpc::{Client, Prometheus, Server, Telemetry};
    /// use tower::ServiceExt;
    ///
    /// let server = Server::builder()
    ///     .method("ping", || async { "pong" })
    ///     .telemetry(Telemetry::default())
    ///     .prometheus(Prometheus::install()?)
    ///     .build();
    /// Client::in_process(&server).call::<String>("ping", ()).await?;
    ///
    /// let app: axum::Router = server.into_router();
    /// let page = app.oneshot(http::Request::get("/metrics").body(Body::empty())?).await?.into_body();
    /// let page = String::from_utf8(axum::body::to_bytes(page, 1 << 20).await?.into())?;
    /// assert!(page.contains("rpc_server_call_duration_seconds_count"));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "prometheus")]
    #[track_caller]
    pub fn prometheus(mut self, prometheus: crate::Prometheus) -> Self {
        self.http.pages.add(prometheus.into_page());
        self.shows_metrics = true;
        self
    }

    #[cfg(not(feature = "prometheus"))]
    rpc_core::__private::needs_feature!(prometheus: FeaturePrometheus);

    /// Shows a page only to callers who have all of these roles. An empty list admits all authenticated callers. By
    /// default, pages are shown to all callers.
    ///
    /// Callers authenticate as for calls, see [`authenticate`](Self::authenticate). Anonymous callers get HTTP 401, and
    /// callers without the roles get 403. A method with the content of a page requires the same roles: `rpc.discover`
    /// those of `/openrpc.json`, and `rpc.health` those of `/health/ready`. Probes rarely send credentials, so leave
    /// the pages of health open.
    ///
    /// # Panics
    ///
    /// [`build`](Self::build) panics if there is no page with this path.
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

    /// Serves only TLS, wherever the server is [served](Server::serve) standalone. An axum application around
    /// [`Server::into_router`] configures TLS itself.
    ///
    /// Clients that send plain text, or do not finish the handshake within
    /// [`Limits::header_timeout`](crate::Limits::header_timeout), are disconnected. Until then they count as
    /// connections. They never delay others.
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
