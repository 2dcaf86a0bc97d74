//! [`HttpTransport`], the default transport, on hyper-util's client. It only sends: retries are up to `delivery`.
//! `route` and `connect` make connections; `habits`, `socket` and `in_flight` avoid those that are closing or silent.

mod address;
mod body;
mod builder;
mod connect;
mod habits;
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
mod unconnected;

use std::error::Error as _;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONNECTION, HOST, HeaderName, PROXY_AUTHORIZATION, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderValue, Method, Uri};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rpc_core::BoxFuture;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use self::address::Address;
pub(super) use self::body::HttpBody;
use self::body::{Held, Outgoing};
pub use self::builder::HttpTransportBuilder;
use self::connect::Connector;
use self::habits::Habits;
use self::in_flight::InFlight;
use self::route::Route;
pub use self::settings::HttpSettings;
pub(crate) use self::settings::http_setters;
use self::unconnected::Unconnected;
use super::{Reply, Request, ServerAddress, Transport};
use crate::Failure;
use crate::failure::Kind;
use crate::meter::{Level, Meter};

/// Is closed after this time without a request: long before common servers and balancers do it, so that a request does
/// not meet a connection that is closing.
const IDLE: Duration = Duration::from_secs(20);

/// Who asks, where nobody says otherwise.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("rpc/", env!("CARGO_PKG_VERSION")));

/// Sends requests over HTTP/1.1 and HTTP/2, encrypted by rustls where the address says `https`.
///
/// This is what [`Client::new`](crate::Client::new) and [`ClientBuilder::endpoint`](crate::ClientBuilder::endpoint)
/// use; the builder has its settings. Make one by hand, with [`builder`](Self::builder), to wrap it in a transport of
/// your own. For cookies, a
/// resolver of your own and the like there is `ReqwestTransport`, with the feature `reqwest`, which costs twice as much
/// a call.
///
/// - Connecting may take 1 s, name resolution, proxy and TLS included.
/// - Idle connections are closed after 20 s, long before common servers and balancers do it, so that a request does not
///   meet a connection that is closing.
/// - A connection that the server has closed takes no more requests: the transport looks for its end just before a
///   request is written. A server that closes each connection after its first answer, without the header `Connection:
///   close`, is noticed after three of them, and then each request has a connection of its own for 60 s. HTTP leaves a
///   rest: an end that arrives while a request is written leaves that request's outcome unknown.
/// - Over HTTP/2, a connection over which nothing has come for 10 s while requests are under way is pinged, and closed
///   if it does not answer within 10 s. A connection on which a request timed out, and no other was answered since,
///   takes no more requests.
/// - Requests say `User-Agent: rpc/VERSION`, unless the client, a batch or a call has such a header of its own.
/// - Redirects are not followed, since a call that is redirected may run twice or arrive without its body.
/// - At most 256 requests are under way at a time, and others wait for their turn, since over HTTP/1.1 each takes a
///   connection of its own; with HTTP/2 from the first byte they share one, and there is no such limit.
/// - Proxies are taken from the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) when the transport
///   is made, but for loopback addresses: `http`, `https`, `socks4`, `socks4a`, `socks5` and `socks5h`. Proxies resolve
///   the server's name themselves.
/// - With the feature `tls`, servers' certificates are checked as the platform does it; without it, `https` addresses
///   are refused.
///
/// Nothing is sent twice by the transport itself, with one exception: a request that was handed to an idle connection
/// which turned out to be closed, so that none of its bytes were written, goes out on another.
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
    /// What requests are addressed to.
    target: Uri,
    /// What goes with each request that has no such header of its own: what name and password in the address say, to
    /// the server and to a proxy that forwards requests, the host where `target` does not name it, and who asks.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Gives each request room for a connection, where there is a limit.
    room: Option<Arc<Semaphore>>,
    habits: Habits,
    /// Whether connections may speak HTTP/2, which several requests share.
    may_be_http2: bool,
}

type HyperClient = legacy::Client<Connector, Outgoing>;

