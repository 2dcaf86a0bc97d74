//! [`HttpTransportBuilder`], for a transport that users make themselves.

use std::time::Duration;

use super::HttpTransport;
use super::settings::{HttpSettings, http_setters};
use crate::Failure;

/// Builds an [`HttpTransport`], with all HTTP settings of [`ClientBuilder`](crate::ClientBuilder).
///
/// # Example
///
/// A transport that signs requests, and keeps all abilities of the one that it wraps:
///
/// ```
/// use std::time::Duration;
///
/// use rpc::transport::{HttpTransport, Reply, Request, ServerAddress, Transport};
/// use rpc::{BoxFuture, Client, Failure};
///
/// #[derive(Debug)]
/// struct Signing(HttpTransport);
///
/// fn sign(request: &mut Request) {
///     request.headers.insert("x-signature", request.body.len().into());
/// }
///
/// impl Transport for Signing {
///     fn send(&self, mut request: Request) -> BoxFuture<Result<Reply, Failure>> {
///         sign(&mut request);
///         self.0.send(request)
///     }
///     fn probe(&self, mut request: Request) -> BoxFuture<Result<Reply, Failure>> {
///         sign(&mut request);
///         self.0.probe(request)
///     }
///     fn server_address(&self) -> Option<ServerAddress> {
///         self.0.server_address()
///     }
/// }
///
/// let http = HttpTransport::builder().connect_timeout(Duration::from_millis(300)).build("http://127.0.0.1:8080")?;
/// let client = Client::builder().transport(Signing(http)).build()?;
/// # Ok::<(), rpc::Failure>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
#[derive(Clone, Debug, Default)]
pub struct HttpTransportBuilder {
    settings: HttpSettings,
}

impl HttpTransport {
    /// Returns a builder with the default settings.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::transport::HttpTransport;
    /// use rpc::{Client, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("ping", || async { "pong" }).build();
    /// let server = server.bind("127.0.0.1:0").await?.spawn();
    ///
    /// let transport = HttpTransport::builder()
    ///     .connect_timeout(Duration::from_secs(3))
    ///     .max_concurrent_requests(16)
    ///     .build(format!("http://{}", server.local_addr()))?;
    /// let client = Client::builder().transport(transport).build()?;
    /// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
    /// # server.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> HttpTransportBuilder {
        HttpTransportBuilder::default()
    }
}

impl HttpTransportBuilder {
    /// Replaces all settings.
    pub fn settings(mut self, settings: HttpSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Uses HTTP/2 from the first byte. See
    /// [`ClientBuilder::http2_prior_knowledge`](crate::ClientBuilder::http2_prior_knowledge).
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.settings = self.settings.http2_prior_knowledge();
        self
    }

    /// Sets when a silent HTTP/2 connection is closed. See
    /// [`ClientBuilder::http2_keep_alive`](crate::ClientBuilder::http2_keep_alive).
    pub fn http2_keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.settings = self.settings.http2_keep_alive(interval, timeout);
        self
    }

    /// Sets the rustls configuration for `https` addresses. See
    /// [`ClientBuilder::tls_config`](crate::ClientBuilder::tls_config).
    #[cfg(feature = "tls")]
    pub fn tls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.settings = self.settings.tls_config(config);
        self
    }

    /// Builds the transport to the server at this address. It does not connect yet.
    ///
    /// # Errors
    ///
    /// As for [`HttpTransport::new`].
    pub fn build(self, url: impl AsRef<str>) -> Result<HttpTransport, Failure> {
        HttpTransport::with_settings(url, &self.settings)
    }
}

http_setters!(HttpTransportBuilder.settings);
