use std::time::Duration;

use super::tls::TlsSettings;

/// What a client's builder says about HTTP.
#[derive(Clone, Debug)]
pub(crate) struct HttpSettings {
    pub(crate) connect_timeout: Duration,
    pub(crate) max_concurrent_requests: usize,
    pub(crate) http2_prior_knowledge: bool,
    pub(crate) http2_ping_interval: Duration,
    pub(crate) http2_ping_timeout: Duration,
    pub(crate) tls: TlsSettings,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            // Few enough for a process that may open 1,024 files, which is a common limit.
            max_concurrent_requests: 256,
            http2_prior_knowledge: false,
            // Together less than a call's deadline of 30 s.
            http2_ping_interval: Duration::from_secs(10),
            http2_ping_timeout: Duration::from_secs(10),
            tls: TlsSettings::default(),
        }
    }
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
