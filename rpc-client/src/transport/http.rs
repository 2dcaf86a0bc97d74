//! [`HttpTransport`], the default transport, on hyper-util's client. It only sends. `delivery` decides on retries.
//! `route` and `connect` make connections. `connection_reuse`, `socket` and `in_flight` avoid connections that are
//! closing or silent.

mod address;
mod body;
mod builder;
#[cfg(feature = "websocket")]
mod byte_connector;
mod connect;
mod connect_error;
mod connection_reuse;
mod in_flight;
mod route;
mod settings;
mod socket;
mod stream;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "http/no_tls.rs"]
mod tls;

use std::error::Error as _;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONNECTION, HOST, HeaderName, PROXY_AUTHORIZATION, USER_AGENT};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Method, Uri};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rpc_core::BoxFuture;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use self::address::HttpAddress;
pub(super) use self::body::HttpBody;
use self::body::{RequestBody, RequestGuard};
pub use self::builder::HttpTransportBuilder;
#[cfg(feature = "websocket")]
pub(super) use self::byte_connector::ByteConnector;
use self::connect::Connector;
use self::connect_error::ConnectError;
use self::connection_reuse::ConnectionReuse;
use self::in_flight::InFlightRequest;
use self::route::Route;
pub use self::settings::HttpSettings;
pub(crate) use self::settings::http_setters;
#[cfg(feature = "websocket")]
pub(super) use self::stream::ByteStream;
use super::{Reply, Request, ServerAddress, Transport};
use crate::Failure;
use crate::failure::FailureKind;
use crate::meter::{Meter, RequestGauge};

/// How long a connection is kept without a request. Common servers and balancers close idle connections much later, so
/// a request does not meet a closing connection.
const IDLE: Duration = Duration::from_secs(20);

/// The default `User-Agent`.
pub(super) const AGENT: HeaderValue = HeaderValue::from_static(concat!("rpc/", env!("CARGO_PKG_VERSION")));

/// How many bytes an HTTP/2 server may send before the client has read them, in all responses: the largest number that
/// HTTP/2 allows. Streams that are not read would use up a smaller window, and delay all other responses of their
/// connection. Each response has a window of its own, of 2 MiB.
const HTTP2_CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// Sends requests over HTTP/1.1 and HTTP/2, encrypted by rustls for `https` addresses.
///
/// [`Client::new`](crate::Client::new) and [`ClientBuilder::endpoint`](crate::ClientBuilder::endpoint) use it, and the
/// client's builder has its settings. Make one with [`builder`](Self::builder) to wrap it in a transport of your own.
/// For cookies, a custom resolver and similar needs, use `ReqwestTransport` with the feature `reqwest`, which costs
/// twice as much per call.
///
/// - Connecting may take 1 s, including name resolution, proxy and TLS.
/// - Idle connections are closed after 20 s. Common servers and balancers close them much later, so a request does not
///   meet a closing connection.
/// - A connection that the server has closed takes no more requests: the transport checks for its end just before it
///   writes a request. Some servers close each connection after its first answer, without the header
///   `Connection: close`. The transport detects this after three connections, and then uses a new connection for each
///   request for 60 s. One case remains in HTTP: if the end arrives while a request is written, that request's outcome
///   is unknown.
/// - An HTTP/2 connection is pinged if nothing has arrived over it for 10 s while requests are in flight. It is closed
///   if the ping is not answered within 10 s. A connection takes no more requests once a request has timed out on it
///   and no other was answered since.
/// - Requests have the header `User-Agent: rpc/VERSION`, unless the client, a batch or a call sets this header.
/// - Redirects are not followed, since a redirected call could run twice or arrive without its body.
/// - At most 256 requests are in flight at a time, since over HTTP/1.1 each needs its own connection. Others wait for
///   their turn. With HTTP/2 from the first byte (`http2_prior_knowledge`), requests share one connection, and there is
///   no such limit.
/// - Proxies are read from the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) when the transport is
///   made. Loopback addresses never use a proxy. The schemes are `http`, `https`, `socks4`, `socks4a`, `socks5` and
///   `socks5h`. Proxies resolve the server's name themselves.
/// - With the feature `tls`, the platform's verifier checks servers' certificates. Without it, `https` addresses are an
///   error.
///
/// The transport sends nothing twice, with one exception. If an idle connection turns out to be closed and none of the
/// request's bytes were written, the request is sent on another connection.
///
/// # Example
///
/// ```
/// use rpc::{Client, transport::HttpTransport};
///
/// let transport = HttpTransport::new("http://127.0.0.1:8080")?;
/// let client = Client::builder().transport(transport).build()?;
/// # Ok::<(), rpc::Failure>(())
/// ```
#[derive(Clone)]
pub struct HttpTransport {
    client: HyperClient,
    /// The server's address, without name and password.
    uri: Uri,
    /// The address in the requests to hyper-util: `uri`, or its [`nickname`].
    target: Uri,
    /// Headers for each request that does not have them already: the credentials from the address, for the server and
    /// for a proxy that forwards requests; the host, if `target` does not name it; and the user agent.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Limits the requests in flight, if there is a limit.
    room: Option<Arc<Semaphore>>,
    reuse: ConnectionReuse,
    /// Whether connections may use HTTP/2, which several requests share.
    may_be_http2: bool,
    /// The address to connect to, if it is not that of the URL.
    to: Option<SocketAddr>,
}

