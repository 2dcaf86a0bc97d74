//! [`Listener`]: the trait for types that accept connections, implemented for TCP and Unix sockets. `incoming` erases
//! its types.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// A source of connections for a server: a Unix socket, a socket behind your own protocol, or streams in memory.
///
/// [`Server::on`](crate::Server::on) serves on it. tokio's `TcpListener` and, on Unix, its `UnixListener` are
/// listeners.
///
/// The server's TLS, limits, timeouts and drain apply to connections of every listener. Features that need addresses
/// use [`socket_addr`](Self::socket_addr).
///
/// # Example
///
/// A listener over streams in memory:
///
/// ```
/// use std::io;
/// use std::net::SocketAddr;
///
/// use rpc::Listener;
/// use tokio::io::DuplexStream;
/// use tokio::sync::mpsc;
///
/// struct InMemory(mpsc::Receiver<DuplexStream>);
///
/// impl Listener for InMemory {
///     type Io = DuplexStream;
///     type Addr = &'static str;
///
///     async fn accept(&mut self) -> io::Result<(DuplexStream, &'static str)> {
///         match self.0.recv().await {
///             Some(stream) => Ok((stream, "a peer in memory")),
///             // No more connections will come. The server keeps those that it has.
///             None => std::future::pending().await,
///         }
///     }
///
///     fn local_addr(&self) -> io::Result<&'static str> {
///         Ok("memory")
///     }
/// }
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
/// let (connect, connections) = mpsc::channel(16);
/// let server = server.on(InMemory(connections))?.spawn();
/// // `connect.send(stream)` opens a connection.
/// # drop(connect);
/// server.shutdown().await;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub trait Listener: Send + 'static {
    /// A connection: the byte stream between the server and its peer.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The address of a peer, and of the listener.
    type Addr: fmt::Debug + Send;

    /// Waits for the next connection.
    ///
    /// While it waits here, the server accepts no other connection. A listener may have to perform a handshake, or to
    /// read a header such as that of the PROXY protocol. It should do so for several connections concurrently, or in
    /// the stream it returns.
    ///
    /// # Errors
    ///
    /// Return an error if no connection can be accepted. The server then tries again. It does so at once after
    /// `ConnectionRefused`, `ConnectionAborted` and `ConnectionReset`, which concern one connection. After any other
    /// error it waits 100 ms and logs the error. A panic counts as an error. Neither ends the server.
    ///
    /// # Cancel safety
    ///
    /// This must be cancel safe: the server drops the future and calls this again, and no connection may be lost by
    /// that.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, Self::Addr)>> + Send;

    /// Returns the address at which this listens.
    ///
    /// # Errors
    ///
    /// Return an error if the address is not known. [`Server::on`](crate::Server::on) fails with it.
    fn local_addr(&self) -> io::Result<Self::Addr>;

    /// Returns the IP address and port of an address. Default: `None`, for addresses without them.
    ///
    /// For a peer, this is [`Context::peer_addr`](rpc_core::Context::peer_addr). The
    /// [fairness between addresses](crate::Limits::max_connections) and rate limits per peer count by its IP address.
    /// Peers without one count as a single peer.
    ///
    /// For the listener, this says whether it is bound to loopback, where the server accepts requests from web pages of
    /// loopback origins. A listener without an IP address, such as a Unix socket, does not count as loopback: a proxy
    /// in front of it may forward requests from anywhere.
    fn socket_addr(addr: &Self::Addr) -> Option<SocketAddr> {
        let _ = addr;
        None
    }
}

impl Listener for TcpListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        Self::accept(self).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }

    fn socket_addr(addr: &SocketAddr) -> Option<SocketAddr> {
        Some(*addr)
    }
}

#[cfg(unix)]
impl Listener for tokio::net::UnixListener {
    type Io = tokio::net::UnixStream;
    type Addr = tokio::net::unix::SocketAddr;

    async fn accept(&mut self) -> io::Result<(Self::Io, Self::Addr)> {
        Self::accept(self).await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Self::local_addr(self)
    }
}
