//! [`PipeConnector`]: opens the connections of a multiplexed transport.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rpc_core::{BoxFuture, SessionProtocol};

use super::pipe::MessagePipe;
use crate::failure::Failure;
use crate::transport::ServerAddress;

/// Opens connections to one server.
pub(crate) trait PipeConnector: Send + Sync + 'static {
    /// Opens a connection. The headers belong to it, such as credentials.
    fn connect(&self, headers: HeaderMap) -> BoxFuture<Result<OpenPipe, ConnectRefusal>>;

    /// Returns the server's address.
    fn server_address(&self) -> Option<ServerAddress>;
}

/// An open connection.
pub(crate) struct OpenPipe {
    pub(crate) pipe: Box<dyn MessagePipe>,
    pub(crate) protocol: SessionProtocol,
}

/// Why no connection was opened. Nothing was sent.
#[derive(Clone, Debug)]
pub(crate) enum ConnectRefusal {
    Failed(Failure),
    /// The server refused by an HTTP response.
    #[cfg_attr(not(feature = "websocket"), allow(dead_code, reason = "only HTTP answers before a connection is open"))]
    Refused(Box<RefusedUpgrade>),
}

/// The HTTP response of a server that refuses a connection.
#[derive(Clone, Debug)]
pub(crate) struct RefusedUpgrade {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl From<Failure> for ConnectRefusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
