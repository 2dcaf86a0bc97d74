//! [`Endpoint`]: the description of one address of a service, as users write it. `endpoints` makes live endpoints of
//! descriptions. `unix` makes the transport to a Unix socket.

mod unix;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use self::unix::unix_transport;
use crate::failure::Failure;
#[cfg(not(feature = "websocket"))]
use crate::failure::FailureKind;
use crate::headers::set_header;
use crate::stable_hash::stable_hash;
#[cfg(feature = "websocket")]
use crate::transport::{ConnectionSettings, WebSocketTransport, http_form};
use crate::transport::{HttpSettings, HttpTransport, ServerAddress, Transport, unix_path};

/// Describes one endpoint of a client: an address, or a transport, with its weight, tier and headers.
///
/// A `&str` or a `String` converts into the endpoint with this address and the defaults.
///
/// # Example
///
/// ```
/// use rpc::{Client, Endpoint};
///
/// let client = Client::builder()
///     .endpoints([
///         Endpoint::new("http://10.0.0.1:8080").weight(2),
///         Endpoint::new("http://10.0.0.2:8080"),
///         // The other site serves only while both of the above are out of service.
///         Endpoint::new("http://10.1.0.1:8080").tier(1).header("x-api-key", "secret"),
///     ])
///     .build()?;
/// assert_eq!(client.endpoints().len(), 3);
/// # Ok::<(), rpc::Failure>(())
/// ```
#[derive(Clone)]
#[must_use = "an endpoint does nothing until a client is built with it"]
pub struct Endpoint {
    target: Target,
    settings: EndpointSettings,
    /// The first header that cannot be sent, which `build` reports.
    bad_header: Option<Failure>,
}

/// What an endpoint has besides its transport.
#[derive(Clone)]
pub(crate) struct EndpointSettings {
    pub(crate) weight: u32,
    pub(crate) tier: u32,
    pub(crate) headers: HeaderMap,
    /// The path of its URL. Empty for `/`, and for a transport of the user's.
    pub(crate) path: String,
    /// See [`Endpoint::identity`].
    pub(crate) identity: Option<EndpointIdentity>,
}

/// An endpoint with its transport.
pub(crate) struct ConnectedEndpoint {
    pub(crate) settings: EndpointSettings,
    pub(crate) transport: Arc<dyn Transport>,
    /// The same transport, if it is HTTP and not the user's.
    pub(crate) http: Option<Arc<HttpTransport>>,
}

/// What a client sets for the transports of its endpoints.
pub(crate) struct TransportSettings {
    pub(crate) http: HttpSettings,
    /// The client's own headers, which are also those of its connections.
    #[cfg(feature = "websocket")]
    pub(crate) headers: HeaderMap,
    /// The largest size of an answer, in bytes.
    pub(crate) max_response_bytes: usize,
}

/// By what an endpoint is recognized in the next set of endpoints: its URL or its transport, and its headers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct EndpointIdentity {
    target: TargetIdentity,
    /// In the order of their names.
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum TargetIdentity {
    /// The whole URL, and the address to connect to.
    Url(String, Option<SocketAddr>),
    /// The address of a transport in memory. While an endpoint has the transport, no other one gets this address.
    Transport(usize),
}

/// What carries requests to an endpoint.
#[derive(Clone)]
enum Target {
    /// HTTP or WebSocket to this URL, by a connection to this address, if there is one. Or a Unix socket.
    Url(String, Option<SocketAddr>),
    Transport(Arc<dyn Transport>),
}

impl Endpoint {
    /// Describes the endpoint at an address, such as `http://127.0.0.1:8080` or `https://api.example/rpc`. With the
    /// feature `websocket`, it can also be a `ws` or `wss` address.
    ///
    /// With the feature `ipc`, on Unix, it can be the path of a Unix socket: `unix:/run/app.sock`, or `unix:app.sock`
    /// in the working directory. The path is taken as it stands: `%20` is not decoded. The client speaks `rpc.v1`, a
    /// message a line. For other settings, use a `MessageTransport`.
    ///
    /// [`ClientBuilder::build`](crate::ClientBuilder::build) checks the address.
    pub fn new(url: impl Into<String>) -> Self {
        Self::of(Target::Url(url.into(), None))
    }

