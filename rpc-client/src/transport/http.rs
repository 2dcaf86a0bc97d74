mod address;
mod route;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::Full;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{Client, Error, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rpc_core::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::{Reply, ReplyBody, Request, Transport};
use crate::Failure;
use crate::failure::Kind;
use address::Address;
use route::{Route, Timed, forward_authorization, proxy_of};

/// Sends requests over HTTP/1.1 and HTTP/2 with hyper, encrypted by rustls where the address says `https`.
///
/// [`Client::new`](crate::Client::new) makes one, and [`ClientBuilder`](crate::ClientBuilder) sets it up. It is the
/// shortest way to a server that there is. For cookies, proxies with SOCKS, or a `reqwest::Client` that an application
/// has already, there is `ReqwestTransport` behind the feature `reqwest`.
///
/// - connecting may take 1 s, name resolution and TLS included;
/// - idle connections are closed after 20 s, long before common servers and balancers do, so that a request does not
///   meet a connection that is closing;
/// - a request that met one all the same, of which nothing was written, goes over another connection; nothing else is
///   ever sent again;
/// - redirects are not followed, since a call that is redirected may run twice or arrive without its body;
/// - at most 256 requests are under way at a time, and others wait for their turn, since over HTTP/1.1 each takes a
///   connection of its own; with HTTP/2 from the first byte they share one, and there is no such limit;
/// - proxies are taken from the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), but for loopback
///   addresses;
/// - certificates are checked as the platform does, unless [`ClientBuilder::tls_config`] says otherwise.
///
/// [`ClientBuilder::tls_config`]: crate::ClientBuilder
#[derive(Clone)]
pub struct HttpTransport {
    pool: Pool,
    address: Address,
    /// What is sent beside the client's headers, in the order in which they are looked at.
    headers: Arc<[(HeaderName, HeaderValue)]>,
    /// Gives each request room for a connection, where there is a limit.
    room: Option<Arc<Semaphore>>,
}

/// Holds what a client's builder says about HTTP.
#[derive(Clone, Debug)]
pub(crate) struct HttpSettings {
    pub(crate) connect_timeout: Duration,
    pub(crate) max_concurrent_requests: usize,
    pub(crate) http2_prior_knowledge: bool,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Box<rustls::ClientConfig>>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            // Few enough for a process that may open 1,024 files, which is a common limit.
            max_concurrent_requests: 256,
            http2_prior_knowledge: false,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl HttpTransport {
    pub(crate) fn new(url: &str, settings: &HttpSettings) -> Result<Self, Failure> {
        let address = Address::parse(url)?;
        let proxy = proxy_of(&address);
        let route = Route::new(tcp(), &address, proxy.as_ref())?;
        let pool = Pool::new(route, &address, settings)?;
        // HTTP/2 has a pseudo-header in its place. For HTTP/1, writing it anew for each request would be a waste.
        let host = address.host().filter(|_| !address.is_https() && !settings.http2_prior_knowledge);
        let headers = [
            (AUTHORIZATION, address.authorization.clone()),
            (PROXY_AUTHORIZATION, forward_authorization(&address, proxy.as_ref())),
            (HOST, host),
        ];
        let headers = headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let room = (!settings.http2_prior_knowledge)
            .then(|| Arc::new(Semaphore::new(settings.max_concurrent_requests.clamp(1, Semaphore::MAX_PERMITS))));
        Ok(Self { pool, address, headers, room })
    }

    fn message(&self, request: Request) -> http::Request<Full<Bytes>> {
        let mut message = http::Request::new(Full::new(request.body));
        *message.method_mut() = Method::POST;
        *message.uri_mut() = self.address.uri.clone();
        *message.headers_mut() = HeaderMap::clone(&request.headers);
        for (name, value) in &*self.headers {
            message.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
        message
    }
}

fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    // A peer that vanished without a word is noticed while a call waits for it.
    connector.set_keepalive(Some(Duration::from_secs(15)));
    connector
}

/// The connections to the server. Where there is no TLS there is nothing of it, certificates included.
#[derive(Clone)]
enum Pool {
    Plain(Client<Timed<Route>, Full<Bytes>>),
    #[cfg(feature = "tls")]
    Tls(Client<Timed<hyper_rustls::HttpsConnector<Route>>, Full<Bytes>>),
}

impl Pool {
    fn new(route: Route, address: &Address, settings: &HttpSettings) -> Result<Self, Failure> {
        if !address.is_https() {
            return Ok(Self::Plain(pool(route, settings)));
        }
        #[cfg(feature = "tls")]
        return Ok(Self::Tls(pool(tls::connector(route, settings)?, settings)));
        #[cfg(not(feature = "tls"))]
        Err(Failure::new(Kind::Builder("an address with https:// needs the feature `tls`")))
    }

    fn send(&self, message: http::Request<Full<Bytes>>) -> ResponseFuture {
        match self {
            Self::Plain(client) => client.request(message),
            #[cfg(feature = "tls")]
            Self::Tls(client) => client.request(message),
        }
    }
}

fn pool<C>(connector: C, settings: &HttpSettings) -> Client<Timed<C>, Full<Bytes>>
where
    Timed<C>: Connect + Clone,
{
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(20))
        .http2_only(settings.http2_prior_knowledge)
        .build(Timed { inner: connector, timeout: settings.connect_timeout })
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let deadline = request.deadline;
        let answer = self.pool.send(self.message(request));
        let room = self.room.clone();
        Box::pin(async move {
            let permit = match room {
                Some(room) => Some(take(room, deadline).await?),
                None => None,
            };
            let (head, body) = answer.await.map_err(failed)?.into_parts();
            // The connection is free again once the body was read or dropped.
            let mut reply = Reply::new(ReplyBody::from_http(body, permit));
            reply.status = Some(head.status);
            reply.headers = head.headers;
            Ok(reply)
        })
    }
}

/// Waits for room for a request.
async fn take(room: Arc<Semaphore>, deadline: std::time::Instant) -> Result<OwnedSemaphorePermit, Failure> {
    if let Ok(permit) = Arc::clone(&room).try_acquire_owned() {
        return Ok(permit);
    }
    let permit = timeout_at(Instant::from_std(deadline), room.acquire_owned()).await;
    let permit = permit.map_err(|_| Failure::new(Kind::Expired))?;
    Ok(permit.expect("the semaphore is never closed"))
}

fn failed(error: Error) -> Failure {
    if error.is_connect() { Failure::connect(error) } else { Failure::transport(error) }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without what else the address may hold, such as a token.
        f.debug_struct("HttpTransport")
            .field("scheme", &self.address.uri.scheme_str().unwrap_or_default())
            .field("host", &self.address.uri.host().unwrap_or_default())
            .field("port", &self.address.uri.port_u16())
            .finish_non_exhaustive()
    }
}
