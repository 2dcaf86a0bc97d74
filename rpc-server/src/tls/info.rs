//! [`TlsInfo`]: the protocol version and ALPN protocol of a connection.

use std::sync::Arc;

use rustls::{ProtocolVersion, ServerConnection};

/// How the connection of a call is encrypted. Calls that arrived in plain text have none.
///
/// # Example
///
/// ```
/// # mod rpc { pub use ::rpc::*; pub use rpc_server::tls; }
/// use rpc::Context;
/// use rpc::tls::TlsInfo;
///
/// // A handler can check for it.
/// async fn is_encrypted(cx: Context) -> bool {
///     cx.extensions().get::<TlsInfo>().is_some()
/// }
///
/// let server = rpc::Server::builder().method("is_encrypted", is_encrypted).build();
/// ```
#[derive(Clone, Debug)]
pub struct TlsInfo {
    version: &'static str,
    alpn: Option<Arc<str>>,
}

impl TlsInfo {
    pub(super) fn of(connection: &ServerConnection) -> Self {
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "1.2",
            Some(ProtocolVersion::TLSv1_3) => "1.3",
            // rustls supports no other versions at present.
            _ => "",
        };
        let alpn = connection.alpn_protocol().and_then(|protocol| std::str::from_utf8(protocol).ok());
        Self { version, alpn: alpn.map(Arc::from) }
    }

    /// Returns the TLS version: `1.2` or `1.3`.
    pub fn protocol_version(&self) -> &str {
        self.version
    }

    /// Returns the protocol negotiated by ALPN, such as `h2` or `http/1.1`, or `None` if the client offered none.
    pub fn alpn(&self) -> Option<&str> {
        self.alpn.as_deref()
    }
}
