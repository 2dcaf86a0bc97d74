//! [`HttpSettings`]: the settings of the default transport. The client's builder has them as well.

use std::time::Duration;

use rpc_core::__private::settings;

use super::tls::TlsSettings;

settings! {
    /// The settings of HTTP.
    ///
    /// [`ClientBuilder`](crate::ClientBuilder) has setters for these, and takes all of them with
    /// [`http`](crate::ClientBuilder::http). `HttpSettings::default()` has the defaults.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    /// use rpc::transport::{HttpSettings, HttpTransport};
    ///
    /// let mut settings = HttpSettings::default().connect_timeout(Duration::from_millis(300));
    /// settings.http2_prior_knowledge = true;
    /// let transport = HttpTransport::with_settings("http://127.0.0.1:8080", &settings)?;
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    #[derive(Clone, Debug)]
    pub struct HttpSettings, set by http_setters! {
        /// How long connecting may take, including name resolution, proxy and TLS. Default: 1 s.
        pub connect_timeout: Duration = Duration::from_secs(1),
        /// The maximum number of requests in flight. Over HTTP/1.1 each needs its own connection. Default: 256, which
        /// suits a process with the common limit of 1,024 open files.
        ///
        /// Further requests wait for their turn, within their deadline. A request that times out while it waits was not
        /// sent. There is no such limit with HTTP/2 from the first byte.
        pub max_concurrent_requests: usize = 256,
        /// The maximum number of WebSockets to a server. At least 1. Default: 32.
        ///
        /// Most clients have one. Requests with other credentials need another one, and so does a request whose id is
        /// still in use. If all are in use, a request that needs another one is not sent.
        pub max_websocket_connections: usize = 32; no setter,
        /// Whether HTTP/2 is used from the first byte, also without TLS. Default: false. HTTP/2 is then used only where
        /// TLS negotiates it.
        pub http2_prior_knowledge: bool = false; no setter,
        /// How long an HTTP/2 connection may be silent, while requests are in flight, before it is pinged. At least 1
        /// ms. Default: 10 s. A year or more means never. Idle connections are not pinged.
        pub http2_ping_interval: Duration = Duration::from_secs(10); no setter,
        /// How long the answer to a ping may take before the connection is closed. At least 1 ms. Default: 10 s, so
        /// that interval and timeout together are shorter than a call's default deadline.
        pub http2_ping_timeout: Duration = Duration::from_secs(10); no setter,
        /// The certificate authorities that TLS trusts. Default: those of the platform.
        pub(super) tls: TlsSettings = TlsSettings::default(); no setter,
    }
}

http_setters!(HttpSettings);

/// The setters that do more than set a field.
impl HttpSettings {
    /// Uses HTTP/2 from the first byte, also without TLS.
    #[must_use]
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.http2_prior_knowledge = true;
        self
    }

    /// Sets the maximum number of WebSockets to a server.
    #[must_use]
    pub fn max_websocket_connections(mut self, value: usize) -> Self {
        self.max_websocket_connections = value;
        self
    }

    /// Sets `http2_ping_interval` and `http2_ping_timeout`.
    #[must_use]
    pub fn http2_keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        (self.http2_ping_interval, self.http2_ping_timeout) = (interval, timeout);
        self
    }

    /// Sets the rustls 0.23 configuration for `https` addresses. Default: the certificate authorities that the platform
    /// trusts. See [`ClientBuilder::tls_config`](crate::ClientBuilder::tls_config).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.tls = config.into();
        self
    }

    #[cfg(not(feature = "tls"))]
    rpc_core::__private::needs_feature!(tls_config: FeatureTls);
}

/// Longer than any wait. hyper adds this to clocks, which must not overflow.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl HttpSettings {
    /// Returns the silence after which an HTTP/2 connection is pinged, or `None` for never.
    pub(super) fn ping_interval(&self) -> Option<Duration> {
        let interval = self.http2_ping_interval.max(Duration::from_millis(1));
        (interval < YEAR).then_some(interval)
    }

    /// Returns how long the answer to a ping may take.
    pub(super) fn ping_timeout(&self) -> Duration {
        self.http2_ping_timeout.clamp(Duration::from_millis(1), YEAR)
    }
}
