//! The transport on the user's own `reqwest::Client`. Only this file knows reqwest.

use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};
use reqwest::Url;
use rpc_core::BoxFuture;

use super::{Reply, ReplyBody, Request, ServerAddress, Transport};
use crate::Failure;
use crate::failure::FailureKind;

/// Sends requests with your own `reqwest::Client` (version 0.13): for cookies, a custom resolver or proxy, other TLS,
/// or one connection pool for the whole program.
///
/// [`HttpTransport`](super::HttpTransport) works without `reqwest` at half the cost per call, and is the default for
/// addresses. The HTTP settings of the builder do not apply here. The `reqwest::Client` decides how long connecting may
/// take, how many requests may be in flight, which protocols are used, and which certificates TLS trusts. It does not
/// report when a request is written, so the 250 ms for the answer to [`HEAD`](Transport::probe) include connecting.
///
/// # Example
///
/// ```
/// use rpc::{Client, transport::ReqwestTransport};
///
/// let http = reqwest::Client::builder()
///     .user_agent("billing/1.0")
///     .redirect(reqwest::redirect::Policy::none())
///     .retry(reqwest::retry::never())
///     .build()?;
/// let client = Client::builder().transport(ReqwestTransport::new(http, "http://rpc.example")?).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    url: Url,
    /// The header for the name and password of the address.
    authorization: Option<HeaderValue>,
}

impl ReqwestTransport {
    /// Makes a transport from a `reqwest::Client` and a server's address.
    ///
    /// Turn the client's retries off (`.retry(reqwest::retry::never())`), and do not let it follow redirects. This
    /// crate cannot see requests that `reqwest` repeats.
    ///
    /// # Errors
    ///
    /// The address is not an absolute URL with the scheme `http` or `https`.
    pub fn new(client: reqwest::Client, url: impl AsRef<str>) -> Result<Self, Failure> {
        let url = Url::parse(url.as_ref())
            .map_err(|error| Failure::with_source(FailureKind::Builder("server's address is not a URL"), error))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::new(FailureKind::Builder("server's address must begin with http:// or https://")));
        }
        if url.port() == Some(0) {
            let why = "server's address has no valid port: it must be a number from 1 to 65535";
            return Err(Failure::new(FailureKind::Builder(why)));
        }
        // `reqwest` moves a name and a password from the address into a header.
        let mut template = client.post(url).build().map_err(failed)?;
        let authorization = template.headers_mut().remove(AUTHORIZATION);
        Ok(Self { client, url: template.url().clone(), authorization })
    }
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.execute(Method::POST, request)
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.execute(Method::HEAD, request)
    }

    fn server_address(&self) -> Option<ServerAddress> {
        Some(ServerAddress::new(self.url.host_str()?, self.url.port_or_known_default()?))
    }
}

impl ReqwestTransport {
    fn execute(&self, method: Method, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let mut message = reqwest::Request::new(method, self.url.clone());
        *message.headers_mut() = request.headers;
        if let Some(authorization) = &self.authorization {
            message.headers_mut().entry(AUTHORIZATION).or_insert_with(|| authorization.clone());
        }
        if !request.body.is_empty() {
            *message.body_mut() = Some(request.body.into());
        }
        let answer = self.client.execute(message);
        Box::pin(async move {
            let mut answer = answer.await.map_err(failed)?;
            let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
            let chunks = futures_util::stream::try_unfold(answer, |mut answer| async move {
                let chunk = answer.chunk().await.map_err(failed)?;
                Ok(chunk.map(|chunk| (chunk, answer)))
            });
            Ok(Reply { status: Some(status), headers, body: ReplyBody::from_stream(chunks) })
        })
    }
}

fn failed(error: reqwest::Error) -> Failure {
    // The address may hold a password.
    let to = error.url().map(|url| url.origin().ascii_serialization().into());
    let error = error.without_url();
    if error.is_builder() {
        Failure::with_source(FailureKind::Builder("HTTP request cannot be built"), error)
    } else if error.is_connect() {
        Failure::with_source(FailureKind::Connect(to), error)
    } else {
        Failure::transport(error)
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest of the address is left out, since it may hold secrets such as a password or a token.
        f.debug_struct("ReqwestTransport")
            .field("scheme", &self.url.scheme())
            .field("host", &self.url.host_str().unwrap_or_default())
            .field("port", &self.url.port_or_known_default())
            .finish_non_exhaustive()
    }
}
