//! The standalone server. [`BoundServer`] is bound and configured. `Endpoint` spawns a task for each connection that
//! `accept` returns. [`shutdown`] decides when the server stops. `connection` serves one connection and passes each
//! request to `http`.

mod accept;
mod bind;
mod connection;
mod connections;
mod facts;
mod handle;
#[cfg(feature = "tls")]
mod handshake;
mod hooks;
mod incoming;
mod lifecycle;
mod listener;
#[cfg(feature = "ipc")]
mod messages;
#[cfg(feature = "ipc")]
mod one_connection;
mod pace;
mod peer;
#[cfg(feature = "ipc")]
mod peer_credentials;
mod shutdown;
mod signals;
mod state;
#[cfg(feature = "ipc")]
mod stdio;
mod stream;
#[cfg(all(unix, feature = "ipc"))]
mod unix;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use tokio::task::JoinSet;

#[cfg(feature = "ipc")]
use crate::framed::MessageSettings;
use crate::http::{ConnectionInfo, HttpState};
#[cfg(feature = "tls")]
use crate::tls::Tls;
use accept::{AcceptedConnection, Acceptor};
use connections::Connections;
use facts::ConnectionFacts;
pub use handle::ServerHandle;
use hooks::Hooks;
use incoming::AnyListener;
use lifecycle::PhaseSender;
pub use lifecycle::{Lifecycle, ServerPhase};
pub use listener::Listener;
#[cfg(feature = "ipc")]
pub use one_connection::ServerConnection;
#[cfg(feature = "ipc")]
pub use peer_credentials::PeerCredentials;
#[cfg(feature = "ipc")]
pub use stdio::stdio;

/// The panic message where a listener without an IP address is asked for one.
const NO_SOCKET_ADDR: &str = "the listener of this server has no socket address: ask `socket_addr`";

/// A server that is bound to an address. Connections queue until it serves.
#[derive(Debug)]
pub struct BoundServer {
    endpoint: Endpoint,
    source: AnyListener,
    hooks: Hooks,
    life: PhaseSender,
}

/// The state that all connections at one address share.
#[derive(Debug)]
struct Endpoint {
    http_state: Arc<HttpState>,
    local_addr: Option<SocketAddr>,
    /// The lifecycle that requests to routes get, if the server has routes.
    lifecycle: Option<Lifecycle>,
    /// How peers send messages, if they do so without HTTP.
    #[cfg(feature = "ipc")]
    messages: Option<MessageSettings>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl BoundServer {
    /// Returns the address, with the port that the system assigned.
    ///
    /// # Panics
    ///
    /// If the server is [on a listener](crate::Server::on) that has no socket address, such as a Unix socket.
    /// [`socket_addr`](Self::socket_addr) returns `None` then.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let bound = server.bind("127.0.0.1:0").await?;
    /// assert_ne!(bound.local_addr().port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn local_addr(&self) -> SocketAddr {
        self.socket_addr().expect(NO_SOCKET_ADDR)
    }

