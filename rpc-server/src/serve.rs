//! The standalone server: listener, connections, shutdown.

mod accept;
mod connection;
mod connections;
mod handle;
#[cfg(feature = "tls")]
mod handshake;
mod hooks;
mod incoming;
mod lifecycle;
mod listener;
mod pace;
mod peer;
mod secure;
mod signals;
mod state;
mod stream;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, ToSocketAddrs, lookup_host};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Server;
use crate::health::Serving;
use crate::http::{Backend, Connection, Face};
#[cfg(feature = "tls")]
use crate::tls::Tls;
use accept::{Accepted, Acceptor};
use connections::Connections;
pub use handle::ServerHandle;
use hooks::Hooks;
use incoming::{BACKLOG, Source};
use lifecycle::Life;
pub use lifecycle::{Lifecycle, ServerPhase};
pub use listener::Listener;
use secure::Secured;
use signals::{Signal, Signals};
use state::Order;

impl Server {
    /// Serves at this address until ctrl-c or SIGTERM, then drains: what runs is finished, for up to
    /// [`Limits::drain_timeout`](crate::Limits::drain_timeout), by default 30 s.
    ///
    /// After SIGTERM it first serves on for [`Limits::shutdown_delay`](crate::Limits::shutdown_delay), by default 5 s,
    /// while its health says that it is not ready. A second signal ends it at once.
    ///
    /// Speaks HTTP/1.1 and HTTP/2: in plain text, or only by TLS where `ServerBuilder::tls` says so, which the feature
    /// `server-tls` brings.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts all connections.
    pub async fn serve(self, addr: impl ToSocketAddrs) -> io::Result<()> {
        self.bind(addr).await?.serve().await;
        Ok(())
    }

    /// Binds an address without serving yet, so that its port is known: port 0 takes a free one.
    ///
    /// Logs a warning where methods or pages require a principal, and the server has no
    /// [`authenticate`](crate::ServerBuilder::authenticate), so that no request has one.
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

    /// Takes a socket that listens already, without serving yet: one of systemd's, one that the next process takes
    /// over, or one with options of its own, such as `SO_REUSEPORT`.
    ///
    /// Logs what [`bind`](Self::bind) does. Makes the socket non-blocking, also for those who hold copies of it. Connections queue for as long as anybody
    /// holds the socket, so none is lost between a server that ends and the next one.
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
    /// // From now on the new one accepts all connections.
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

