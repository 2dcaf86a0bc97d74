//! [`ServerAddress`]: host and port of a server, or the path of its Unix socket, for telemetry and errors.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::Uri;

/// The address of a transport's server, for telemetry and errors: host and port, and nothing else of its URL. For a
/// Unix socket, it is the path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerAddress {
    /// The host name or IP address. An IPv6 address is in brackets. For a Unix socket: its path.
    pub host: String,
    /// The port, or 0 if the address has none, as that of a Unix socket.
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

    /// Takes the path of a Unix socket.
    #[cfg(all(unix, feature = "ipc"))]
    pub(super) fn of_path(path: &std::path::Path) -> Self {
        Self::new(path.display().to_string(), 0)
    }

    /// Returns the port, if the address has one.
    #[cfg(feature = "telemetry")]
    pub(crate) fn known_port(&self) -> Option<u16> {
        Some(self.port).filter(|port| *port != 0)
    }

    /// Takes the address from a URL. Without a port it uses the scheme's default.
    pub(super) fn of_uri(uri: &Uri) -> Option<Self> {
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        Some(Self::new(uri.host()?, port))
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            0 => f.write_str(&self.host),
            port => write!(f, "{}:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ServerAddress;

    #[test]
    fn port_is_shown_if_there_is_one() {
        assert_eq!(ServerAddress::new("[::1]", 80).to_string(), "[::1]:80");
        assert_eq!(ServerAddress::new("/run/app.sock", 0).to_string(), "/run/app.sock");
    }
}
