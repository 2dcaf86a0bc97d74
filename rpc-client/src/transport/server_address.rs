//! [`ServerAddress`]: host and port of a server, for telemetry and errors.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::Uri;

/// The address of a transport's server, for telemetry and errors: host and port, and nothing else of its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerAddress {
    /// The host name or IP address. An IPv6 address is in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl ServerAddress {
    /// Makes the address from a host and a port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Takes the address that a transport connects to.
    pub(super) fn of_socket(to: SocketAddr) -> Self {
        let host = match to.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self { host, port: to.port() }
    }

    /// Takes the address from a URL. Without a port it uses the scheme's default.
    pub(super) fn of_uri(uri: &Uri) -> Option<Self> {
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        Some(Self::new(uri.host()?, port))
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
