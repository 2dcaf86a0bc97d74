//! Binds a server to an address, a socket or a [`Listener`]: the functions of [`Server`] that begin to serve.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, ToSocketAddrs, lookup_host};

use super::hooks::Hooks;
use super::incoming::{AnyListener, BACKLOG};
use super::lifecycle::PhaseSender;
use super::listener::Listener;
use super::{BoundServer, Endpoint};
use crate::Server;
#[cfg(feature = "ipc")]
use crate::framed::MessageSettings;

impl Server {
    /// Serves at this address until ctrl-c or SIGTERM, then drains. The drain finishes the calls in flight, for up to
    /// [`Limits::drain_timeout`](crate::Limits::drain_timeout), by default 30 s.
    ///
    /// After SIGTERM the server first keeps serving for [`Limits::shutdown_delay`](crate::Limits::shutdown_delay), by
    /// default 5 s, while its health reports that it is not ready. A second signal ends it at once.
    ///
    /// Speaks HTTP/1.1 and HTTP/2, in plain text by default. With `ServerBuilder::tls`, of the feature `server-tls`, it
    /// speaks TLS only.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts all connections.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use rpc::{Limits, Server};
    ///
    /// let server = Server::builder()
    ///     .method("ping", || async { "pong" })
    ///     .limits(Limits::default().shutdown_delay(Duration::from_secs(10)).drain_timeout(Duration::from_secs(60)))
    ///     .build();
    ///
    /// // Returns once ctrl-c or SIGTERM has arrived and the server has drained.
    /// server.serve("0.0.0.0:8080").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve(self, addr: impl ToSocketAddrs) -> io::Result<()> {
        self.bind(addr).await?.serve().await;
        Ok(())
    }

    /// Binds an address without serving yet, so that its port is known. Port 0 takes a free one.
    ///
    /// Logs a warning if methods or pages require a principal and the server has no
    /// [`authenticate`](crate::ServerBuilder::authenticate). No request can have a principal then.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future binds nothing.
    ///
    /// # Example
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let server = server.bind("127.0.0.1:0").await?.spawn();
    /// println!("serving at http://{}", server.local_addr());
    /// server.shutdown().await;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn bind(&self, addr: impl ToSocketAddrs) -> io::Result<BoundServer> {
        self.on(listen(addr).await?)
    }

    /// Takes a socket that already listens, without serving yet. Examples are a socket from systemd, one that the next
    /// process takes over, or one with its own options, such as `SO_REUSEPORT`.
    ///
    /// Logs the same warning as [`bind`](Self::bind). Makes the socket non-blocking, also for other holders of copies
    /// of it. Connections queue as long as any process holds the socket, so none is lost between a server that ends and
    /// the next one.
    ///
    /// # Errors
    ///
    /// If the system refuses the socket.
    ///
    /// # Panics
    ///
    /// If called outside a tokio runtime.
    ///
    /// # Example
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let old = server.listen_on(listener.try_clone()?)?.spawn();
    /// let new = server.listen_on(listener)?.spawn();
    /// // From now on the new server accepts all connections.
    /// old.shutdown().await;
    /// # new.shutdown().await;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn listen_on(&self, listener: std::net::TcpListener) -> io::Result<BoundServer> {
        listener.set_nonblocking(true)?;
        self.on(TcpListener::from_std(listener)?)
    }

    /// Takes any [`Listener`], without serving yet: tokio's `TcpListener` and, on Unix, `UnixListener`, or your own
    /// type.
    ///
    /// The server's TLS, limits, timeouts and drain apply to the connections of every listener. Peers without a
    /// [socket address](Listener::socket_addr), such as those of a Unix socket, count as one peer: they share
    /// [`Limits::max_connections`](crate::Limits::max_connections) without fairness between them. Their calls have no
    /// [`Context::peer_addr`](rpc_core::Context::peer_addr).
    ///
    /// Logs the same warning as [`bind`](Self::bind).
    ///
    /// # Errors
    ///
    /// If the listener does not know its address.
    ///
    /// # Example
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use tokio::net::UnixListener;
    ///
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// # let path = std::env::temp_dir().join(format!("rpc-on-{}.sock", std::process::id()));
    /// // First remove the socket file if an earlier process left one behind.
    /// let server = server.on(UnixListener::bind(&path)?)?.spawn();
    /// server.shutdown().await;
    /// # std::fs::remove_file(&path)
    /// # }).unwrap();
    /// ```
    pub fn on<L: Listener>(&self, listener: L) -> io::Result<BoundServer> {
        let local_addr = L::socket_addr(&listener.local_addr()?);
        self.http_state.http.unreachable_endpoints.log();
        let life = PhaseSender::begin();
        let endpoint = Endpoint {
            http_state: Arc::clone(&self.http_state),
            local_addr,
            lifecycle: self.http_state.http.routes.as_ref().map(|_| life.watch()),
            #[cfg(feature = "ipc")]
            messages: None,
            #[cfg(feature = "tls")]
            tls: self.http_state.http.tls.clone(),
        };
        Ok(BoundServer { endpoint, source: AnyListener::of(listener), hooks: Hooks::default(), life })
    }

    /// Takes any [`Listener`], whose peers send messages without HTTP, and without serving yet.
    ///
    /// The bound server is like any other, with limits, drain, hooks and several connections. Pages, routes, origins
    /// and TLS belong to HTTP and do not exist there. Nothing is negotiated, so peers must know the settings.
    ///
    /// The server authenticates a peer once, at the beginning of its connection, with what the request's extensions and
    /// address say. If that fails, it authenticates each message, and refuses the message with the denial. When the
    /// server is [full](crate::Limits::max_connections), it closes connections on which no call runs and no stream is
    /// open. Timeouts of heads and of idle
    /// connections do not apply. A message has [`Limits::body_timeout`](crate::Limits::body_timeout) to arrive.
    ///
    /// Logs the same warning as [`bind`](Self::bind).
    ///
    /// # Errors
    ///
    /// If the listener does not know its address.
    ///
    /// # Example
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use rpc::{Framing, MessageSettings, Server};
    /// use tokio::net::TcpListener;
    ///
    /// let server = Server::builder().method("ping", || async { "pong" }).build();
    /// let settings = MessageSettings::default().framing(Framing::ContentLength);
    /// let server = server.messages_on(TcpListener::bind("127.0.0.1:0").await?, settings)?.spawn();
    /// server.shutdown().await;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[cfg(feature = "ipc")]
    pub fn messages_on<L: Listener>(&self, listener: L, settings: MessageSettings) -> io::Result<BoundServer> {
        let mut bound = self.on(listener)?;
        bound.endpoint.messages = Some(settings);
        #[cfg(feature = "tls")]
        {
            bound.endpoint.tls = None;
        }
        Ok(bound)
    }
}

async fn listen(addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "the address is that of no host");
    for addr in lookup_host(addr).await? {
        match listen_at(addr) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn listen_at(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted server can then bind at once, without waiting until the system forgets the connections of the last
    // one. Outside Unix the option means something else.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}
