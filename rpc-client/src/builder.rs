//! [`ClientBuilder`], the configuration of a client. It collects settings, headers, credentials, layers and a
//! transport. `build` makes the [`Engine`] from them. `connect` also connects, and `page`
//! reads a page instead. `serves` lets the client answer
//! calls, and `from_peer` makes the client of a session's peer.

mod connect;
#[cfg(any(feature = "ipc", feature = "websocket"))]
mod from_peer;
mod page;
#[cfg(any(feature = "ipc", feature = "websocket"))]
mod serves;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use rpc_core::{Dispatch, MaybeSend, MaybeSync};

pub use self::connect::Connect;
use crate::balance::Balance;
use crate::breaker::CircuitBreaker;
use crate::client::Client;
use crate::coalesce::Coalesce;
use crate::credentials::{CredentialCache, Credentials};
use crate::discover::{Discover, DynDiscover};
use crate::endpoint::{Endpoint, EndpointSettings, TransportSettings};
use crate::endpoints::{EndpointFactory, EndpointState, Endpoints, HealthChecker};
use crate::engine::Engine;
use crate::failure::{Failure, FailureKind};
use crate::headers::{ClientHeaders, PropagatedHeaders, set_header};
use crate::health_check::{CheckPlan, HealthCheck};
use crate::hedge::Hedge;
use crate::middleware::{AttemptLayers, ClientLayer, Layers, Request};
use crate::reliability::attempt::AttemptEvent;
use crate::reliability::attempt_hook::AttemptHook;
use crate::reliability::budget::RetryBudget;
use crate::reliability::retry::Retry;
use crate::settings::{ClientSettings, client_setters};
use crate::subset::Subset;
use crate::telemetry::Observer;
use crate::throttle::Throttle;
use crate::transport::{self, HttpSettings, InProcess, Transport, http_setters};

/// Builds a [`Client`].
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// let client = rpc::Client::builder()
///     .endpoint("http://127.0.0.1:8080")
///     .deadline(Duration::from_secs(5))
///     .header("authorization", "Bearer secret")
///     .build()?;
/// # Ok::<(), rpc::Failure>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
#[derive(Default)]
pub struct ClientBuilder {
    settings: ClientSettings,
    http: HttpSettings,
    headers: HeaderMap,
    propagated: PropagatedHeaders,
    credentials: Option<CredentialCache>,
    layers: Layers<Request>,
    attempt_layers: Layers<transport::Request>,
    on_attempt: Option<AttemptHook>,
    #[cfg(feature = "telemetry")]
    telemetry: Option<rpc_core::Telemetry>,
    endpoints: Vec<Endpoint>,
    source: Option<Box<dyn DynDiscover>>,
    transport: Option<Box<dyn Transport>>,
    /// What answers the calls of servers.
    serves: Option<Arc<dyn Dispatch>>,
    /// The first header that cannot be sent or propagated. `build` reports it.
    bad_header: Option<Failure>,
}

impl Client {
    /// Makes a client for the server at this address, such as `http://127.0.0.1:8080` or `https://api.example/rpc`.
    ///
    /// It does not connect yet.
    ///
    /// # Errors
    ///
    /// - The address is not a URL with the scheme `http` or `https`, or `ws` or `wss` with the feature `websocket`, or
    ///   `unix:PATH` with the feature `ipc`, on Unix.
    /// - An environment variable such as `HTTP_PROXY` names a proxy for it with an invalid address.
    /// - The address is `https` and TLS cannot be set up, for example without the feature `tls`.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("sum", |(a, b): (i64, i64)| async move { a + b }).build();
    /// let server = server.bind("127.0.0.1:0").await?.spawn();
    ///
    /// let client = Client::new(format!("http://{}", server.local_addr()))?;
    /// assert_eq!(client.call::<i64>("sum", [1, 2]).await?, 3);
    /// assert!(Client::new("localhost:8080").unwrap_err().is_builder());
    /// # server.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(url: impl AsRef<str>) -> Result<Self, Failure> {
        Self::builder().endpoint(url.as_ref()).build()
    }

    /// Returns a builder with the default settings.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::{Client, Retry, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("ping", || async { "pong" }).build();
    /// let client = Client::builder()
    ///     .in_process(&server)
    ///     .deadline(Duration::from_secs(5))
    ///     .retry(Retry::never())
    ///     .build()?;
    /// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Makes a client of a server in the same process, for tests and for services that share a process.
    ///
    /// Calls take the same path as over HTTP, and are encoded to the same bytes. Only the socket is missing, and the
    /// limits that belong to it, such as the limit on the size of a request. [`ClientBuilder::in_process`] also takes
    /// headers, a deadline and the other settings.
    ///
    /// # Panics
    ///
    /// Awaiting its calls panics outside a tokio runtime with a timer, as over HTTP.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, ErrorKind, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("sum", |(a, b): (i64, i64)| async move { a + b }).build();
    /// let client = Client::in_process(&server);
    /// assert_eq!(client.call::<i64>("sum", [1, 2]).await?, 3);
    /// // Errors are the same as over HTTP, too.
    /// let error = client.call::<i64>("sum", ["one", "two"]).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Validation);
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_process<D: Dispatch + Clone>(server: &D) -> Self {
        let transport = Arc::new(InProcess::new(server.clone()));
        let endpoint = EndpointState::new(EndpointSettings::default(), transport, None);
        Self::builder().build_on(vec![endpoint], None, Observer::default())
    }
}

