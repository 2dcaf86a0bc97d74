//! The standalone server. [`BoundServer`] is bound and configured; `Endpoint` spawns a task for each connection that
//! `accept` returns. [`shutdown`] decides when the server stops. `connection` serves one connection, with `http` for
//! each request.

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
mod pace;
mod peer;
mod shutdown;
mod signals;
mod state;
mod stream;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::http::{Connection, Face};
#[cfg(feature = "tls")]
use crate::tls::Tls;
use accept::{Accepted, Acceptor};
use connections::Connections;
use facts::ConnectionFacts;
pub use handle::ServerHandle;
use hooks::Hooks;
use incoming::Source;
use lifecycle::Life;
pub use lifecycle::{Lifecycle, ServerPhase};
pub use listener::Listener;

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
    /// What routes are told, if there are any.
    lifecycle: Option<Lifecycle>,
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

    /// Speaks in plain text here, though the server has TLS: behind a proxy on the same machine, say, or for probes
    /// that have no certificate. It is the same server, so bind such a port where only they reach it.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "server-tls")))]
    #[must_use]
    pub fn without_tls(mut self) -> Self {
        self.endpoint.tls = None;
        self
    }

    /// Runs a hook once the server accepts connections: to register its address, or to renew a lease.
    ///
    /// The future runs while the server serves, which does not wait for it. It is dropped when the server begins to
    /// drain, so it may also run for ever. Several hooks run at the same time. A panic is logged and has no other
    /// effect.
    ///
    /// A server that is told to stop before it has begun runs no such hook.
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

    /// Runs a hook before the server drains, and waits for it: to deregister, while new connections are still served.
    ///
    /// When the server is told to leave or to stop, this happens in order:
    ///
    /// 1. Its health says that it is not ready, and its [phase](Self::lifecycle) is `Draining`. Hooks of
    ///    [`on_ready`](Self::on_ready) are dropped.
    /// 2. The hooks run, all at the same time, for up to [`Limits::shutdown_delay`](crate::Limits::shutdown_delay), and
    ///    5 s at least. Those that are not done then are dropped, with a warning in the log. The server accepts and
    ///    answers as before.
    /// 3. Connections are told to end with their next answer.
    /// 4. Once it is told to stop, it accepts no more connections and finishes what runs, for up to
    ///    [`Limits::drain_timeout`](crate::Limits::drain_timeout). Its phase is `Ended` then.
    ///
    /// The time of the hooks runs along with the delay of [`serve`](Self::serve) after SIGTERM. With
    /// [`serve_until`](Self::serve_until) and [`ServerHandle::shutdown`](crate::ServerHandle::shutdown) it comes before
    /// the drain. A panic is logged and has no other effect.
    ///
    /// A second signal, or dropping what serves, ends the server without hooks, and drops those that run. So does a
    /// kill: a registration should expire by itself as well.
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
        let facts = ConnectionFacts::new(self.lifecycle.clone());
        stream.set_nodelay();
        // A task of another kind, so that plain connections make no room for what only TLS needs.
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.clone() {
            tasks.spawn(async move { handshake::serve(face, tls, stream, connection, facts, &admitted.state).await });
            return;
        }
        tasks.spawn(async move {
            connection::serve(face, stream, connection, facts, &admitted.state).await;
        });
    }
}