type HyperClient = legacy::Client<Connector, RequestBody>;

impl HttpTransport {
    /// Makes a transport to the server at this address, with the settings named above. It does not connect yet.
    ///
    /// The address must be ASCII: write an international host name in its `xn--` form, and percent-encode everything
    /// else that is not ASCII. A name and a password in the address are sent as a header.
    ///
    /// # Errors
    ///
    /// - The address is not an absolute URL with the scheme `http` or `https`.
    /// - An environment variable names a proxy for it with an invalid address.
    /// - TLS cannot be set up for `https`.
    ///
    /// No error quotes an address.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Failure> {
        Self::with_settings(url, &HttpSettings::default())
    }

    /// Makes a transport to the server at this address with these settings. It does not connect yet.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_settings(url: impl AsRef<str>, settings: &HttpSettings) -> Result<Self, Failure> {
        Self::connecting_to(url.as_ref(), None, settings)
    }

    /// Makes a transport that connects to this address, if there is one, whatever the host of the URL resolves to.
    pub(crate) fn connecting_to(url: &str, to: Option<SocketAddr>, settings: &HttpSettings) -> Result<Self, Failure> {
        let HttpAddress { uri, authorization } = HttpAddress::parse(url)?;
        let (route, proxy_authorization) = match to {
            Some(to) => (Route::to_address(&uri, to)?, None),
            None => Route::to(&uri)?,
        };
        let nickname = nickname(&uri, &route, settings);
        let reuse = ConnectionReuse::new();
        let connector = Connector::new(uri.clone(), route, reuse.clone(), settings)?;
        // hyper-util's own retries stay on. They apply only to requests that hyper returns untouched, because their
        // idle connection was closed before it took them. Nothing of these was sent.
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_only(settings.http2_prior_knowledge)
            .http2_initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
            .http2_keep_alive_interval(settings.ping_interval())
            .http2_keep_alive_timeout(settings.ping_timeout())
            .build(connector);
        let (target, host) = nickname.unzip();
        let headers = [
            (HOST, host),
            (USER_AGENT, Some(AGENT)),
            (AUTHORIZATION, authorization),
            (PROXY_AUTHORIZATION, proxy_authorization),
        ];
        let headers = headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let target = target.unwrap_or_else(|| uri.clone());
        let room = (!settings.http2_prior_knowledge)
            .then(|| Arc::new(Semaphore::new(settings.max_concurrent_requests.clamp(1, Semaphore::MAX_PERMITS))));
        let may_be_http2 = settings.http2_prior_knowledge || uri.scheme() == Some(&Scheme::HTTPS);
        Ok(Self { client, uri, target, headers, room, reuse, may_be_http2, to })
    }

    /// Returns the host and the port of a URL.
    pub(crate) fn address_of(url: &str) -> Result<ServerAddress, Failure> {
        let HttpAddress { uri, .. } = HttpAddress::parse(url)?;
        ServerAddress::of_uri(&uri).ok_or_else(|| Failure::new(FailureKind::Builder("server's address has no host")))
    }

    /// Returns the path of the address, or an empty text for `/`.
    pub(crate) fn path(&self) -> &str {
        let path = self.uri.path();
        if path == "/" { "" } else { path }
    }

    fn message(&self, method: Method, request: Request) -> (http::Request<RequestBody>, RequestGuard) {
        let Request { body, mut headers, progress, .. } = request;
        // One more for the length. Growing the map later would move all headers.
        headers.reserve(self.headers.len() + 1);
        self.reuse.begin_request();
        if self.reuse.use_once() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        for (name, value) in &self.headers {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        // Only HTTP/2 connections have to be retired when they fall silent. A probe needs to know its connection.
        let followed = (self.may_be_http2 || method != Method::POST).then(|| progress.clone());
        let mut message = http::Request::new(RequestBody::new(body, progress));
        *message.method_mut() = method;
        *message.uri_mut() = self.target.clone();
        *message.headers_mut() = headers;
        let in_flight =
            followed.map(|progress| Box::new(InFlightRequest::new(capture_connection(&mut message), progress)));
        (message, RequestGuard { permit: None, in_flight })
    }

    /// Sends a message once there is room for it. It waits for room until the deadline.
    fn exchange(
        &self,
        (message, mut held): (http::Request<RequestBody>, RequestGuard),
        deadline: std::time::Instant,
        meter: Meter,
    ) -> BoxFuture<Result<Reply, Failure>> {
        let Some(room) = &self.room else {
            return Box::pin(receive(self.client.request(message), held));
        };
        let room = Arc::clone(room);
        if let Ok(permit) = Arc::clone(&room).try_acquire_owned() {
            held.permit = Some(permit);
            return Box::pin(receive(self.client.request(message), held));
        }
        let client = self.client.clone();
        let waiting = meter.raise(RequestGauge::Waiting);
        let progress = message.body().progress().clone();
        progress.hold_back();
        Box::pin(async move {
            let permit = timeout_at(Instant::from_std(deadline), room.acquire_owned()).await;
            let permit =
                permit.map_err(|_| Failure::new(FailureKind::Expired))?.expect("the semaphore is never closed");
            drop(waiting);
            progress.let_go();
            held.permit = Some(permit);
            receive(client.request(message), held).await
        })
    }

    /// Sends `GET` to this path at the server's host and port, instead of the path of the transport's address.
    pub(crate) fn get(&self, page: &PathAndQuery, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let (deadline, meter) = (request.deadline, request.meter);
        let (mut message, held) = self.message(Method::GET, request);
        let mut parts = message.uri().clone().into_parts();
        parts.path_and_query = Some(page.clone());
        *message.uri_mut() = Uri::from_parts(parts).expect("an address with another path is an address");
        self.send_empty((message, held), deadline, meter)
    }

    /// Sends a message without a body.
    fn send_empty(
        &self,
        (message, held): (http::Request<RequestBody>, RequestGuard),
        deadline: std::time::Instant,
        meter: Meter,
    ) -> BoxFuture<Result<Reply, Failure>> {
        // A request without a body cannot report when a connection takes its body. It counts as sent once it has a
        // connection.
        let progress = message.body().progress().clone();
        progress.hold();
        let connection = held.in_flight.as_ref().map(|in_flight| in_flight.connection.clone());
        let mut answer = self.exchange((message, held), deadline, meter);
        Box::pin(poll_fn(move |cx| {
            let polled = answer.as_mut().poll(cx);
            if connection.as_ref().is_some_and(|connection| connection.connection_metadata().is_some()) {
                let _ = progress.sent();
            }
            polled
        }))
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        // Until a connection takes the body, no server can have the whole request, and no server runs a partial one.
        if !request.body.is_empty() {
            request.progress.hold();
        }
        let (deadline, meter) = (request.deadline, request.meter);
        self.exchange(self.message(Method::POST, request), deadline, meter)
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let (deadline, meter) = (request.deadline, request.meter);
        self.send_empty(self.message(Method::HEAD, request), deadline, meter)
    }

    fn server_address(&self) -> Option<ServerAddress> {
        match self.to {
            Some(to) => Some(ServerAddress::of_socket(to)),
            None => ServerAddress::of_uri(&self.uri),
        }
    }
}

