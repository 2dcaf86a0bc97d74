//! The standalone server: listener, connections, shutdown.

mod connection;
mod pace;
mod secure;
mod stop;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::Server;
use crate::dispatch::InFlight;
use crate::health::Serving;
use crate::http::Connection;
#[cfg(feature = "tls")]
use crate::tls::Tls;
use secure::Secured;
use stop::Stop;

impl Server {
    /// Serves at this address until ctrl-c or SIGTERM, then drains: what runs is finished, for up to
    /// [`Limits::drain_timeout`](crate::Limits::drain_timeout).
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
        let listener = TcpListener::bind(addr).await?;
        let local_addr = listener.local_addr()?;
        Ok(BoundServer {
            server: self.clone(),
            listener,
            local_addr,
            #[cfg(feature = "tls")]
            tls: self.inner.http.tls.clone(),
        })
    }
}

/// A server that is bound to an address; connections queue until it serves.
#[derive(Debug)]
pub struct BoundServer {
    server: Server,
    listener: TcpListener,
    local_addr: SocketAddr,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl BoundServer {
    /// Returns the address, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Speaks in plain text here, though the server has TLS: behind a proxy on the same machine, say, or for probes that
    /// have no certificate. It is the same server, so bind such a port where only they reach it.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn without_tls(mut self) -> Self {
        self.tls = None;
        self
    }

    /// Serves until ctrl-c or SIGTERM, then drains. A second signal cuts the drain short.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts all connections.
    pub async fn serve(self) {
        let second = async {
            termination().await;
            termination().await;
        };
        tokio::select! {
            () = self.serve_until(termination()) => {}
            () = second => {}
        }
    }

    /// Serves until the future is done, then drains.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts all connections.
    pub async fn serve_until(self, stop: impl Future<Output = ()>) {
        #[cfg(feature = "tls")]
        let (tls, _watch) = (self.tls.clone(), self.tls.as_ref().map(Tls::watch));
        let Self { server, listener, local_addr, .. } = self;
        let limits = &server.inner.dispatcher.limits;
        let drain_timeout = limits.drain_timeout;
        let room = Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        let draining = Arc::new(Stop::default());
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        let mut serving = Serving::begin(&server.inner.readiness);
        loop {
            let (stream, peer_addr, permit) = tokio::select! {
                biased;
                () = &mut stop => break,
                // Finished connections are let go of one by one, else the set would only grow.
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener, &room) => accepted,
            };
            let connection = Connection { peer_addr: Some(peer_addr), loopback: local_addr.ip().is_loopback() };
            let (server, draining) = (server.clone(), Arc::clone(&draining));
            // Answers are written whole, so waiting to fill a packet only delays them.
            let _ = stream.set_nodelay(true);
            // A task of another kind, so that plain connections make no room for what only TLS needs.
            #[cfg(feature = "tls")]
            if let Some(tls) = tls.clone() {
                connections.spawn(async move {
                    secure::serve(server, tls, stream, connection, &draining).await;
                    drop(permit);
                });
                continue;
            }
            connections.spawn(async move {
                connection::serve(server, stream, connection, Secured::default(), &draining).await;
                drop(permit);
            });
        }
        serving.drain();
        drop(listener);
        tracing::info!("draining {} connections", connections.len());
        draining.request();
        let in_flight = &server.inner.dispatcher.in_flight;
        let drained = timeout(drain_timeout, ended(&mut connections, in_flight)).await;
        if drained.is_err() {
            tracing::warn!("drain took longer than {drain_timeout:?}; cutting what is left");
        }
        in_flight.end();
        connections.abort_all();
        // Handlers that were cut off know it now, and may end soon. One that does not, or that blocks its thread, is not
        // waited for.
        if timeout(Duration::from_secs(1), ended(&mut connections, in_flight)).await.is_err() {
            tracing::warn!("handlers still run that nobody waits for");
        }
    }

    /// Serves on a task of its own, until the handle says otherwise.
    ///
    /// # Panics
    ///
    /// If called outside a tokio runtime.
    pub fn spawn(self) -> ServerHandle {
        let local_addr = self.local_addr;
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            // The handle that is dropped without a word leaves the server running.
            let stop = async move {
                if stopped.await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            self.serve_until(stop).await;
        });
        ServerHandle { local_addr, stop, task }
    }
}

/// Holds on to a server on a task of its own. Dropping the handle leaves the server running.
#[derive(Debug)]
pub struct ServerHandle {
    local_addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl ServerHandle {
    /// Returns the address that is served.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops accepting, finishes what runs and returns when all connections are closed, one
    /// second after [`Limits::drain_timeout`](crate::Limits::drain_timeout) at the latest.
    ///
    /// # Cancel safety
    ///
    /// The server shuts down even if the future is dropped once it was polled.
    pub async fn shutdown(self) {
        // Either fails only if the server has ended already, with the runtime that it ran on.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// Waits until all connections have ended, and then all handlers that go on without theirs.
async fn ended(connections: &mut JoinSet<()>, in_flight: &InFlight) {
    while connections.join_next().await.is_some() {}
    in_flight.none_detached().await;
}

/// Accepts the next connection, once there is room for it.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let permit = Arc::clone(room).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer_addr)) => return (stream, peer_addr, permit),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of descriptors, most likely. They come back as connections end, so trying at once would only spin.
                tracing::error!(%error, "cannot accept connections, trying again in a moment");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// Waits for the signal to end.
async fn termination() {
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot listen for ctrl-c");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(error) => {
                tracing::error!(%error, "cannot listen for SIGTERM");
                std::future::pending::<()>().await;
            }
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
