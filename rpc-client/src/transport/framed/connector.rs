//! [`FramedConnector`]: opens streams of bytes as pipes of messages.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use rpc_core::{BoxFuture, Framing, SessionProtocol};

use super::pipe::FramedPipe;
use super::source::ByteSource;
use crate::failure::Failure;
use crate::transport::ServerAddress;
use crate::transport::multiplexed::{ConnectRefusal, OpenPipe, PipeConnector};

/// What is set for the connections of a transport.
#[derive(Clone, Copy, Debug)]
pub(super) struct FramedSettings {
    pub(super) framing: Framing,
    pub(super) protocol: SessionProtocol,
    /// The largest size of a message of the server, in bytes.
    pub(super) max_message_bytes: usize,
    /// How many requests wait for answers at a time.
    pub(super) max_requests: usize,
}

impl Default for FramedSettings {
    fn default() -> Self {
        Self {
            framing: Framing::default(),
            protocol: SessionProtocol::RpcV1,
            max_message_bytes: 20 << 20,
            max_requests: 256,
        }
    }
}

/// Opens the pipes of a transport.
pub(super) struct FramedConnector {
    source: Arc<ByteSource>,
    settings: FramedSettings,
}

impl FramedConnector {
    pub(super) fn new(source: Arc<ByteSource>, settings: FramedSettings) -> Self {
        Self { source, settings }
    }
}

impl PipeConnector for FramedConnector {
    fn connect(&self, headers: HeaderMap) -> BoxFuture<Result<OpenPipe, ConnectRefusal>> {
        let (source, settings) = (Arc::clone(&self.source), self.settings);
        Box::pin(async move {
            if let Some(name) = headers.keys().next() {
                return Err(Failure::not_sent(cannot_travel(name)).into());
            }
            let pipe = FramedPipe::new(source.connect().await?, settings.framing, settings.max_message_bytes);
            Ok(OpenPipe { pipe: Box::new(pipe), protocol: settings.protocol })
        })
    }

    fn server_address(&self) -> Option<ServerAddress> {
        self.source.server_address()
    }
}

/// Says why a request with this header is not sent. No request opens the connection, which could carry it.
fn cannot_travel(name: &HeaderName) -> String {
    format!("header `{name}` cannot be sent over a stream of bytes, where only headers of single calls travel")
}
