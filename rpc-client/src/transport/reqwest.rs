use std::fmt;

use futures_util::StreamExt;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use reqwest::Url;
use rpc_core::BoxFuture;

use super::{Reply, ReplyBody, Request, Transport};
use crate::Failure;
use crate::failure::Kind;

/// Sends requests with a `reqwest::Client` (version 0.13) of your own: for cookies, SOCKS proxies, international domain
/// names, or settings that an application has already. Behind the feature `reqwest`.
///
/// [`HttpTransport`](super::HttpTransport), which clients use without being told, costs little more than half as much for
/// each call.
///
/// What [`ClientBuilder`](crate::ClientBuilder) says about HTTP does not apply; the `reqwest::Client` has its own
/// settings. These should be set:
///
/// - `.retry(reqwest::retry::never())` and `.redirect(reqwest::redirect::Policy::none())`: what is sent again, no other
///   part of this crate knows of;
/// - `.pool_idle_timeout(..)`: shorter than the server keeps idle connections, so that a request does not meet a
///   connection that is closing;
/// - `.connect_timeout(..)`.
///
/// # Example
///
/// ```
/// use rpc::{Client, transport::ReqwestTransport};
///
/// let http = reqwest::Client::builder()
///     .user_agent("billing/1.0")
///     .retry(reqwest::retry::never())
///     .redirect(reqwest::redirect::Policy::none())
///     .build()?;
/// let client = Client::builder().transport(ReqwestTransport::new(http, "http://rpc.example")?).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    url: Url,
    /// What a name and a password in the address say.
    authorization: Option<HeaderValue>,
}

impl ReqwestTransport {
    /// Makes a transport that sends to this address.
    ///
    /// # Errors
    ///
    /// If the address is no absolute URL with the scheme `http` or `https`.
    pub fn new(client: reqwest::Client, url: impl AsRef<str>) -> Result<Self, Failure> {
        let url = Url::parse(url.as_ref())
            .map_err(|error| Failure::with_source(Kind::Builder("server's address is not a URL"), error))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::new(Kind::Builder("server's address must begin with http:// or https://")));
        }
        // `reqwest` moves a name and a password from the address into a header.
        let mut template = client.post(url).build().map_err(failed)?;
        let authorization = template.headers_mut().remove(AUTHORIZATION);
        Ok(Self { client, url: template.url().clone(), authorization })
    }
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let mut message = reqwest::Request::new(Method::POST, self.url.clone());
        *message.headers_mut() = HeaderMap::clone(&request.headers);
        if let Some(authorization) = &self.authorization {
            message.headers_mut().entry(AUTHORIZATION).or_insert_with(|| authorization.clone());
        }
        *message.body_mut() = Some(request.body.into());
        let client = self.client.clone();
        Box::pin(async move {
            let mut answer = client.execute(message).await.map_err(failed)?;
            let status = answer.status();
            let headers = std::mem::take(answer.headers_mut());
            // The connection is free again once the body was read or dropped.
            let chunks = futures_util::stream::unfold(Some(answer), |answer| async move {
                let mut answer = answer?;
                match answer.chunk().await {
                    Ok(Some(chunk)) => Some((Ok(chunk), Some(answer))),
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

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without what else the address may hold, such as a password or a token.
        f.debug_struct("ReqwestTransport")
            .field("scheme", &self.url.scheme())
            .field("host", &self.url.host_str().unwrap_or_default())
            .field("port", &self.url.port_or_known_default())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::ReqwestTransport;

    #[test]
    fn a_password_in_the_address_becomes_a_header() {
        let transport = |url| ReqwestTransport::new(reqwest::Client::new(), url).unwrap();
        let with_password = transport("http://ada:secret@127.0.0.1:1/rpc");
        assert_eq!(with_password.url.as_str(), "http://127.0.0.1:1/rpc");
        assert_eq!(with_password.authorization.unwrap(), "Basic YWRhOnNlY3JldA==");
        assert_eq!(transport("http://127.0.0.1:1/rpc").authorization, None);
    }

    #[test]
    fn only_http_and_https_are_addresses() {
        for url in ["", "127.0.0.1:80", "ftp://a", "/rpc", "http://"] {
            assert!(ReqwestTransport::new(reqwest::Client::new(), url).unwrap_err().is_builder(), "{url}");
        }
    }
}
