//! [`WebSocketTransport`]: requests and streams over WebSocket. `upgrade` opens a connection, `pipe` carries messages
//! over it, and `multiplexed` does the rest.

mod address;
#[cfg(test)]
mod own_server;
mod pipe;
#[cfg(test)]
mod tests;
mod upgrade;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::{AUTHORIZATION, USER_AGENT};
use rpc_core::{BoxFuture, Dispatch};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

pub(crate) use self::address::http_form;
use self::pipe::WebSocketPipe;
use self::upgrade::{UpgradeError, Upgraded, upgrade};
use super::http::{AGENT, ByteConnector};
use super::multiplexed::{ConnectRefusal, Multiplexed, MultiplexedLimits, OpenPipe, PipeConnector};
use super::{HttpSettings, Reply, Request, ServerAddress, Transport};
use crate::failure::{Failure, FailureKind};
use crate::runtime::{Instant, timeout_at};

/// The size of the buffers of a connection. The defaults would take 256 KiB per connection.
const BUFFER_BYTES: usize = 4096;

/// The largest message of a transport that users make themselves.
const MAX_MESSAGE_BYTES: usize = 20 << 20;

/// Sends requests over WebSocket. A client with a `ws` or `wss` address uses it.
///
/// - It connects at the first request, and again at the next request after a connection has ended. Requests that wait
///   share one attempt to connect.
/// - Requests share a connection, and their answers come in any order. Requests with other credentials have a
///   connection of their own, and so has a request whose id is still in use: by an attempt that was given up and has no
///   answer yet.
/// - The client's own headers and the credentials are sent when the connection is opened. If the server chooses the
///   subprotocol `rpc.v1`, the other headers travel with each message: deadline, trace, idempotency keys and `x-*`.
///   Servers without `rpc.v1` get plain JSON-RPC, and streams are subscriptions.
/// - Over `rpc.v1`, the client asks for the server's store of idempotency keys with the call `rpc.announce`. Without
///   `rpc.v1`, no keys are kept.
/// - A call that is dropped is cancelled on the server, if it speaks `rpc.v1`. So is a stream that is dropped. An
///   attempt that has timed out is only given up, since a retry may ask for the kept answer.
/// - When a connection ends, requests that were not written to it were not sent. The outcome of all others is unknown.
/// - A ping is sent each 20 s. The connection ends if nothing has arrived since the last two.
/// - Connecting, proxies and TLS are those of [`HttpTransport`](super::HttpTransport). Proxies open a connection with
///   `CONNECT`. The settings of HTTP/2 have no effect.
///
/// # Example
///
/// ```no_run
/// use rpc::{Client, transport::WebSocketTransport};
///
/// let transport = WebSocketTransport::new("ws://127.0.0.1:8080")?;
/// let client = Client::builder().transport(transport).build()?;
/// # Ok::<(), rpc::Failure>(())
/// ```
#[derive(Clone)]
pub struct WebSocketTransport(Multiplexed);

impl WebSocketTransport {
    /// Makes a transport to the server at this address, with the default settings. It does not connect yet.
    ///
    /// # Errors
    ///
    /// - The address is not an absolute URL with the scheme `ws` or `wss`.
    /// - An environment variable names a proxy for it with an invalid address.
    /// - TLS cannot be set up for `wss`.
    ///
    /// No error quotes an address.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Failure> {
        Self::with_settings(url, &HttpSettings::default())
    }

    /// Makes a transport to the server at this address with these settings. It does not connect yet.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_settings(url: impl AsRef<str>, settings: &HttpSettings) -> Result<Self, Failure> {
        let Some(url) = http_form(url.as_ref()) else {
            let why = "server's address must begin with ws:// or wss://";
            return Err(Failure::new(FailureKind::Builder(why)));
        };
        let connection = ConnectionSettings { headers: HeaderMap::new(), max_message_bytes: MAX_MESSAGE_BYTES };
        Self::connecting_to(&url, None, settings, connection)
    }

    /// Makes a transport from the `http` form of its URL, which connects to this address, if there is one.
    pub(crate) fn connecting_to(
        url: &str,
        to: Option<SocketAddr>,
        settings: &HttpSettings,
        connection: ConnectionSettings,
    ) -> Result<Self, Failure> {
        let ConnectionSettings { headers, max_message_bytes } = connection;
        let bytes = ByteConnector::new(url, to, settings)?;
        let connector = WebSocketConnector(Arc::new(ConnectorInner {
            bytes,
            timeout: settings.connect_timeout,
            max_message_bytes,
        }));
        let limits = MultiplexedLimits {
            max_requests: settings.max_concurrent_requests,
            max_connections: settings.max_websocket_connections,
        };
        Ok(Self(Multiplexed::new(connector, &headers, limits)))
    }
}

/// What a client sets for the connections of its transports.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionSettings {
    /// The headers of all requests of the client and the endpoint.
    pub(crate) headers: HeaderMap,
    /// The largest size of a message. A connection ends at a larger one.
    pub(crate) max_message_bytes: usize,
}

impl Transport for WebSocketTransport {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.0.send(request)
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.0.probe(request)
    }

    fn server_address(&self) -> Option<ServerAddress> {
        self.0.server_address()
    }

    fn serve(&self, dispatch: &Arc<dyn Dispatch>) -> bool {
        self.0.serve(dispatch)
    }
}

/// Shows only host and port of the address, since the rest may hold secrets.
impl fmt::Debug for WebSocketTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketTransport").field("server", &self.0.server_address()).finish_non_exhaustive()
    }
}

/// Opens WebSockets.
struct WebSocketConnector(Arc<ConnectorInner>);

struct ConnectorInner {
    bytes: ByteConnector,
    /// How long the upgrade may take.
    timeout: Duration,
    max_message_bytes: usize,
}

impl PipeConnector for WebSocketConnector {
    fn connect(&self, headers: HeaderMap) -> BoxFuture<Result<OpenPipe, ConnectRefusal>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.connect(headers).await })
    }

    fn server_address(&self) -> Option<ServerAddress> {
        self.0.bytes.server_address()
    }
}

impl ConnectorInner {
    async fn connect(&self, mut headers: HeaderMap) -> Result<OpenPipe, ConnectRefusal> {
        let stream = self.bytes.connect().await?;
        if let Some(authorization) = self.bytes.authorization() {
            headers.entry(AUTHORIZATION).or_insert_with(|| authorization.clone());
        }
        headers.entry(USER_AGENT).or_insert(AGENT);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .max_message_size(Some(self.max_message_bytes))
            .max_frame_size(Some(self.max_message_bytes));
        let until = Instant::now() + self.timeout;
        match timeout_at(until, upgrade(stream, self.bytes.uri(), headers, config)).await {
            Ok(Ok(Upgraded { socket, protocol })) => {
                let pipe = Box::new(WebSocketPipe::new(socket, self.max_message_bytes));
                Ok(OpenPipe { pipe, protocol })
            }
            Ok(Err(UpgradeError::Refused(refused))) => Err(ConnectRefusal::Refused(refused)),
            Ok(Err(UpgradeError::Failed(error))) => Err(self.bytes.failure(error).into()),
            Err(_) => {
                let why = format!("no answer to the upgrade to WebSocket within {:?}", self.timeout);
                Err(self.bytes.failure(why).into())
            }
        }
    }
}