    /// Returns the address, or `None` where the listener has no IP address and port, such as a Unix socket.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        self.endpoint.local_addr
    }

    /// Returns the [`Lifecycle`] of this server at this address.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::ServerPhase;
    ///
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let bound = server.bind("127.0.0.1:0").await?;
    /// let lifecycle = bound.lifecycle();
    ///
    /// // Another task, such as a consumer of a queue, ends with the server.
    /// let consumer = tokio::spawn(async move { lifecycle.wait_for(ServerPhase::Draining).await });
    /// bound.serve_until(async {}).await;
    /// assert!(consumer.await? >= ServerPhase::Draining);
    /// # Ok(())
    /// # }
    /// ```
    pub fn lifecycle(&self) -> Lifecycle {
        self.life.watch()
    }

    /// Serves plain text at this address, though the server has TLS.
    ///
    /// Use it behind a proxy on the same machine, or for health probes that have no certificate. The port serves the
    /// same methods as the TLS port, so bind it to an address that only such clients can reach.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # mod rpc { pub use ::rpc::*; pub use rpc_server::tls; }
    /// use rpc::tls::Tls;
    /// use rpc::{Client, Server};
    ///
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// let tls = Tls::from_pem(certificate, key)?;
    /// let server = Server::builder().method("ping", || async { "pong" }).tls(tls).build();
    /// let public = server.bind("127.0.0.1:0").await?.spawn();
    /// let local = server.bind("127.0.0.1:0").await?.without_tls().spawn();
    ///
    /// let plain_text = |addr| Client::new(format!("http://{addr}"));
    /// assert_eq!(plain_text(local.local_addr())?.call::<String>("ping", ()).await?, "pong");
    /// assert!(plain_text(public.local_addr())?.call::<String>("ping", ()).await.is_err());
    /// # public.shutdown().await;
    /// # local.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "server-tls")))]
    #[must_use]
    pub fn without_tls(mut self) -> Self {
        self.endpoint.tls = None;
        self
    }

    /// Runs a hook once the server accepts connections, for example to register its address or to renew a lease.
    ///
    /// The hook's future runs while the server serves, and the server does not wait for it. The server drops it when it
    /// begins to drain, so it may run without end. Several hooks run concurrently. The server logs a panic of a hook
    /// and continues.
    ///
    /// A server that stops before it has begun to serve runs no such hook.
    ///
    /// # Example
    ///
    /// ```
    /// # async fn register(_: std::net::SocketAddr) {}
    /// # async fn deregister(_: std::net::SocketAddr) {}
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let server = server.bind("127.0.0.1:0").await?;
    /// let addr = server.local_addr();
    /// let server = server.on_ready(move || register(addr)).on_drain(move || deregister(addr)).spawn();
    /// server.shutdown().await;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn on_ready<F, Fut>(mut self, hook: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.add_to_ready(hook);
        self
    }

    /// Runs a hook before the server drains, and waits for it. Use it to deregister while the server still accepts
    /// connections.
    ///
    /// When the server leaves or stops, this happens in order:
    ///
    /// 1. Its health reports that it is not ready, and its [phase](Self::lifecycle) is `Draining`. Hooks of
    ///    [`on_ready`](Self::on_ready) are dropped.
    /// 2. The hooks run concurrently, for up to [`Limits::shutdown_delay`](crate::Limits::shutdown_delay), or 5 s if
    ///    that is longer. Hooks that are not done by then are dropped, with a warning in the log. The server accepts
    ///    and answers as before.
    /// 3. Each connection ends with its next answer.
    /// 4. Once the server has to stop, it accepts no more connections and finishes the calls in flight, for up to
    ///    [`Limits::drain_timeout`](crate::Limits::drain_timeout). Its phase is `Ended` then.
    ///
    /// After SIGTERM, [`serve`](Self::serve) runs the hooks during its delay. With [`serve_until`](Self::serve_until)
    /// and [`ServerHandle::shutdown`](crate::ServerHandle::shutdown) the hooks run before the drain begins. The server
    /// logs a panic of a hook and continues.
    ///
    /// A second signal ends the server without hooks and drops the hooks that run. Dropping the future that serves does
    /// the same, and so does a kill. A registration should therefore also expire by itself.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let server = server.bind("127.0.0.1:0").await?;
    /// let client = rpc::Client::new(format!("http://{}", server.local_addr()))?;
    ///
    /// // The server still answers while the hook runs.
    /// let (report, reported) = tokio::sync::oneshot::channel();
    /// let server = server.on_drain(|| async move {
    ///     let _ = report.send(client.call::<String>("ping", ()).await);
    /// });
    /// server.spawn().shutdown().await;
    /// assert_eq!(reported.await??, "pong");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_drain<F, Fut>(mut self, hook: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.add_to_drain(hook);
        self
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
                        // Finished tasks are removed one by one, or the set would only grow.
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

    /// Serves a connection on its own task.
    fn begin(&self, accepted: AcceptedConnection, tasks: &mut JoinSet<()>) {
        let AcceptedConnection { stream, peer_addr, admitted } = accepted;
        let connection = ConnectionInfo { peer_addr, loopback: self.is_on_loopback() };
        let http_state = Arc::clone(&self.http_state);
        let facts = ConnectionFacts::new(self.lifecycle.clone());
        stream.set_nodelay();
        #[cfg(feature = "ipc")]
        if let Some(settings) = self.messages {
            let parts = (settings, connection);
            tasks.spawn(async move {
                messages::serve_accepted(http_state, &admitted.state, stream, parts).await;
            });
            return;
        }
        // TLS has a task type of its own, so that plain connections reserve no memory for TLS state.
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.clone() {
            tasks.spawn(
                async move { handshake::serve(http_state, tls, stream, connection, facts, &admitted.state).await },
            );
            return;
        }
        tasks.spawn(async move {
            connection::serve(http_state, stream, connection, facts, &admitted.state).await;
        });
    }
}
