//! [`MessageTransport`]: requests and streams over streams of bytes, such as Unix sockets and the pipes of a child
//! process. `source` opens the streams, `pipe` carries messages over them, and `multiplexed` does the rest.

mod connector;
mod pipe;
mod source;
#[cfg(test)]
mod tests;

use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use rpc_core::{BoxFuture, Dispatch, Framing, SessionProtocol};
use tokio::io::{AsyncRead, AsyncWrite};

use self::connector::{FramedConnector, FramedSettings};
use self::source::ByteSource;
use super::multiplexed::{Multiplexed, MultiplexedLimits};
use super::{Reply, Request, ServerAddress, Transport};
use crate::call_numbers::CallNumbers;
use crate::failure::Failure;

/// How long connecting to a Unix socket may take, unless a client has its own setting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Sends requests over streams of bytes: a Unix socket, the pipes of a child process, or any other.
///
/// A client with an address such as `unix:/run/app.sock` uses it, too.
///
/// - Each message is a line, unless [`framing`](Self::framing) says otherwise. There is no negotiation: both sides must
///   be set alike.
/// - Calls, batches, notifications and streams share a connection, and answers come in any order. With the protocol
///   `rpc.v1`, headers travel with the messages: deadline, trace, idempotency keys and `x-*`. There are no other
///   headers. So a call with credentials or a header such as `authorization` fails, and is not sent.
/// - A call that is given up is cancelled on the server, if it speaks `rpc.v1`. So is a stream that is dropped.
/// - When the connection ends, requests that were not written to it were not sent. The outcome of all others is
///   unknown.
/// - With [`ClientBuilder::serves`](crate::ClientBuilder::serves), the client answers calls of the server.
///
/// # Example
///
/// A server that is a child process:
///
/// ```no_run
/// use std::process::Stdio;
///
/// use rpc::{Client, Framing, transport::MessageTransport};
/// use tokio::process::Command;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut child =
///     Command::new("language-server").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
/// let (output, input) = (child.stdout.take().expect("it is piped"), child.stdin.take().expect("it is piped"));
/// let transport = MessageTransport::over(output, input).framing(Framing::ContentLength);
/// let client = Client::builder().transport(transport).build()?;
/// let hover: serde_json::Value = client.call("textDocument/hover", ()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MessageTransport {
    source: Arc<ByteSource>,
    settings: FramedSettings,
    call_numbers: CallNumbers,
    multiplexed: Multiplexed,
}