impl HttpTransport {
    /// Makes a transport to the server at this address, with the settings that are named above. No connection is made
    /// yet.
    ///
    /// The address must be ASCII: an international host name is written in its `xn--` form, and what else is not ASCII
    /// is percent-encoded. A name and a password in it are sent as a header.
    ///
    /// # Errors
    ///
    /// If the address is no absolute URL with the scheme `http` or `https`, if a variable of the environment names a
    /// proxy for it by what is no proxy's address, or if no TLS can be had for `https`. No error quotes an address.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Failure> {
        Self::with_settings(url, &HttpSettings::default())
    }

    /// Makes a transport to the server at this address with settings of its own. No connection is made yet.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_settings(url: impl AsRef<str>, settings: &HttpSettings) -> Result<Self, Failure> {
        let Address { uri, authorization } = Address::parse(url.as_ref())?;
        let (route, proxy_authorization) = Route::to(&uri)?;
        let nickname = nickname(&uri, &route, settings);
        let habits = Habits::new();
        let connector = Connector::new(uri.clone(), route, habits.clone(), settings)?;
        // hyper-util's own retries stay on: they concern requests only that hyper gives back untouched, since the idle
        // connection that they were meant for was closed before it took them up. Of these nothing was sent.
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_only(settings.http2_prior_knowledge)
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
        Ok(Self { client, uri, target, headers, room, habits, may_be_http2 })
    }

    fn message(&self, method: Method, request: Request) -> (http::Request<Outgoing>, Held) {
        let Request { body, mut headers, progress, .. } = request;
        // The length is one more. Growing later would move them all.
        headers.reserve(self.headers.len() + 1);
        self.habits.begin_request();
        if self.habits.use_once() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        for (name, value) in &self.headers {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        let followed = (self.may_be_http2 || method == Method::HEAD).then(|| progress.clone());
        let mut message = http::Request::new(Outgoing::new(body, progress));
        *message.method_mut() = method;
        *message.uri_mut() = self.target.clone();
        *message.headers_mut() = headers;
        let in_flight = followed.map(|progress| Box::new(InFlight::new(capture_connection(&mut message), progress)));
        (message, Held { permit: None, in_flight })
    }

    /// Sends a message once there is room for it, for which it waits until the deadline.
    fn exchange(
        &self,
        (message, mut held): (http::Request<Outgoing>, Held),
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
        let waiting = meter.raise(Level::Waiting);
        Box::pin(async move {
            let permit = timeout_at(Instant::from_std(deadline), room.acquire_owned()).await;
            let permit = permit.map_err(|_| Failure::new(Kind::Expired))?.expect("the semaphore is never closed");
            drop(waiting);
            held.permit = Some(permit);
            receive(client.request(message), held).await
        })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        // Until the body is taken up, no server can have the whole request, and none runs a part.
        if !request.body.is_empty() {
            request.progress.hold();
        }
        let (deadline, meter) = (request.deadline, request.meter);
        self.exchange(self.message(Method::POST, request), deadline, meter)
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        // Nothing tells when a connection takes up a request without a body, but that it has one.
        request.progress.hold();
        let (deadline, meter, progress) = (request.deadline, request.meter, request.progress.clone());
        let (message, held) = self.message(Method::HEAD, request);
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

    fn server_address(&self) -> Option<ServerAddress> {
        ServerAddress::of_uri(&self.uri)
    }
}

/// Makes a short address of the same path to stand in for a server's, where no server sees more of it than the path,
/// and the header that names the host instead.
///
/// hyper-util looks its connections up by the host's name, which it hashes and compares letter by letter several times
/// a request. This transport has one host, so one letter will do, and saves a tenth of a call.
fn nickname(server: &Uri, route: &Route, settings: &HttpSettings) -> Option<(Uri, HeaderValue)> {
    // With TLS, HTTP/2 may be negotiated, which sends the whole address, as one does to a proxy.
    let only_path = server.scheme() == Some(&Scheme::HTTP)
        && !settings.http2_prior_knowledge
        && !matches!(route, Route::Forward(_));
    let path = server.path_and_query().filter(|_| only_path)?;
    let target = Uri::builder().scheme(Scheme::HTTP).authority("s").path_and_query(path.clone()).build().ok()?;
    let host = server.authority()?.as_str();
    Some((target, HeaderValue::from_str(host.strip_suffix(":80").unwrap_or(host)).ok()?))
}

async fn receive(sent: legacy::ResponseFuture, mut held: Held) -> Result<Reply, Failure> {
    if let Some(in_flight) = &mut held.in_flight {
        // It may have waited for its turn.
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
        Failure::with_source(Kind::Connect(Unconnected::address(&error)), error)
    } else if was_not_processed(&error) {
        Failure::not_sent(error)
    } else {
        Failure::transport(error)
    }
}

/// Tells whether an HTTP/2 peer has said that it did nothing about the request: it refused the stream, or it goes away
/// and the stream is none of those that it still answers ([RFC 9113, section
/// 8.7](https://www.rfc-editor.org/rfc/rfc9113#section-8.7)).
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
        // Without what else the address may hold, such as a token.
        f.debug_struct("HttpTransport")
            .field("scheme", &self.uri.scheme_str().unwrap_or_default())
            .field("host", &self.uri.host().unwrap_or_default())
            .field("port", &self.uri.port_u16())
            .finish_non_exhaustive()
    }
}
