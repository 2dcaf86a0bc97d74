//! [`ServerHandle`]: a server that runs on a task of its own. It asks the server to leave or to stop; `shutdown`
//! carries that out.

use std::net::SocketAddr;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{BoundServer, Lifecycle, NO_SOCKET_ADDR};

/// Holds on to a server on a task of its own. Dropping the handle leaves the server running.
#[derive(Debug)]
pub struct ServerHandle {
    socket_addr: Option<SocketAddr>,
    lifecycle: Lifecycle,
    leave: Option<oneshot::Sender<()>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl BoundServer {
    /// Serves on a task of its own, until the handle says otherwise.
    ///
    /// # Panics
    ///
    /// If called outside a tokio runtime.
    #[track_caller]
    pub fn spawn(self) -> ServerHandle {
        let (socket_addr, lifecycle) = (self.socket_addr(), self.lifecycle());
        let (leave, leaves) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(self.run(told(leaves), told(stopped)));
        ServerHandle { socket_addr, lifecycle, leave: Some(leave), stop, task }
    }
}

/// Waits until it is told to go on. A handle that is dropped without a word leaves the server running.
async fn told(word: oneshot::Receiver<()>) {
    if word.await.is_err() {
        std::future::pending().await
    }
}

impl ServerHandle {
    /// Returns the address that is served.
    ///
    /// # Panics
    ///
    /// If the server is [on a listener](crate::Server::on) that has no socket address, such as a Unix socket:
    /// [`socket_addr`](Self::socket_addr) tells.
    #[track_caller]
    pub fn local_addr(&self) -> SocketAddr {
        self.socket_addr.expect(NO_SOCKET_ADDR)
    }

    /// Returns the address that is served, or `None` where the listener has no IP address and port, such as a Unix
    /// socket.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        self.socket_addr
    }

    /// Returns what tells where this server is in its life, at this address.
    pub fn lifecycle(&self) -> Lifecycle {
        self.lifecycle.clone()
    }

    /// Says that the server is not ready any more, and goes on serving: what checks its health sends no new calls, and
    /// connections end with their next answer.
    ///
    /// Hooks of [`BoundServer::on_drain`] run first. Wait after this,
    /// [`Limits::shutdown_delay`](crate::Limits::shutdown_delay) for one, and then [shut down](Self::shutdown). It is
    /// what [`Server::serve`](crate::Server::serve) does on SIGTERM.
    ///
    /// # Example
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # use std::time::Duration;
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let mut server = server.bind("127.0.0.1:0").await?.spawn();
    /// server.leave();
    /// tokio::time::sleep(Duration::from_millis(10)).await;
    /// server.shutdown().await;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn leave(&mut self) {
        if let Some(leave) = self.leave.take() {
            // It fails only if the server has ended already.
            let _ = leave.send(());
        }
    }

    /// Stops accepting, answers what has arrived, finishes what runs, and returns when all connections are closed: one
    /// second after [`Limits::drain_timeout`](crate::Limits::drain_timeout) at the latest, and after the time of
    /// [hooks](BoundServer::on_drain).
    ///
    /// Connections that the system has queued are accepted first, and the first request of a connection that is younger
    /// than 200 ms is waited for. A socket that others hold as well, see
    /// [`Server::listen_on`](crate::Server::listen_on), goes on to queue connections.
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