    /// Describes an endpoint with a transport of your own, for tests and for other protocols. Clones share the
    /// transport.
    pub fn transport(transport: impl Transport) -> Self {
        Self::of(Target::Transport(Arc::new(transport)))
    }

    pub(crate) fn with_transport(transport: Box<dyn Transport>) -> Self {
        Self::of(Target::Transport(transport.into()))
    }

    fn of(target: Target) -> Self {
        Self { target, settings: EndpointSettings::default(), bad_header: None }
    }

    /// Connects to this address, whatever the host of the URL resolves to, and never through a proxy.
    ///
    /// The host of the URL stays in the header `Host`, and TLS checks the certificate for it. Spans, metrics and
    /// failures name the address. An endpoint with a transport of your own ignores it.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Endpoint};
    ///
    /// let endpoint = Endpoint::new("https://orders.internal/rpc").connect_to("10.0.0.7:8443".parse()?);
    /// let client = Client::builder().endpoint(endpoint).build()?;
    /// assert_eq!(client.endpoints()[0].address().unwrap().to_string(), "10.0.0.7:8443");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect_to(mut self, address: SocketAddr) -> Self {
        if let Target::Url(_, to) = &mut self.target {
            *to = Some(address);
        }
        self
    }

    /// Sets the endpoint's capacity relative to the others. Default: 1. 0 counts as 1.
    ///
    /// An endpoint of weight 2 gets twice the calls of one with weight 1, by all balancers except
    /// [`Balance::round_robin`](crate::Balance::round_robin) and [`Balance::random`](crate::Balance::random).
    pub fn weight(mut self, weight: u32) -> Self {
        self.settings.weight = weight.max(1);
        self
    }

    /// Sets the endpoint's tier. Default: 0, the first.
    ///
    /// The client uses a tier only while it cannot use any endpoint of the tiers with lower numbers.
    pub fn tier(mut self, tier: u32) -> Self {
        self.settings.tier = tier;
        self
    }

    /// Sends a header with each request to this endpoint. It replaces a header of the client's with the same name. A
    /// header of a single call replaces it.
    ///
    /// [`ClientBuilder::build`](crate::ClientBuilder::build) rejects a name or value that a header cannot have, and
    /// `content-length` and `transfer-encoding`.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let set = set_header(&mut self.settings.headers, name, value);
        self.bad_header = self.bad_header.or(set.err());
        self
    }
}

impl Endpoint {
    /// Returns by what the endpoint is recognized in the next set of endpoints.
    pub(crate) fn identity(&self) -> EndpointIdentity {
        let target = match &self.target {
            Target::Url(url, to) => TargetIdentity::Url(url.clone(), *to),
            Target::Transport(transport) => TargetIdentity::Transport(Arc::as_ptr(transport).addr()),
        };
        let header = |(name, value): (&HeaderName, &HeaderValue)| (name.clone(), value.clone());
        let mut headers: Vec<_> = self.settings.headers.iter().map(header).collect();
        headers.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        EndpointIdentity { target, headers }
    }

    pub(crate) fn tier_number(&self) -> u32 {
        self.settings.tier
    }

    /// Returns the place of the endpoint in an order that all clients have, by its address.
    ///
    /// Credentials in the URL do not matter. Transports without an address have one place.
    pub(crate) fn place(&self) -> u64 {
        let address = match &self.target {
            Target::Url(_, Some(to)) => Some(to.to_string()),
            Target::Url(url, None) => address_of(url).map(|address| address.to_string()).ok(),
            Target::Transport(transport) => transport.server_address().map(|address| address.to_string()),
        };
        stable_hash(address.unwrap_or_default().as_bytes())
    }

    /// Returns the URL, or `None` for a transport of the user's.
    #[cfg(feature = "dns")]
    pub(crate) fn url(&self) -> Option<&str> {
        match &self.target {
            Target::Url(url, _) => Some(url),
            Target::Transport(_) => None,
        }
    }

    pub(crate) fn settings(&self) -> &EndpointSettings {
        &self.settings
    }

