//! Listeners of all types as one [`Source`], whose connections are each a `Stream`. TCP is not boxed. On shutdown it
//! accepts what the system has queued, so that those connections are still served.

use std::any::Any;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use rpc_core::contain::{Contained, defuse};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::listener::Listener;
use super::stream::Stream;

/// How many connections queue that are not accepted yet. The system may allow less. With too few, connections that come
/// in a burst are dropped, and begin anew after a second.
pub(super) const BACKLOG: u32 = 4096;

/// How long a listener that closes is asked for another connection: within this time the runtime has heard of those
/// that queue, since timers strike only after the system was asked.
const LOOK: Duration = Duration::from_millis(2);

/// A connection that was accepted, and the address of its peer, if it has one.
pub(super) type Incoming = (Stream, Option<SocketAddr>);

/// A listener of any type. TCP, which nearly all servers use, is not boxed.
pub(super) enum Source {
    Tcp(TcpListener),
    /// The lock is never taken: it makes the listener `Sync`, so that a bound server is.
    Other(Contained<Mutex<Box<dyn Accept>>>),
}

impl Source {
    pub(super) fn of<L: Listener>(listener: L) -> Self {
        let mut listener = Some(listener);
        let tcp = (&mut listener as &mut dyn Any).downcast_mut::<Option<TcpListener>>().and_then(Option::take);
        match (tcp, listener) {
            (Some(tcp), _) => Self::Tcp(tcp),
            (None, Some(listener)) => Self::Other(Contained::new(Mutex::new(Box::new(listener)))),
            (None, None) => unreachable!("a listener is TCP's or another"),
        }
    }

    /// Accepts the next connection. No connection is lost if the future is dropped.
    pub(super) async fn accept(&mut self) -> io::Result<Incoming> {
        match self {
            Self::Tcp(listener) => TcpListener::accept(listener).await.map(of_tcp),
            Self::Other(listener) => {
                let Some(listener) = listener.get_mut() else { return std::future::pending().await };
                accept_contained(&mut **listener.get_mut().unwrap_or_else(PoisonError::into_inner)).await
            }
        }
    }

    /// Stops listening, and returns the connections that were made before, at most as many as may queue.
    pub(super) async fn close(mut self) -> Vec<Incoming> {
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

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listener) => listener.fmt(f),
            Self::Other(_) => f.write_str("Listener"),
        }
    }
}

type Accepting<'a> = Pin<Box<dyn Future<Output = io::Result<Incoming>> + Send + 'a>>;

/// A listener whose types are erased.
pub(super) trait Accept: Send {
    fn accept(&mut self) -> Accepting<'_>;
}

impl<L: Listener> Accept for L {
    fn accept(&mut self) -> Accepting<'_> {
        Box::pin(async {
            let (stream, addr) = Listener::accept(self).await?;
            Ok((Stream::Other(Box::new(stream) as _), L::socket_addr(&addr)))
        })
    }
}

/// Accepts a connection, and takes a panic for an error.
async fn accept_contained(listener: &mut dyn Accept) -> io::Result<Incoming> {
    AssertUnwindSafe(async { listener.accept().await }).catch_unwind().await.unwrap_or_else(|payload| {
        defuse(payload);
        Err(io::Error::other("the listener panicked"))
    })
}

fn of_tcp((stream, peer_addr): (TcpStream, SocketAddr)) -> Incoming {
    (Stream::Tcp(stream), Some(peer_addr))
}

/// Accepts what queues, and ends the socket. The runtime's own listener would first have to hear of connections.
fn queued(listener: std::net::TcpListener) -> Vec<Incoming> {
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
    // Right after the last look.
    drop(listener);
    queued
}

/// Tells whether an error of accepting concerns one connection and not those to come.
pub(super) fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