    /// Takes any [`Listener`], without serving yet: tokio's `TcpListener` and, on Unix, `UnixListener`, or one of your own.
    ///
    /// Connections have the server's TLS, limits, timeouts and drain, whatever accepts them. Peers without a
    /// [socket address](Listener::socket_addr), such as those of a Unix socket, count as one peer: they share
    /// [`Limits::max_connections`](crate::Limits::max_connections) without fairness between them, and handlers are told
    /// no [`Context::peer_addr`](rpc_core::Context::peer_addr).
    ///
    /// Logs what [`bind`](Self::bind) does.
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
    /// // A file that an earlier process left behind has to be removed first.
    /// let server = server.on(UnixListener::bind(&path)?)?.spawn();
    /// server.shutdown().await;
    /// # std::fs::remove_file(&path)
    /// # }).unwrap();
    /// ```
    pub fn on<L: Listener>(&self, listener: L) -> io::Result<BoundServer> {
        let local_addr = L::socket_addr(&listener.local_addr()?);
        self.face.http.out_of_reach.log();
        let endpoint = Endpoint {
            face: Arc::clone(&self.face),
            local_addr,
            #[cfg(feature = "tls")]
            tls: self.face.http.tls.clone(),
        };
        Ok(BoundServer { endpoint, source: Source::of(listener), hooks: Hooks::default(), life: Life::begin() })
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
    // A server that is started anew need not wait until the system has forgotten the connections of the last one.
    // Elsewhere the option means something else.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// What is said where a listener without an IP address is asked for one.
const NO_SOCKET_ADDR: &str = "the listener of this server has no socket address: ask `socket_addr`";

/// A server that is bound to an address; connections queue until it serves.
#[derive(Debug)]
pub struct BoundServer {
    endpoint: Endpoint,
    source: Source,
    hooks: Hooks,
    life: Life,
}

/// What the connections at one address share.
#[derive(Debug)]
struct Endpoint {
    face: Arc<Face>,
    local_addr: Option<SocketAddr>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl BoundServer {
    /// Returns the address, with the port that was taken.
    ///
    /// # Panics
    ///
    /// If the server is [on a listener](crate::Server::on) that has no socket address, such as a Unix socket:
    /// [`socket_addr`](Self::socket_addr) tells.
    #[track_caller]
    pub fn local_addr(&self) -> SocketAddr {
        self.socket_addr().expect(NO_SOCKET_ADDR)
    }

    /// Returns the address, or `None` where the listener has no IP address and port, such as a Unix socket.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        self.endpoint.local_addr
    }

    /// Returns what tells where this server is in its life, at this address.
    pub fn lifecycle(&self) -> Lifecycle {
        self.life.watch()
    }

    /// Speaks in plain text here, though the server has TLS: behind a proxy on the same machine, say, or for probes that
    /// have no certificate. It is the same server, so bind such a port where only they reach it.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "server-tls")))]
    #[must_use]
    pub fn without_tls(mut self) -> Self {
        self.endpoint.tls = None;
        self
    }

    /// Serves until ctrl-c or SIGTERM, then drains. A second signal ends it at once.
    ///
    /// After SIGTERM it serves on for [`Limits::shutdown_delay`](crate::Limits::shutdown_delay) while its health says that
    /// it is not ready, so that nobody is sent here any more when it stops accepting. Ctrl-c comes from a person
    /// and has no such delay.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts all connections.
    pub async fn serve(self) {
        let delay = self.endpoint.face.limits.shutdown_delay;
        // They are listened for until the end, so that no second one is lost.
        let mut signals = Signals::listen();
        let (leave, leaves) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let told = async {
            let first = signals.next().await;
            let _ = leave.send(());
            if first == Signal::Terminate {
                tokio::select! {
                    () = sleep(delay) => {}
                    _ = signals.next() => return,
                }
            }
            let _ = stop.send(());
            signals.next().await;
        };
        tokio::select! {
            () = self.run(async { drop(leaves.await) }, async { drop(stopped.await) }) => {}
            () = told => tracing::warn!("a second signal cuts the drain short"),
        }
    }

    /// Serves until the future is done, then drains. It is not ready from then on, and does not wait until others know, but
    /// for the hooks of [`on_drain`](Self::on_drain).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts all connections.
    pub async fn serve_until(self, stop: impl Future<Output = ()>) {
        self.run(std::future::pending(), stop).await;
    }

    /// Serves, is not ready any more once `leaves` is done, and drains once `stop` is.
    async fn run(self, leaves: impl Future<Output = ()>, stop: impl Future<Output = ()>) {
        let Self { endpoint, source, mut hooks, life } = self;
        #[cfg(feature = "tls")]
        let _watch = endpoint.tls.as_ref().map(Tls::watch);
        let face = &endpoint.face;
        let connections = Connections::new(face.limits.max_connections, face.meter);
        let mut acceptor = Acceptor::new(source);
        let mut tasks = JoinSet::new();
        let serving = Serving::begin(&face.readiness);
        life.enter(ServerPhase::Ready);
        let served = async {
            let mut stop = pin!(stop);
            let is_stopped = tokio::select! {
                biased;
                () = &mut stop => true,
                () = leaves => false,
                never = hooks.ready() => match never {},
            };
            serving.drain();
            life.enter(ServerPhase::Draining);
            hooks.drain(face.limits.shutdown_delay).await;
            if !is_stopped {
                connections.tell(Order::Retire);
                stop.await;
            }
        };
        tokio::select! {
            biased;
            () = served => {}
            never = endpoint.accept_all(&mut acceptor, &connections, &mut tasks) => match never {},
        }
        for accepted in acceptor.close(&connections).await {
            endpoint.begin(accepted, &mut tasks);
        }
        connections.tell(Order::Close);
        drain(face, tasks).await;
    }
}

impl Endpoint {
    async fn accept_all(
        &self,
        acceptor: &mut Acceptor,
        connections: &Arc<Connections>,
        tasks: &mut JoinSet<()>,
    ) -> Infallible {
        loop {
            let accepted = {
                let mut next = pin!(acceptor.next(connections));
                loop {
                    tokio::select! {
                        biased;
                        // Finished connections are let go of one by one, else the set would only grow.
                        Some(_) = tasks.join_next() => {}
                        accepted = &mut next => break accepted,
                    }
                }
            };
            self.begin(accepted, tasks);
        }
    }

    fn is_on_loopback(&self) -> bool {
        self.local_addr.is_some_and(|addr| addr.ip().is_loopback())
    }

    /// Serves a connection on a task of its own.
    fn begin(&self, accepted: Accepted, tasks: &mut JoinSet<()>) {
        let Accepted { stream, peer_addr, admitted } = accepted;
        let connection = Connection { peer_addr, loopback: self.is_on_loopback() };
        let face = Arc::clone(&self.face);
        stream.set_nodelay();
        // A task of another kind, so that plain connections make no room for what only TLS needs.
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.clone() {
            tasks.spawn(async move { handshake::serve(face, tls, stream, connection, &admitted.state).await });
            return;
        }
        tasks.spawn(async move {
            connection::serve(face, stream, connection, Secured::default(), &admitted.state).await;
        });
    }
}

/// Finishes what runs, within its time.
async fn drain(face: &Face, mut tasks: JoinSet<()>) {
    let Face { backend, limits, .. } = face;
    let drain_timeout = limits.drain_timeout;
    tracing::info!("draining {} connections", tasks.len());
    if timeout(drain_timeout, ended(&mut tasks, backend)).await.is_err() {
        tracing::warn!("drain took longer than {drain_timeout:?}; cutting what is left");
    }
    backend.end();
    tasks.abort_all();
    // Handlers that were cut off know it now, and may end soon. One that does not, or that blocks its thread, is not
    // waited for.
    if timeout(Duration::from_secs(1), ended(&mut tasks, backend)).await.is_err() {
        tracing::warn!("handlers still run that nobody waits for");
    }
}

/// Waits until all connections have ended, and then all handlers that go on without theirs.
async fn ended(connections: &mut JoinSet<()>, backend: &Backend) {
    while connections.join_next().await.is_some() {}
    backend.none_detached().await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tokio::time::{Instant, sleep};

    use super::drain;
    use crate::{Limits, Server};

    #[tokio::test(start_paused = true)]
    async fn what_ends_within_the_drain_timeout_is_not_cut_and_what_does_not_is() {
        for (takes, ends, after) in [(29, true, 29), (31, false, 30)] {
            let server = Server::builder().limits(Limits::default()).build();
            let (ended, has_ended) = tokio::sync::oneshot::channel();
            let mut tasks = JoinSet::new();
            tasks.spawn(async move {
                sleep(Duration::from_secs(takes)).await;
                let _ = ended.send(());
            });
            let start = Instant::now();
            drain(&server.face, tasks).await;
            assert_eq!((has_ended.await.is_ok(), start.elapsed().as_secs()), (ends, after));
        }
    }
}