impl ClientBuilder {
    /// Sets the server's address, such as `http://127.0.0.1:8080`, or an [`Endpoint`] with more settings. With the
    /// feature `websocket`, the address can be `ws://127.0.0.1:8080` or a `wss` one. With the feature `ipc`, it can be
    /// `unix:/run/app.sock`. Calls and streams then share a connection.
    pub fn endpoint(self, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoints([endpoint])
    }

    /// Sets the endpoints of the service: addresses, or an [`Endpoint`] for each.
    ///
    /// The client chooses an endpoint for each attempt, by its [`balance`](Self::balance). A retry goes to another
    /// endpoint. An attempt that reached no server goes to another endpoint at once, and counts neither as an attempt
    /// nor as a retry.
    pub fn endpoints(mut self, endpoints: impl IntoIterator<Item = impl Into<Endpoint>>) -> Self {
        self.endpoints = endpoints.into_iter().map(Into::into).collect();
        self
    }

    /// Takes the endpoints from a source that reports changes, instead of from a fixed list.
    ///
    /// The client reads the source from now on if it is built inside a runtime, else from its first call on. Calls that
    /// are made before there is an endpoint wait for it until their deadline. Then they fail as
    /// [`Outcome::NotSent`](crate::Outcome::NotSent). [`Discover`] says what happens with each set and each error.
    /// [`Client::discovery`] tells how current the endpoints are.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Endpoint, Server};
    /// use tokio::sync::watch;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let serve = async |name: &'static str| {
    ///     let server = Server::builder().method("name", move || async move { name }).build();
    ///     server.bind("127.0.0.1:0").await.map(rpc::BoundServer::spawn)
    /// };
    /// let (old, new) = (serve("old").await?, serve("new").await?);
    ///
    /// let (set, source) = watch::channel(vec![Endpoint::new(format!("http://{}", old.local_addr()))]);
    /// let client = Client::builder().discover(source).build()?;
    /// assert_eq!(client.call::<String>("name", ()).await?, "old");
    ///
    /// let mut watch = client.watch_endpoints();
    /// set.send_replace(vec![Endpoint::new(format!("http://{}", new.local_addr()))]);
    /// watch.changed().await;
    /// assert_eq!(client.call::<String>("name", ()).await?, "new");
    /// # old.shutdown().await;
    /// # new.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn discover(mut self, source: impl Discover) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Sends to a server in the same process instead of to an address. See [`Client::in_process`].
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("tenant", |cx: Context| async move { cx.headers()["x-tenant"].to_str().unwrap().to_owned() })
    ///     .build();
    /// let client = Client::builder().in_process(&server).header("x-tenant", "a").build()?;
    /// assert_eq!(client.call::<String>("tenant", ()).await?, "a");
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_process<D: Dispatch + Clone>(self, server: &D) -> Self {
        self.transport(InProcess::new(server.clone()))
    }

