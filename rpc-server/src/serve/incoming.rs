//! Listeners of all types as one [`AnyListener`]. Each connection is a `ConnectionStream`. TCP is not boxed. On
//! shutdown it accepts the connections in the system's queue, so that they are still served.

use std::any::Any;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use rpc_core::contain::{CatchDropPanic, defuse};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::listener::Listener;
use super::stream::ConnectionStream;

/// How many connections may queue before they are accepted. The system may allow less. With too few, connections that
/// arrive in a burst are dropped, and clients retry only after a second.
pub(super) const BACKLOG: u32 = 4096;

/// How long a closing listener is polled for another connection. Within this time the runtime has seen the queued ones,
/// since timers fire only after the system was polled.
const LOOK: Duration = Duration::from_millis(2);

/// An accepted connection, and the address of its peer, if it has one.
pub(super) type IncomingConnection = (ConnectionStream, Option<SocketAddr>);

/// A listener of any type. TCP, which nearly all servers use, is not boxed.
pub(super) enum AnyListener {
    Tcp(TcpListener),
    /// The lock is never taken. It makes the listener `Sync`, so that a bound server is `Sync`.
    Other(CatchDropPanic<Mutex<Box<dyn ErasedListener>>>),
}

impl AnyListener {
    pub(super) fn of<L: Listener>(listener: L) -> Self {
        let mut listener = Some(listener);
        let tcp = (&mut listener as &mut dyn Any).downcast_mut::<Option<TcpListener>>().and_then(Option::take);
        match (tcp, listener) {
            (Some(tcp), _) => Self::Tcp(tcp),
            (None, Some(listener)) => Self::Other(CatchDropPanic::new(Mutex::new(Box::new(listener)))),
            (None, None) => unreachable!("a listener is TCP's or another"),
        }
    }

    /// Accepts the next connection.
    ///
    /// # Cancel safety
    ///
    /// No connection is lost if the future is dropped.
    pub(super) async fn accept(&mut self) -> io::Result<IncomingConnection> {
        match self {
            Self::Tcp(listener) => TcpListener::accept(listener).await.map(of_tcp),
            Self::Other(listener) => {
                let Some(listener) = listener.get_mut() else { return std::future::pending().await };
                accept_contained(&mut **listener.get_mut().unwrap_or_else(PoisonError::into_inner)).await
            }
        }
    }

    /// Stops listening, and returns the connections that were made before, at most [`BACKLOG`].
    pub(super) async fn close(mut self) -> Vec<IncomingConnection> {
        if let Self::Tcp(listener) = self {
            return listener.into_std().map(queued).unwrap_or_else(|error| {
                tracing::error!(%error, "connections that queue are lost");
                Vec::new()
            });
        }
        let mut accepted = Vec::new();
        for _ in 0..BACKLOG {
            match timeout(LOOK, self.accept()).await {
                Ok(Ok(connection)) => accepted.push(connection),
                Ok(Err(error)) if is_of_one_connection(&error) => {}
                Ok(Err(_)) | Err(_) => break,
            }
        }
        accepted
    }
}

impl fmt::Debug for AnyListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listener) => listener.fmt(f),
            Self::Other(_) => f.write_str("Listener"),
        }
    }
}

type Accepting<'a> = Pin<Box<dyn Future<Output = io::Result<IncomingConnection>> + Send + 'a>>;

/// A listener with its types erased.
pub(super) trait ErasedListener: Send {
    fn accept(&mut self) -> Accepting<'_>;
}

impl<L: Listener> ErasedListener for L {
    fn accept(&mut self) -> Accepting<'_> {
        Box::pin(async {
            let (stream, addr) = Listener::accept(self).await?;
            Ok((ConnectionStream::Other(Box::new(stream) as _), L::socket_addr(&addr)))
        })
    }
}

/// Accepts a connection, and turns a panic into an error.
async fn accept_contained(listener: &mut dyn ErasedListener) -> io::Result<IncomingConnection> {
    AssertUnwindSafe(async { listener.accept().await }).catch_unwind().await.unwrap_or_else(|payload| {
        defuse(payload);
        Err(io::Error::other("the listener panicked"))
    })
}

fn of_tcp((stream, peer_addr): (TcpStream, SocketAddr)) -> IncomingConnection {
    (ConnectionStream::Tcp(stream), Some(peer_addr))
}

/// Accepts the queued connections and closes the socket. It uses the standard library's listener, since the runtime's
/// listener sees new connections only later.
fn queued(listener: std::net::TcpListener) -> Vec<IncomingConnection> {
    let mut queued = Vec::new();
    for _ in 0..BACKLOG {
        match listener.accept() {
            Ok((stream, peer_addr)) => {
                let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                queued.extend(stream.ok().map(|stream| of_tcp((stream, peer_addr))));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) => break,
        }
    }
    // Right after the last accept, to keep the window for lost connections small.
    drop(listener);
    queued
}

/// Returns whether an error of accepting concerns only one connection.
pub(super) fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
