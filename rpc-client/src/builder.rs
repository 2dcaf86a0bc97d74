//! [`ClientBuilder`], with which users configure a client. It collects settings, headers, credentials, layers and a
//! transport, and `build` puts the [`Engine`] together.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use rpc_core::{Dispatch, MaybeSend, MaybeSync};

use crate::client::Client;
use crate::credentials::{CredentialCache, Credentials};
use crate::endpoint::Endpoint;
use crate::engine::Engine;
use crate::failure::{Failure, Kind};
use crate::headers::{ClientHeaders, set_header};
use crate::middleware::{ClientLayer, LayeredTransport, Layers, Request};
use crate::reliability::attempt::AttemptEvent;
use crate::reliability::attempt_hook::AttemptHook;
use crate::reliability::budget::RetryBudget;
use crate::reliability::retry::Retry;
use crate::settings::{ClientSettings, client_setters};
use crate::telemetry::Observer;
use crate::transport::{self, HttpSettings, HttpTransport, InProcess, Transport, http_setters};

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
    credentials: Option<CredentialCache>,
    layers: Layers<Request>,
    attempt_layers: Layers<transport::Request>,
    on_attempt: Option<AttemptHook>,
    #[cfg(feature = "telemetry")]
    telemetry: Option<rpc_core::Telemetry>,
    endpoints: Vec<String>,
    transport: Option<Box<dyn Transport>>,
    /// A header that cannot be sent, which `build` reports.
    bad_header: Option<Failure>,
}

impl Client {
    /// Makes a client for the server at this address, such as `http://127.0.0.1:8080` or `https://api.example/rpc`.
    ///
    /// No connection is made yet.
    ///
    /// # Errors
    ///
    /// If the address is no URL with the scheme `http` or `https`, or if a variable of the environment such as
    /// `HTTP_PROXY` names a proxy for it by what is no proxy's address.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Failure> {
        Self::builder().endpoint(url.as_ref()).build()
    }

    /// Begins to build a client with settings of its own.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Makes a client of a server in the same process, for tests and for services that live together.
    ///
    /// Calls take the same way as over HTTP, bytes included; only the socket is missing, and the limits that belong to
    /// it, such as that of a request's size. For headers and deadlines of the client's own, there is
    /// [`ClientBuilder::in_process`].
    ///
    /// # Panics
    ///
    /// Awaiting its calls panics outside a tokio runtime with a timer, as over HTTP.
    pub fn in_process<D: Dispatch + Clone>(server: &D) -> Self {
        let endpoint = Endpoint::new(Box::new(InProcess::new(server.clone())));
        Self::builder().build_on(endpoint, Observer::default())
    }
}

impl ClientBuilder {
    /// Sets the server's address, such as `http://127.0.0.1:8080`.
    pub fn endpoint(self, url: impl Into<String>) -> Self {
        self.endpoints([url])
    }

    /// Sets the addresses of the servers. For now there can be one; a longer list is refused by [`build`](Self::build).
    pub fn endpoints(mut self, urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.endpoints = urls.into_iter().map(Into::into).collect();
        self
    }

    /// Sends to a server in the same process instead of to an address. See [`Client::in_process`].
    pub fn in_process<D: Dispatch + Clone>(self, server: &D) -> Self {
        self.transport(InProcess::new(server.clone()))
    }