    /// Makes the transport of the endpoint. It does not connect yet.
    ///
    /// # Errors
    ///
    /// - A header cannot be sent.
    /// - The address is invalid, or its TLS or its proxy cannot be set up.
    pub(crate) fn connect(mut self, settings: &TransportSettings) -> Result<ConnectedEndpoint, Failure> {
        if let Some(failure) = self.bad_header {
            return Err(failure);
        }
        self.settings.identity = Some(self.identity());
        if let Target::Url(url, to) = &self.target
            && let Some(path) = unix_path(url)
        {
            let transport = unix_transport(path, *to, &settings.http, settings.max_message_bytes())?;
            return Ok(ConnectedEndpoint { settings: self.settings, transport, http: None });
        }
        let (transport, http): (Arc<dyn Transport>, _) = match self.target {
            #[cfg(feature = "websocket")]
            Target::Url(url, to) if http_form(&url).is_some() => {
                let transport = settings.websocket(&url, to, &self.settings.headers)?;
                (Arc::new(transport), None)
            }
            #[cfg(not(feature = "websocket"))]
            Target::Url(url, _) if is_websocket(&url) => {
                let why = "a ws:// or wss:// address needs the feature `websocket` of the crate `rpc`";
                return Err(Failure::new(FailureKind::Builder(why)));
            }
            Target::Url(url, to) => {
                let transport = Arc::new(HttpTransport::connecting_to(&url, to, &settings.http)?);
                self.settings.path = transport.path().to_owned();
                (Arc::clone(&transport) as _, Some(transport))
            }
            Target::Transport(transport) => (transport, None),
        };
        Ok(ConnectedEndpoint { settings: self.settings, transport, http })
    }
}

#[cfg(feature = "websocket")]
impl TransportSettings {
    /// Makes the transport to a `ws` or `wss` URL.
    fn websocket(&self, url: &str, to: Option<SocketAddr>, own: &HeaderMap) -> Result<WebSocketTransport, Failure> {
        let mut headers = self.headers.clone();
        for name in own.keys() {
            headers.remove(name);
        }
        headers.extend(own.clone());
        let connection = ConnectionSettings { headers, max_message_bytes: self.max_message_bytes() };
        let url = http_form(url).unwrap_or_else(|| url.to_owned());
        WebSocketTransport::connecting_to(&url, to, &self.http, connection)
    }
}

impl TransportSettings {
    /// Returns the largest size of a message on a connection that requests share.
    fn max_message_bytes(&self) -> usize {
        // A larger message ends the connection and all that it carries. The client itself rejects an answer over its
        // limit, and this harms no other request.
        self.max_response_bytes.saturating_mul(2).max(MIN_MESSAGE_BYTES)
    }
}

/// The least limit of the size of a message.
const MIN_MESSAGE_BYTES: usize = 1 << 20;

/// Returns the host and the port of a URL, or the path of a Unix socket.
fn address_of(url: &str) -> Result<ServerAddress, Failure> {
    if let Some(Ok(path)) = unix_path(url) {
        return Ok(ServerAddress::new(path, 0));
    }
    #[cfg(feature = "websocket")]
    if let Some(url) = http_form(url) {
        return HttpTransport::address_of(&url);
    }
    HttpTransport::address_of(url)
}

#[cfg(not(feature = "websocket"))]
fn is_websocket(url: &str) -> bool {
    let scheme = url.trim().split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("ws") || scheme.eq_ignore_ascii_case("wss"))
}

impl Default for EndpointSettings {
    fn default() -> Self {
        Self { weight: 1, tier: 0, headers: HeaderMap::new(), path: String::new(), identity: None }
    }
}

impl From<&str> for Endpoint {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Endpoint {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<&String> for Endpoint {
    fn from(url: &String) -> Self {
        Self::new(url)
    }
}

/// The address may hold a password, and headers may hold secrets. Neither is shown.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Endpoint");
        if let Target::Transport(transport) = &self.target {
            shown.field("transport", transport);
        }
        shown.field("weight", &self.settings.weight).field("tier", &self.settings.tier).finish_non_exhaustive()
    }
}

/// Neither the URL nor the headers are shown, since they may hold secrets.
impl fmt::Debug for EndpointIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointIdentity")
    }
}
