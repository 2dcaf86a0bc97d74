use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::Url;
use rpc_core::BoxFuture;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::{Reply, ReplyBody, Request, Transport};
use crate::Failure;
use crate::failure::Kind;

/// Sends requests over HTTP/1.1 and HTTP/2 with `reqwest`, encrypted by rustls where the address says `https`.
///
/// [`Client::new`](crate::Client::new) makes one with the settings below. Make one from a `reqwest::Client` (version
/// 0.13) of your own for proxies, cookies, certificates and the like.
///
/// - connecting may take 1 s;
/// - idle connections are closed after 20 s, long before common servers and balancers do, so that a request does not
///   meet a connection that is closing;
/// - redirects are not followed, since a call that is redirected may run twice or arrive without its body;
/// - at most 256 requests are under way at a time, and others wait for their turn, since over HTTP/1.1 each takes a
///   connection of its own; with HTTP/2 from the first byte they share one, and there is no such limit;
/// - proxies are taken from the environment (`HTTP_PROXY` and the like), but for loopback addresses;
/// - `reqwest`'s own retries are off.
///
/// # Example
///
/// ```
/// use rpc::{Client, transport::HttpTransport};
///
/// let http = reqwest::Client::builder().user_agent("billing/1.0").build()?;
/// let client = Client::builder().transport(HttpTransport::from_reqwest(http, "https://rpc.example")?).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HttpTransport {
    client: reqwest::Client,
    url: Url,
    /// What a name and a password in the address say.
    authorization: Option<HeaderValue>,
    /// Gives each request room for a connection, where there is a limit.
    room: Option<Arc<Semaphore>>,
}

/// Holds what a client's builder says about HTTP.
#[derive(Clone, Debug)]
pub(crate) struct HttpSettings {
    pub(crate) connect_timeout: Duration,
    pub(crate) max_concurrent_requests: usize,
    pub(crate) http2_prior_knowledge: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        // Few enough for a process that may open 1,024 files, which is a common limit.
        Self { connect_timeout: Duration::from_secs(1), max_concurrent_requests: 256, http2_prior_knowledge: false }
    }
}

impl HttpTransport {
    /// Makes a transport from a `reqwest::Client` of your own.
    ///
    /// Its retries should be off (`.retry(reqwest::retry::never())`), and it should not follow redirects: what it sends
    /// again, no other part of this crate knows of.
    ///
    /// # Errors
    ///
    /// If the address is no absolute URL with the scheme `http` or `https`.
    pub fn from_reqwest(client: reqwest::Client, url: impl AsRef<str>) -> Result<Self, Failure> {
        let url = Url::parse(url.as_ref())
            .map_err(|error| Failure::with_source(Kind::Builder("server's address is not a URL"), error))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::new(Kind::Builder("server's address must begin with http:// or https://")));
        }
        // `reqwest` moves a name and a password from the address into a header.
        let mut template = client.post(url).build().map_err(failed)?;
        let authorization = template.headers_mut().remove(AUTHORIZATION);
        Ok(Self { client, url: template.url().clone(), authorization, room: None })
    }

    pub(crate) fn new(url: &str, settings: &HttpSettings) -> Result<Self, Failure> {
        let loopback = Url::parse(url).is_ok_and(|url| is_loopback(&url));
        let builder = || {
            let builder = Self::reqwest(settings);
            // No proxy leads back to this machine, though the environment may name one for all else.
            if loopback { builder.no_proxy() } else { builder }
        };
        let client = match builder().build() {
            // A machine without certificates of authorities, as many containers are, needs none without TLS.
            Err(_) if url.starts_with("http://") => builder().tls_certs_only([]).build(),
            built => built,
        };
        let client =
            client.map_err(|error| Failure::with_source(Kind::Builder("HTTP client cannot be built"), error))?;
        let mut transport = Self::from_reqwest(client, url)?;
        transport.room = (!settings.http2_prior_knowledge)
            .then(|| Arc::new(Semaphore::new(settings.max_concurrent_requests.clamp(1, Semaphore::MAX_PERMITS))));
        Ok(transport)
    }

    fn reqwest(settings: &HttpSettings) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder()
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never());
        if settings.http2_prior_knowledge { builder.http2_prior_knowledge() } else { builder }
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let mut message = reqwest::Request::new(Method::POST, self.url.clone());
        *message.headers_mut() = HeaderMap::clone(&request.headers);
        if let Some(authorization) = &self.authorization {
            message.headers_mut().entry(AUTHORIZATION).or_insert_with(|| authorization.clone());
        }
        *message.body_mut() = Some(request.body.into());
        let (client, room) = (self.client.clone(), self.room.clone());
        Box::pin(async move {
            let permit = match room {
                Some(room) => {
                    let room = timeout_at(Instant::from_std(request.deadline), room.acquire_owned()).await;
                    let room = room.map_err(|_| Failure::new(Kind::Expired))?;
                    Some(room.expect("the semaphore is never closed"))
                }
                None => None,
            };
            let mut answer = client.execute(message).await.map_err(failed)?;
            let status: StatusCode = answer.status();
            let headers = std::mem::take(answer.headers_mut());
            // The connection is free again once the body was read or dropped.
            let chunks = futures_util::stream::unfold(Some((answer, permit)), |state| async move {
                let (mut answer, permit) = state?;
                match answer.chunk().await {
                    Ok(Some(chunk)) => Some((Ok(chunk), Some((answer, permit)))),
                    Ok(None) => None,
                    Err(error) => Some((Err(failed(error)), None)),
                }
            });
            let mut reply = Reply::new(ReplyBody::from_stream(chunks.fuse()));
            reply.status = Some(status);
            reply.headers = headers;
            Ok(reply)
        })
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

fn failed(error: reqwest::Error) -> Failure {
    // The address may hold a password.
    let error = error.without_url();
    if error.is_builder() {
        Failure::with_source(Kind::Builder("HTTP request cannot be built"), error)
    } else if error.is_connect() {
        Failure::connect(error)
    } else {
        Failure::transport(error)
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without what else the address may hold, such as a password or a token.
        f.debug_struct("HttpTransport")
            .field("scheme", &self.url.scheme())
            .field("host", &self.url.host_str().unwrap_or_default())
            .field("port", &self.url.port_or_known_default())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{HttpSettings, HttpTransport};

    #[test]
    fn a_password_in_the_address_becomes_a_header() {
        let settings = HttpSettings::default();
        let transport = HttpTransport::new("http://ada:secret@127.0.0.1:1/rpc", &settings).unwrap();
        assert_eq!(transport.url.as_str(), "http://127.0.0.1:1/rpc");
        assert_eq!(transport.authorization.unwrap(), "Basic YWRhOnNlY3JldA==");
        let transport = HttpTransport::new("http://127.0.0.1:1/rpc", &settings).unwrap();
        assert_eq!(transport.authorization, None);
    }

    #[test]
    fn loopback_addresses_are_told_from_others() {
        let is_loopback = |url: &str| super::is_loopback(&url.parse().unwrap());
        assert!(["http://127.0.0.1:80", "http://[::1]:80", "http://LOCALHOST"].into_iter().all(is_loopback));
        assert!(!["http://10.0.0.1", "http://localhost.example", "http://127.example"].into_iter().any(is_loopback));
    }

    #[test]
    fn only_http_and_https_are_addresses() {
        for url in ["", "127.0.0.1:80", "ftp://a", "/rpc", "http://"] {
            assert!(HttpTransport::new(url, &HttpSettings::default()).unwrap_err().is_builder(), "{url}");
        }
    }
}
