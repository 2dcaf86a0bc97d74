//! Makes the transport of an endpoint whose address is that of a Unix socket.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::failure::{Failure, FailureKind};
#[cfg(all(unix, feature = "ipc"))]
use crate::transport::MessageTransport;
use crate::transport::{HttpSettings, Transport};

/// Makes the transport to a Unix socket, whose path was read from the address.
///
/// # Errors
///
/// - The address has no path.
/// - There is another address to connect to.
/// - The client has no Unix sockets: the platform has none, or the feature is off.
pub(super) fn unix_transport(
    path: Result<&str, &'static str>,
    to: Option<SocketAddr>,
    settings: &HttpSettings,
    max_message_bytes: usize,
) -> Result<Arc<dyn Transport>, Failure> {
    let refuse = |why| Failure::new(FailureKind::Builder(why));
    let path = path.map_err(refuse)?;
    if to.is_some() {
        return Err(refuse("a Unix socket has no other address to connect to"));
    }
    transport(path, settings, max_message_bytes)
}

#[cfg(all(unix, feature = "ipc"))]
#[expect(clippy::unnecessary_wraps, reason = "other platforms have no Unix sockets")]
fn transport(path: &str, settings: &HttpSettings, max_message_bytes: usize) -> Result<Arc<dyn Transport>, Failure> {
    let (timeout, requests) = (settings.connect_timeout, settings.max_concurrent_requests);
    Ok(Arc::new(MessageTransport::unix_of_client(path, timeout, requests, max_message_bytes)))
}

#[cfg(not(all(unix, feature = "ipc")))]
fn transport(_path: &str, _settings: &HttpSettings, _max_message_bytes: usize) -> Result<Arc<dyn Transport>, Failure> {
    let why = if cfg!(unix) {
        "a unix: address needs the feature `ipc` of the crate `rpc`"
    } else {
        "a unix: address needs a platform with Unix sockets"
    };
    Err(Failure::new(FailureKind::Builder(why)))
}
