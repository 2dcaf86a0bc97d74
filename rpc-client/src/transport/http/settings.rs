//! [`HttpSettings`]: the settings of the default transport, which the client's builder offers too.

use std::time::Duration;

use rpc_core::__private::settings;

use super::tls::TlsSettings;

settings! {
    /// How a client speaks HTTP.
    ///
    /// [`ClientBuilder`](crate::ClientBuilder) has setters for these, and takes them as a whole by
    /// [`http`](crate::ClientBuilder::http). `HttpSettings::default()` makes one.
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
        /// How long connecting may take, name resolution, proxy and TLS included. Default: 1 s.
        pub connect_timeout: Duration = Duration::from_secs(1),
        /// How many requests may be in flight at a time, each of which takes a connection over HTTP/1.1. Default: 256,
        /// few enough for a process that may open 1,024 files, which is a common limit.
        ///
        /// Others wait for their turn, within their deadline; one whose time runs out while it waits was not sent.
        /// There is no such limit with HTTP/2 from the first byte.
        pub max_concurrent_requests: usize = 256,
        /// Whether HTTP/2 is spoken from the first byte, also without TLS. Default: false. Then HTTP/2 is spoken where
        /// TLS negotiates it.
        pub http2_prior_knowledge: bool = false; no setter,
        /// How long an HTTP/2 connection may be silent while requests are in flight before it is pinged, at least 1 ms.
        /// Default: 10 s. A year or more means never. Idle connections are not pinged.
        pub http2_ping_interval: Duration = Duration::from_secs(10); no setter,
        /// How long a ping may take before the connection is given up, at least 1 ms. Default: 10 s, which is less than
        /// a call's deadline together with the interval.
        pub http2_ping_timeout: Duration = Duration::from_secs(10); no setter,
        /// Whom TLS trusts. Default: whom the platform trusts.
        pub(super) tls: TlsSettings = TlsSettings::default(); no setter,
    }
}

http_setters!(HttpSettings);

/// The setters that are more than their field.
impl HttpSettings {
    /// Speaks HTTP/2 from the first byte, also without TLS.
    #[must_use]
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.http2_prior_knowledge = true;
        self
    }

    /// Sets `http2_ping_interval` and `http2_ping_timeout`.
    #[must_use]
    pub fn http2_keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        (self.http2_ping_interval, self.http2_ping_timeout) = (interval, timeout);
        self
    }

    /// Sets how `https` addresses are spoken to, with rustls 0.23. Default: the platform says whom to trust. See
    /// [`ClientBuilder::tls_config`](crate::ClientBuilder::tls_config).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_config(mut self, config: rustls::ClientConfig) -> Self {
        self.tls = config.into();
        self
    }

    #[cfg(not(feature = "tls"))]
    rpc_core::__private::needs_feature!(tls_config: FeatureTls);
}

/// Longer than any wait. hyper adds times to clocks, which must not overflow.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl HttpSettings {
    /// Returns after which silence an HTTP/2 connection is pinged, or `None` for never.
    pub(super) fn ping_interval(&self) -> Option<Duration> {
        let interval = self.http2_ping_interval.max(Duration::from_millis(1));
        (interval < YEAR).then_some(interval)
    }

    /// Returns how long a ping may take.
    pub(super) fn ping_timeout(&self) -> Duration {
        self.http2_ping_timeout.clamp(Duration::from_millis(1), YEAR)
    }
}