    /// Sends through a transport of your own instead of to an address. The HTTP settings of this builder do not apply
    /// to it. [`HttpTransport::builder`](transport::HttpTransport::builder) has the same settings for an HTTP transport
    /// that you wrap.
    ///
    /// # Example
    ///
    /// ```
    /// use std::future::ready;
    ///
    /// use rpc::transport::{Reply, Request, Transport};
    /// use rpc::{BoxFuture, Client, Failure, Outcome};
    ///
    /// /// Cuts every connection after the request, to test how a program handles unknown outcomes.
    /// #[derive(Debug)]
    /// struct Cut;
    ///
    /// impl Transport for Cut {
    ///     fn send(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
    ///         Box::pin(ready(Err(Failure::transport("cut"))))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder().transport(Cut).build()?;
    /// let error = client.call::<u64>("pay", [4200]).await.unwrap_err();
    /// assert_eq!(error.outcome(), Outcome::Unknown);
    /// # Ok(())
    /// # }
    /// ```
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Box::new(transport));
        self
    }

    /// Replaces all settings of calls with these [`ClientSettings`].
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, ClientSettings, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // No server listens at port 1.
    /// let settings = ClientSettings::default().retry(Retry::never());
    /// let client = Client::builder().settings(settings.clone()).endpoint("http://127.0.0.1:1").build()?;
    /// assert_eq!(client.call::<u64>("count", ()).await.unwrap_err().attempts().len(), 1);
    /// // Another client with the same settings, and the same retry budget.
    /// let other = Client::builder().settings(settings).endpoint("http://127.0.0.1:2").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn settings(mut self, settings: ClientSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Replaces all settings of HTTP with these [`HttpSettings`].
    pub fn http(mut self, settings: HttpSettings) -> Self {
        self.http = settings;
        self
    }

    /// Sets the retry policy for the calls of one method, by its name on the wire.
    ///
    /// The name is not checked: a client has no list of methods, since any call can name any method, and several typed
    /// clients can share it. `UsersClient::SPEC` has the names of a service's methods.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // No server listens at port 1.
    /// let client = Client::builder().endpoint("http://127.0.0.1:1").method_retry("report", Retry::never()).build()?;
    /// let report = client.call::<String>("report", ()).await.unwrap_err();
    /// assert_eq!(report.attempts().len(), 1);
    /// let count = client.call::<u64>("count", ()).await.unwrap_err();
    /// assert_eq!(count.attempts().len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn method_retry(mut self, method: impl Into<String>, retry: Retry) -> Self {
        self.settings = self.settings.method_retry(method, retry);
        self
    }

    /// Sets a function that is called after each attempt, for logs and metrics. It runs in the task that awaits the
    /// call, or for calls that are joined by [`coalesce`](Self::coalesce) in a task of the client. It should not block.
    /// A panic in it is caught, and the call continues. With the feature `telemetry`, the first panic is logged.
    ///
    /// # Example
    ///
    /// ```
    /// let client = rpc::Client::builder()
    ///     .endpoint("http://127.0.0.1:8080")
    ///     .on_attempt(|event| {
    ///         if let (Some(error), Some(pause)) = (&event.attempt.error, event.retry_in) {
    ///             let number = event.attempt.number;
    ///             eprintln!("{}: attempt {number} failed ({error}), again in {pause:?}", event.method);
    ///         }
    ///     })
    ///     .build()?;
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    pub fn on_attempt(mut self, hook: impl Fn(&AttemptEvent<'_>) + MaybeSend + MaybeSync + 'static) -> Self {
        self.on_attempt = Some(AttemptHook::new(hook));
        self
    }

    /// Sets the provider of credentials, such as access tokens, that identify the caller in each request. They replace
    /// the client's header of the same name. A call that has this header of its own, or an `authorization` header,
    /// keeps it.
    ///
    /// The client asks the provider when the first call needs credentials, again when they have
    /// [expired](crate::Credential::expires_in), and when a server rejects them. A server rejects credentials in one of
    /// two ways:
    ///
    /// - with HTTP 401, if the body holds no result and no error that the method declares;
    /// - with the refusal of this framework's servers for unauthenticated callers.
    ///
    /// The client then sends the rejected call again with new credentials, whatever its method, since the call did not
    /// run. This happens once per call. It does not count as an attempt under [`retry`](Self::retry), and takes nothing
    /// from the retry budget. A second rejection ends the call.
    ///
    /// If servers reject all credentials, the first ten rejections cause a fetch each. After that, rejections cause at
    /// most one fetch per second.
    ///
    /// All calls that need credentials at the same time wait for one fetch, each within its own deadline. The fetch
    /// continues when a waiting caller leaves. If the fetch fails, these calls fail with [`Failure::is_credentials`]
    /// and [`Outcome::NotSent`](crate::Outcome::NotSent). They are retried like other calls that were not sent.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::{Client, Credential};
    ///
    /// # async fn fetch_token() -> Result<String, std::io::Error> { Ok("secret".to_owned()) }
    /// let client = Client::builder()
    ///     .endpoint("http://127.0.0.1:8080")
    ///     .credentials(|| async {
    ///         let token = fetch_token().await?;
    ///         Ok::<_, std::io::Error>(Credential::bearer(token).expires_in(Duration::from_secs(3590)))
    ///     })
    ///     .build()?;
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    pub fn credentials(mut self, provider: impl Credentials) -> Self {
        self.credentials = Some(CredentialCache::new(provider));
        self
    }

    /// Adds a layer around each delivery: a call, a notification, or the part of a batch that shares a request. The
    /// layer runs once for all attempts of a delivery. The first layer added is the outermost.
    ///
    /// See [`client_middleware`](crate::middleware).
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Server};
    /// use tower::limit::ConcurrencyLimitLayer;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("ping", || async { "pong" }).build();
    /// // At most eight deliveries are in flight. Others wait.
    /// let client = Client::builder().in_process(&server).layer(ConcurrencyLimitLayer::new(8)).build()?;
    /// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
    /// # Ok(())
    /// # }
    /// ```
    pub fn layer(mut self, layer: impl ClientLayer) -> Self {
        self.layers.add(layer);
        self
    }

    /// Adds a layer around each attempt: a `tower::Service` that turns a [`transport::Request`] into a
    /// [`transport::Reply`]. The first layer added is the outermost.
    ///
    /// Probes pass through the layer as well. They ask for headers only, and [`transport::Request::is_probe`] detects
    /// them. An attempt that a layer does not pass on counts as not sent. A layer must not pass an attempt on twice:
    /// only the client retries.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::client_middleware::{Next, from_fn};
    /// use rpc::transport::Request;
    ///
    /// let sign = from_fn(|mut request: Request, next: Next<Request>| {
    ///     request.headers.insert("x-length", request.body.len().into());
    ///     next.run(request)
    /// });
    /// let client = rpc::Client::builder().endpoint("http://127.0.0.1:8080").attempt_layer(sign).build()?;
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    pub fn attempt_layer(mut self, layer: impl ClientLayer<transport::Request>) -> Self {
        self.attempt_layers.add(layer);
        self
    }

    /// Sets the telemetry of calls: a span for each call, a child span for each attempt, metrics, and logs of calls
    /// that fail or are slow, and of circuits that open or close. See [`Telemetry`](rpc_core::Telemetry). Default:
    /// none.
    ///
    /// A call continues the trace of the handler that makes it, or of the entered
    /// [`TraceContext`](rpc_core::TraceContext). Otherwise it starts a new trace. Each attempt sends its position in
    /// the trace in the header `traceparent`. A batch is one request, so it has one span, with a child span for each
    /// attempt. Its calls are counted and logged one by one.
    #[cfg(feature = "telemetry")]
    pub fn telemetry(mut self, telemetry: rpc_core::Telemetry) -> Self {
        self.telemetry = Some(telemetry);
        self
    }

    #[cfg(not(feature = "telemetry"))]
    rpc_core::__private::needs_feature!(telemetry: FeatureTelemetry);

    /// Uses HTTP/2 from the first byte, also without TLS. Default: HTTP/2 only where TLS negotiates it.
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.http = self.http.http2_prior_knowledge();
        self
    }

    /// Sets when a silent HTTP/2 connection is closed. The client sends a ping when nothing has arrived for `interval`
    /// while requests are in flight. It closes the connection when the peer does not answer within `timeout`. Default:
    /// 10 s each.
    ///
    /// The requests in flight then fail with an unknown outcome, and later requests open a new connection. Idle
    /// connections get no pings. Both values are at least 1 ms. An `interval` of a year or more turns pings off.
    pub fn http2_keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.http = self.http.http2_keep_alive(interval, timeout);
        self
    }

    /// Sets the rustls 0.23 configuration for `https` addresses, for a certificate authority of your own or a client
    /// certificate. Default: the certificate authorities that the platform trusts.
    ///
    /// The client sets the protocols that it offers (ALPN) itself and overrides those of the configuration. The
    /// configuration applies to TLS with a proxy as well. It has no effect on `http` addresses.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use rustls::pki_types::{CertificateDer, pem::PemObject};
    /// use rustls::{ClientConfig, RootCertStore};
    ///
    /// let mut authorities = RootCertStore::empty();
    /// authorities.add(CertificateDer::from_pem_file("authority.pem")?)?;
    /// let tls = ClientConfig::builder().with_root_certificates(authorities).with_no_client_auth();
    /// let client = rpc::Client::builder().endpoint("https://rpc.internal").tls_config(tls).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.http = self.http.tls_config(config);
        self
    }

    #[cfg(not(feature = "tls"))]
    rpc_core::__private::needs_feature!(tls_config: FeatureTls);

    /// Sends a header with every request. [`build`](Self::build) fails for an invalid name or value, and for
    /// `content-length` and `transfer-encoding`.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("tenant", |cx: Context| async move { cx.headers()["x-tenant"].to_str().unwrap().to_owned() })
    ///     .build();
    /// let client = Client::builder().in_process(&server).header("x-tenant", "a").build()?;
    /// assert_eq!(client.call::<String>("tenant", ()).await?, "a");
    /// assert!(Client::builder().in_process(&server).header("x tenant", "a").build().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let set = set_header(&mut self.headers, name, value);
        self.bad_header = self.bad_header.or(set.err());
        self
    }

    /// Sets the names of the headers that [`Call::headers_from`](crate::Call::headers_from) copies from the request of
    /// the current handler, such as the tenant or the request's id. Replaces an earlier list. Default: none.
    ///
    /// The list alone copies nothing: each call says whether it copies them. Otherwise a header could leak to a server
    /// of someone else, with nothing at the call to show that.
    ///
    /// [`build`](Self::build) fails for an invalid name, and for headers that belong to one request or connection:
    /// `host`, `connection`, `content-type`, `content-length`, `transfer-encoding` and others like them, `accept`,
    /// `accept-encoding`, `idempotency-key`, and the framework's own headers `rpc-*`.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let stock = Server::builder()
    ///     .method("tenant", |cx: Context| async move { cx.headers()["x-tenant"].to_str().unwrap().to_owned() })
    ///     .build();
    /// let to_stock = Client::builder().in_process(&stock).propagate_headers(["x-tenant", "x-request-id"]).build()?;
    /// let shop = Server::builder()
    ///     .try_method("tenant", move |cx: Context| {
    ///         to_stock.call::<String>("tenant", ()).headers_from(&cx).into_future()
    ///     })
    ///     .build();
    /// let client = Client::builder().in_process(&shop).header("x-tenant", "a").build()?;
    /// assert_eq!(client.call::<String>("tenant", ()).await?, "a");
    /// # Ok(())
    /// # }
    /// ```
    pub fn propagate_headers<N>(mut self, names: impl IntoIterator<Item = N>) -> Self
    where
        N: TryInto<HeaderName>,
    {
        match PropagatedHeaders::new(names) {
            Ok(propagated) => self.propagated = propagated,
            Err(failure) => self.bad_header = self.bad_header.or(Some(failure)),
        }
        self
    }

    /// Builds the client. It does not connect yet.
    ///
    /// # Errors
    ///
    /// - There is no endpoint, or there are two of endpoint, transport and source.
    /// - An address is not an `http` or `https` URL, nor a `ws` or `wss` URL with the feature `websocket`, nor
    ///   `unix:PATH` with the feature `ipc`, on Unix.
    /// - The client [serves](Self::serves), and no endpoint is one whose server can call.
    /// - A header cannot be sent or propagated.
    /// - A health check has an invalid path, or it has a path and an endpoint has no `http` or `https` address.
    /// - There is a [`Subset`](crate::Subset) and a balancer that needs all endpoints.
    /// - An environment variable names a proxy for the address with an invalid address.
    /// - The address is `https` and TLS cannot be set up, for example without the feature `tls`.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::Client;
    ///
    /// let client = Client::builder().endpoint("http://127.0.0.1:8080").build()?;
    /// let failure = Client::builder().endpoint("127.0.0.1:8080").build().unwrap_err();
    /// assert!(failure.is_builder());
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    pub fn build(mut self) -> Result<Client, Failure> {
        if let Some(failure) = self.bad_header {
            return Err(failure);
        }
        let (balance, subset) = (self.settings.balance.clone(), self.settings.subset);
        if subset.is_some() && balance.needs_all_endpoints() {
            return refuse(
                "a subset cannot be combined with a balancer that needs all endpoints, such as `Balance::hash`",
            );
        }
        let observer = self.observer();
        let layers = AttemptLayers::build(std::mem::take(&mut self.attempt_layers));
        let (transports, breaker) = (self.transports(), self.settings.circuit_breaker);
        let check = self.settings.health_check.as_ref().map(CheckPlan::of).transpose()?;
        let mut factory =
            EndpointFactory { transports, layers, breaker, subset, check: check.clone(), serves: self.serves.clone() };
        let (transport, endpoints) = (self.transport.take(), std::mem::take(&mut self.endpoints));
        let endpoints = match (transport, self.source.take()) {
            (Some(transport), None) if endpoints.is_empty() => vec![Endpoint::with_transport(transport)],
            (None, Some(source)) if endpoints.is_empty() => {
                // Another endpoint can come at any time, so none is the only one.
                factory.breaker = factory.breaker.map(|breaker| breaker.single_endpoint(false));
                let endpoints = Endpoints::discovered(source, factory, balance, observer.clone());
                return Ok(self.build_with(endpoints, check, observer));
            }
            (Some(_), None) => return refuse("a client has either a transport or an endpoint, not both"),
            (_, Some(_)) => {
                return refuse("a client with a source of endpoints has no endpoint or transport of its own");
            }
            (None, None) if endpoints.is_empty() => return refuse("a client needs an endpoint or a transport"),
            (None, None) => factory.choose(endpoints),
        };
        factory.breaker = factory.breaker.filter(|breaker| endpoints.len() > 1 || breaker.single_endpoint);
        let endpoints: Vec<_> =
            endpoints.into_iter().map(|endpoint| factory.make(endpoint)).collect::<Result<_, _>>()?;
        if self.serves.is_some() && !endpoints.iter().any(|endpoint| endpoint.serves) {
            return refuse(CANNOT_SERVE);
        }
        Ok(self.build_on(endpoints, check, observer))
    }

    pub(super) fn transports(&self) -> TransportSettings {
        TransportSettings {
            http: self.http.clone(),
            #[cfg(feature = "websocket")]
            headers: self.headers.clone(),
            max_response_bytes: self.settings.max_response_bytes,
        }
    }

    fn build_on(self, endpoints: Vec<EndpointState>, check: Option<CheckPlan>, observer: Observer) -> Client {
        let endpoints = Endpoints::new(endpoints, self.settings.balance.clone(), observer.clone());
        self.build_with(endpoints, check, observer)
    }

    fn build_with(self, mut endpoints: Endpoints, check: Option<CheckPlan>, observer: Observer) -> Client {
        let headers = ClientHeaders::new(&self.headers, self.settings.deadline);
        if let Some(plan) = check {
            endpoints.check_health(HealthChecker {
                plan,
                headers: headers.clone(),
                credentials: self.credentials.clone(),
                meter: observer.meter(),
                max_bytes: self.settings.max_response_bytes,
            });
        }
        let call_numbers = endpoints.set().all().iter().find_map(|endpoint| endpoint.transport.call_numbers());
        let mut engine = Engine::new(self.settings, headers, observer, endpoints);
        engine.call_numbers = call_numbers.unwrap_or_default();
        engine.propagated = self.propagated;
        engine.on_attempt = self.on_attempt;
        engine.credentials = self.credentials;
        engine.layers = self.layers.build();
        Client::with_engine(engine)
    }

    #[cfg(feature = "telemetry")]
    fn observer(&self) -> Observer {
        let observe = |telemetry| Observer::new(telemetry, self.settings.retry_budget.clone());
        self.telemetry.clone().map(observe).unwrap_or_default()
    }

    #[cfg(not(feature = "telemetry"))]
    #[expect(clippy::unused_self, reason = "with the feature, there is something to observe")]
    fn observer(&self) -> Observer {
        Observer::default()
    }
}

client_setters!(ClientBuilder.settings);
http_setters!(ClientBuilder.http);

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The addresses are left out, since they may hold passwords and tokens.
        f.debug_struct("ClientBuilder")
            .field("settings", &self.settings)
            .field("http", &self.http)
            .field("endpoints", &self.endpoints.len())
            .field("has_source", &self.source.is_some())
            .field("serves", &self.serves.is_some())
            .field("transport", &self.transport)
            .field("layers", &self.layers)
            .field("attempt_layers", &self.attempt_layers)
            .field("bad_header", &self.bad_header)
            .finish()
    }
}

/// Why a client that serves cannot be built.
const CANNOT_SERVE: &str = "a client serves only over connections of its own on which servers can call: give it a ws, \
                            wss or unix address, or a message transport that serves nothing else";

fn refuse(why: &'static str) -> Result<Client, Failure> {
    Err(Failure::new(FailureKind::Builder(why)))
}