    /// Sends through a transport of your own instead of to an address. What is said here about HTTP does not apply to
    /// it: [`HttpTransport::builder`] has the same settings for one that you wrap.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Box::new(transport));
        self
    }

    /// Replaces all settings of calls: those of [`ClientSettings`].
    pub fn settings(mut self, settings: ClientSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Replaces all settings of HTTP: those of [`HttpSettings`].
    pub fn http(mut self, settings: HttpSettings) -> Self {
        self.http = settings;
        self
    }

    /// Sets how often the calls of one method are retried, by its name on the wire.
    ///
    /// The name is not checked: a client has no list of methods, since any call may name any method, and several typed
    /// clients may share it. `UsersClient::SPEC` has the names of a service's methods.
    pub fn method_retry(mut self, method: impl Into<String>, retry: Retry) -> Self {
        self.settings = self.settings.method_retry(method, retry);
        self
    }

    /// Calls a function with each attempt that ends, for logs and metrics. It is called where the call is awaited, and
    /// should not block. A panic in it is contained, and the call goes on; the first one is logged with the feature
    /// `telemetry`.
    ///
    /// # Example
    ///
    /// ```
    /// let client = rpc::Client::builder()
    ///     .endpoint("http://127.0.0.1:8080")
    ///     .on_attempt(|event| {
    ///         if let (Some(error), Some(pause)) = (&event.attempt.error, event.retry_in) {
    ///             eprintln!("{}: attempt {} failed ({error}), again in {pause:?}", event.method, event.attempt.number);
    ///         }
    ///     })
    ///     .build()?;
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    pub fn on_attempt(mut self, hook: impl Fn(&AttemptEvent<'_>) + MaybeSend + MaybeSync + 'static) -> Self {
        self.on_attempt = Some(AttemptHook::new(hook));
        self
    }

    /// Lets each request say who calls by credentials that this provider fetches, such as an access token. They replace
    /// a header of the same name that the client has; a call that has one of its own, or an `authorization` header,
    /// keeps it.
    ///
    /// The provider is asked when the first call needs it, again when what it gave has
    /// [expired](crate::Credential::expires_in), and when a server refuses it: with HTTP 401, whose body may be a
    /// JSON-RPC error that the method does not declare, or by our server's refusal that it does not know who calls. A
    /// refused call is then sent again with new credentials, whatever its method, since it did not run. This happens
    /// once a call, and neither counts as one of its attempts under [`retry`](Self::retry) nor takes from the budget. A
    /// second refusal is the end.
    ///
    /// Where servers refuse whatever is fetched, ten refusals and then one each second lead to a fetch.
    ///
    /// All calls that need credentials at the same time wait for one fetch, each within its own deadline. A caller that
    /// leaves does not end it. A fetch that fails fails these calls, with [`Failure::is_credentials`] and
    /// [`Outcome::NotSent`](crate::Outcome::NotSent); they are retried as other calls that were not sent.
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

    /// Puts a layer around each delivery: a call or a notification, or the part of a batch that shares a request, once
    /// for all of its attempts. The first layer added is the outermost.
    ///
    /// See [`client_middleware`](crate::middleware).
    pub fn layer(mut self, layer: impl ClientLayer) -> Self {
        self.layers.add(layer);
        self
    }

    /// Puts a layer around each attempt: a `tower::Service` that takes a [`transport::Request`] to a
    /// [`transport::Reply`]. The first layer added is the outermost.
    ///
    /// Probes pass as well, which ask for headers alone: [`transport::Request::is_probe`] tells. An attempt that a
    /// layer does not pass on was not sent. A layer must not pass one on twice: retries are the client's.
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

    /// Tells of calls: a span for each with one for each attempt below, metrics, logs of those that fail or are slow.
    /// See [`Telemetry`](rpc_core::Telemetry). By default nothing is told.
    ///
    /// A call continues the trace of the handler that makes it, or of the [`TraceContext`](rpc_core::TraceContext) that
    /// was entered, and else begins one. Each attempt says its own place in the trace by the header `traceparent`. A
    /// batch is one request, so it has one span and one for each attempt; its calls are counted and logged one by one.
    #[cfg(feature = "telemetry")]
    pub fn telemetry(mut self, telemetry: rpc_core::Telemetry) -> Self {
        self.telemetry = Some(telemetry);
        self
    }

    #[cfg(not(feature = "telemetry"))]
    rpc_core::__private::needs_feature!(telemetry: FeatureTelemetry);

    /// Speaks HTTP/2 from the first byte, also without TLS. By default HTTP/2 is spoken where TLS negotiates it.
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.http = self.http.http2_prior_knowledge();
        self
    }

    /// Sets when an HTTP/2 connection that falls silent is given up: over which nothing has come for `interval` while
    /// requests are under way, and whose peer does not answer a ping within `timeout`. Default: 10 s each.
    ///
    /// The requests that are under way fail with an unknown outcome, and others open a new connection. Idle connections
    /// are not pinged. Both are at least 1 ms. An `interval` of a year or more means never.
    pub fn http2_keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.http = self.http.http2_keep_alive(interval, timeout);
        self
    }

    /// Sets how `https` addresses are spoken to, with rustls 0.23: for an authority of one's own, or a certificate that
    /// tells the server who calls. By default the platform says whom to trust.
    ///
    /// The protocols that are offered to the server (ALPN) are the client's business, whatever the configuration says.
    /// It applies to a proxy's TLS as well, and to `http` addresses not at all.
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

    /// Sends a header with every request. A name or value that no header can have is refused by
    /// [`build`](Self::build), and so are `content-length` and `transfer-encoding`.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let set = set_header(&mut self.headers, name, value);
        self.bad_header = self.bad_header.or(set.err());
        self
    }

    /// Builds the client. No connection is made yet.
    ///
    /// # Errors
    ///
    /// If there is no address, more than one or one that is no `http` or `https` URL, if a header cannot be sent, if a
    /// variable of the environment names a proxy for the address by what is no proxy's address, or if the address is
    /// `https` and TLS cannot be set up, as without the feature `tls`.
    pub fn build(mut self) -> Result<Client, Failure> {
        if let Some(failure) = self.bad_header {
            return Err(failure);
        }
        let observer = self.observer();
        let attempt_layers = std::mem::take(&mut self.attempt_layers);
        let around = |transport| -> Box<dyn Transport> {
            if attempt_layers.is_empty() {
                return transport;
            }
            Box::new(LayeredTransport::new(attempt_layers, transport))
        };
        let endpoint = match (self.transport.take(), &self.endpoints[..]) {
            (Some(transport), []) => Endpoint::new(around(transport)),
            (Some(_), _) => return refuse("a client has either a transport or an endpoint, not both"),
            (None, [url]) => {
                let transport = HttpTransport::with_settings(url, &self.http)?;
                Endpoint::new(around(Box::new(transport)))
            }
            (None, []) => return refuse("a client needs an endpoint or a transport"),
            (None, _) => return refuse("more than one endpoint is not supported yet"),
        };
        Ok(self.build_on(endpoint, observer))
    }

    fn build_on(self, endpoint: Endpoint, observer: Observer) -> Client {
        let headers = ClientHeaders::new(&self.headers, self.settings.deadline);
        let mut engine = Engine::new(self.settings, headers, observer, endpoint);
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
        // Without the addresses, which may hold passwords and tokens.
        f.debug_struct("ClientBuilder")
            .field("settings", &self.settings)
            .field("http", &self.http)
            .field("endpoints", &self.endpoints.len())
            .field("transport", &self.transport)
            .field("layers", &self.layers)
            .field("attempt_layers", &self.attempt_layers)
            .field("bad_header", &self.bad_header)
            .finish()
    }
}

fn refuse(why: &'static str) -> Result<Client, Failure> {
    Err(Failure::new(Kind::Builder(why)))
}
