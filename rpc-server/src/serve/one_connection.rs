//! [`ServerConnection`]: a server on one connection of messages that exists already. It ends with the connection, by a
//! signal, or by a future.

use std::fmt;
use std::future::{IntoFuture, pending};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rpc_core::{BoxFuture, Framing, SessionProtocol};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::messages;
use super::peer::PeerKey;
use super::signals::Signals;
use super::state::{ConnectionOrder, ConnectionState};
use super::stream::ConnectionStream;
use crate::Server;
use crate::framed::{MessageSettings, OpenedStream};
use crate::health::ServingAddress;
use crate::http::{ConnectionInfo, HttpState};

impl Server {
    /// Serves on one connection of messages, such as the two ends of a pipe. [`stdio`](crate::stdio) is the same on
    /// standard input and output.
    ///
    /// Nothing happens before the returned value is awaited. It ends when the reader ends and all calls are answered.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let input = &br#"{"jsonrpc":"2.0","method":"ping","id":1}"#[..];
    /// let (output, mut written) = tokio::io::duplex(1024);
    /// server.over(input, output).await?;
    ///
    /// let mut answer = String::new();
    /// tokio::io::AsyncReadExt::read_to_string(&mut written, &mut answer).await?;
    /// assert_eq!(answer, "{\"jsonrpc\":\"2.0\",\"result\":\"pong\",\"id\":1}\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn over<R, W>(&self, reader: R, writer: W) -> ServerConnection
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let stream = ConnectionStream::Other(Box::new(tokio::io::join(reader, writer)));
        ServerConnection { server: self.clone(), stream, settings: MessageSettings::default() }
    }
}

/// A server on one connection of messages, from [`stdio`](crate::stdio) or [`Server::over`]. Await it to serve.
///
/// It ends when its input ends: it answers the calls in flight, ends streams with `draining`, and returns. At ctrl-c or
/// SIGTERM, it does the same, within [`Limits::drain_timeout`](crate::Limits::drain_timeout). A second signal ends it
/// at once. [`serve_until`](Self::serve_until) ends it by a future instead of a signal.
///
/// The limits of a connection apply, such as [`Limits::max_connection_calls`](crate::Limits::max_connection_calls). If
/// the peer reads nothing for [`Limits::write_progress_timeout`](crate::Limits::write_progress_timeout), the connection
/// ends.
///
/// # Errors
///
/// Awaiting it fails if the input or the output fails. A broken pipe is no error: the peer has left.
///
/// # Cancel safety
///
/// Dropping the future cuts the connection.
#[must_use = "a connection is served only while it is awaited"]
pub struct ServerConnection {
    server: Server,
    stream: ConnectionStream,
    settings: MessageSettings,
}

impl ServerConnection {
    pub(super) fn new(server: Server, stream: ConnectionStream) -> Self {
        Self { server, stream, settings: MessageSettings::default() }
    }

    /// Sets how messages are told apart. Default: [`Framing::Lines`].
    pub fn framing(mut self, framing: Framing) -> Self {
        self.settings.framing = framing;
        self
    }

    /// Sets the form of messages. Default: [`SessionProtocol::RpcV1`].
    pub fn protocol(mut self, protocol: SessionProtocol) -> Self {
        self.settings.protocol = protocol;
        self
    }

    /// Serves until the input ends or the future is done, and then drains. It does not listen for signals.
    ///
    /// # Errors
    ///
    /// If the input or the output fails. A broken pipe is no error: the peer has left.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts the connection.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let (peer, stream) = tokio::io::duplex(1024);
    /// let (reader, writer) = tokio::io::split(stream);
    /// server.over(reader, writer).serve_until(async {}).await?;
    /// # drop(peer);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve_until(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self { server, stream, settings } = self;
        let http_state = Arc::clone(&server.http_state);
        let context = messages::context_of(&stream, (settings, ConnectionInfo { peer_addr: None, loopback: false }));
        let failure = Arc::default();
        let stream = WatchedStream { stream, failure: Arc::clone(&failure) };
        let state = Arc::new(ConnectionState::new(PeerKey::of_peer(None)));
        let serving = ServingAddress::begin(&http_state.readiness);
        {
            let opened = OpenedStream { stream, settings, context };
            let mut served = pin!(messages::serve(Arc::clone(&http_state), &state, opened));
            tokio::select! {
                biased;
                () = &mut served => serving.drain(),
                () = stop => {
                    serving.drain();
                    drain(&http_state, &state, served).await;
                }
            }
        }
        // Handlers whose caller has left go on. Those of other addresses have their own end.
        if http_state.readiness.is_draining() {
            let wait = http_state.limits.drain_timeout;
            if timeout(wait, http_state.backend.none_detached()).await.is_err() {
                tracing::warn!("handlers still run after {wait:?} that nobody waits for");
            }
            http_state.backend.end();
        }
        let failed = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.filter(|error: &io::Error| error.kind() != io::ErrorKind::BrokenPipe).map_or(Ok(()), Err)
    }

    async fn serve(self) -> io::Result<()> {
        // Listens for signals to the end, so that a second one is not missed.
        let mut signals = Signals::listen();
        let (stop, stopped) = oneshot::channel::<()>();
        let told = async {
            signals.next().await;
            let _ = stop.send(());
            signals.next().await;
        };
        let stopped = async {
            if stopped.await.is_err() {
                pending().await
            }
        };
        tokio::select! {
            served = self.serve_until(stopped) => served,
            () = told => {
                tracing::warn!("a second signal cuts the drain short");
                Ok(())
            }
        }
    }
}

/// Ends the connection in an orderly way, within the drain timeout.
async fn drain(http_state: &HttpState, state: &ConnectionState, served: impl Future<Output = ()>) {
    if http_state.readiness.is_draining() {
        http_state.backend.drain_streams();
    }
    state.tell(ConnectionOrder::Close);
    let drain_timeout = http_state.limits.drain_timeout;
    if timeout(drain_timeout, served).await.is_err() {
        tracing::warn!("drain took longer than {drain_timeout:?}; cutting what is left");
    }
}

impl IntoFuture for ServerConnection {
    type Output = io::Result<()>;
    type IntoFuture = BoxFuture<io::Result<()>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.serve())
    }
}

impl fmt::Debug for ServerConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConnection").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A byte stream whose first error is kept, since the end of a connection does not tell why.
struct WatchedStream {
    stream: ConnectionStream,
    failure: Arc<Mutex<Option<io::Error>>>,
}

impl WatchedStream {
    fn watch<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        polled.map_err(|error| {
            let told = io::Error::new(error.kind(), error.to_string());
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            told
        })
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch(polled)
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(polled)
    }
}