/// Makes a short address with the same path, to use instead of the server's address. Returns it with the header `Host`,
/// which names the real host. Returns `None` if the server or the proxy sees more of the address than the path.
///
/// hyper-util looks up its connections by host name, which it hashes and compares several times per request. This
/// transport has one host, so a name of one letter is enough. It saves a tenth of the cost of a call.
fn nickname(server: &Uri, route: &Route, settings: &HttpSettings) -> Option<(Uri, HeaderValue)> {
    // With TLS, HTTP/2 may be negotiated, which sends the whole address. Requests to a proxy also send the whole
    // address.
    let only_path = server.scheme() == Some(&Scheme::HTTP)
        && !settings.http2_prior_knowledge
        && !matches!(route, Route::Forward(_));
    let path = server.path_and_query().filter(|_| only_path)?;
    let target = Uri::builder().scheme(Scheme::HTTP).authority("s").path_and_query(path.clone()).build().ok()?;
    let host = server.authority()?.as_str();
    Some((target, HeaderValue::from_str(host.strip_suffix(":80").unwrap_or(host)).ok()?))
}

async fn receive(sent: legacy::ResponseFuture, mut held: RequestGuard) -> Result<Reply, Failure> {
    if let Some(in_flight) = &mut held.in_flight {
        // The request may have waited for its turn.
        in_flight.begun = Instant::now();
    }
    let (head, body) = sent.await.map_err(failed)?.into_parts();
    if let Some(in_flight) = &mut held.in_flight {
        in_flight.has_answer = true;
    }
    Ok(Reply { status: Some(head.status), headers: head.headers, body: HttpBody::new(body, held).into() })
}

fn failed(error: legacy::Error) -> Failure {
    if error.is_connect() {
        Failure::with_source(FailureKind::Connect(ConnectError::address(&error)), error)
    } else if was_not_processed(&error) {
        Failure::not_sent(error)
    } else {
        Failure::transport(error)
    }
}

/// Returns whether an HTTP/2 peer said that it did not process the request: it refused the stream, or it sent GOAWAY
/// and does not answer this stream any more
/// ([RFC 9113, section 8.7](https://www.rfc-editor.org/rfc/rfc9113#section-8.7)).
fn was_not_processed(error: &legacy::Error) -> bool {
    let mut source = error.source();
    let error = loop {
        let Some(error) = source else { return false };
        match error.downcast_ref::<h2::Error>() {
            Some(error) => break error,
            None => source = error.source(),
        }
    };
    error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest of the address is left out, since it may hold secrets such as a token.
        f.debug_struct("HttpTransport")
            .field("scheme", &self.uri.scheme_str().unwrap_or_default())
            .field("host", &self.uri.host().unwrap_or_default())
            .field("port", &self.uri.port_u16())
            .finish_non_exhaustive()
    }
}