impl MessageTransport {
    /// Sends over one connection: the server's messages are read from `reader`, and the client's are written to
    /// `writer`. Once it has ended, calls fail with the outcome [`Outcome::NotSent`](crate::Outcome::NotSent).
    ///
    /// When the client is gone, the writer is shut down and dropped.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, transport::MessageTransport};
    /// use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (ours, theirs) = tokio::io::duplex(1024);
    /// let (reader, writer) = tokio::io::split(ours);
    /// let client = Client::builder().transport(MessageTransport::over(reader, writer)).build()?;
    ///
    /// let server = async move {
    ///     let mut theirs = BufReader::new(theirs);
    ///     let mut call = String::new();
    ///     theirs.read_line(&mut call).await?;
    ///     assert!(call.contains(r#""method":"ping""#));
    ///     theirs.write_all(b"{\"jsonrpc\":\"2.0\",\"result\":\"pong\",\"id\":1}\n").await
    /// };
    /// let (pong, served) = tokio::join!(client.call::<String>("ping", ()).readonly().into_future(), server);
    /// assert_eq!(pong?, "pong");
    /// # served?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn over<R, W>(reader: R, writer: W) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        Self::new(ByteSource::once(reader, writer), FramedSettings::default())
    }

    /// Sends over connections that `connect` opens: at the first request, and again at the next request after a
    /// connection has ended.
    ///
    /// Its errors are failures with the outcome [`Outcome::NotSent`](crate::Outcome::NotSent).
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, transport::MessageTransport};
    /// use tokio::net::TcpStream;
    ///
    /// let transport = MessageTransport::connecting(|| async {
    ///     // JSON lines over TCP.
    ///     Ok(TcpStream::connect("127.0.0.1:4000").await?.into_split())
    /// });
    /// let client = Client::builder().transport(transport).build()?;
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    pub fn connecting<F, C, R, W>(connect: F) -> Self
    where
        F: Fn() -> C + Send + Sync + 'static,
        C: Future<Output = std::io::Result<(R, W)>> + Send + 'static,
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        Self::new(ByteSource::connecting(connect), FramedSettings::default())
    }

    /// Sends to the Unix socket at this path. Connecting may take 1 s.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Framing, transport::MessageTransport};
    ///
    /// let transport = MessageTransport::unix("/run/app.sock").framing(Framing::ContentLength);
    /// let client = Client::builder().transport(transport).build()?;
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    #[cfg(unix)]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::new(ByteSource::Unix { path: path.into(), timeout: CONNECT_TIMEOUT }, FramedSettings::default())
    }

    /// Sends to the Unix socket at this path, with the settings of a client.
    #[cfg(unix)]
    pub(crate) fn unix_of_client(path: &str, timeout: Duration, max_requests: usize, max_message_bytes: usize) -> Self {
        let settings = FramedSettings { max_requests, max_message_bytes, ..FramedSettings::default() };
        Self::new(ByteSource::Unix { path: path.into(), timeout }, settings)
    }

    fn new(source: ByteSource, settings: FramedSettings) -> Self {
        let source = Arc::new(source);
        let multiplexed = multiplexed(&source, settings);
        Self { source, settings, call_numbers: CallNumbers::default(), multiplexed }
    }

    /// Sets how messages are told apart. Default: [`Framing::Lines`].
    #[must_use]
    pub fn framing(self, framing: Framing) -> Self {
        let settings = FramedSettings { framing, ..self.settings };
        self.with(settings)
    }

    /// Sets the form of the messages. Default: [`SessionProtocol::RpcV1`], the framework's own.
    ///
    /// [`SessionProtocol::Subscriptions`] is plain JSON-RPC, for other servers: no member `rpc`, no cancellation, and
    /// streams are subscriptions.
    #[must_use]
    pub fn protocol(self, protocol: SessionProtocol) -> Self {
        let settings = FramedSettings { protocol, ..self.settings };
        self.with(settings)
    }

    /// Sets the largest size of a message of the server, in bytes. A larger one ends the connection. Default: 20 MiB.
    #[must_use]
    pub fn max_message_bytes(self, bytes: usize) -> Self {
        let settings = FramedSettings { max_message_bytes: bytes, ..self.settings };
        self.with(settings)
    }

    fn with(self, settings: FramedSettings) -> Self {
        let multiplexed = multiplexed(&self.source, settings);
        Self { settings, multiplexed, ..self }
    }
}

/// The most connections at a time. More than one are needed only for a call whose id is still in use.
const MAX_CONNECTIONS: usize = 32;

/// Makes what shares the connections. None of the headers belong to a connection, so all that can travel do.
fn multiplexed(source: &Arc<ByteSource>, settings: FramedSettings) -> Multiplexed {
    let connector = FramedConnector::new(Arc::clone(source), settings);
    let limits = MultiplexedLimits { max_requests: settings.max_requests, max_connections: MAX_CONNECTIONS };
    Multiplexed::new(connector, &HeaderMap::new(), limits)
}

impl Transport for MessageTransport {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.multiplexed.send(request)
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.multiplexed.probe(request)
    }

    fn server_address(&self) -> Option<ServerAddress> {
        self.multiplexed.server_address()
    }

    fn call_numbers(&self) -> Option<CallNumbers> {
        // There may be one connection, which all clients on this transport share.
        Some(self.call_numbers.clone())
    }

    fn serve(&self, dispatch: &Arc<dyn Dispatch>) -> bool {
        self.multiplexed.serve(dispatch)
    }
}

impl fmt::Debug for MessageTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageTransport")
            .field("server", &self.server_address())
            .field("framing", &self.settings.framing)
            .field("protocol", &self.settings.protocol)
            .finish_non_exhaustive()
    }
}
