//! [`ServerHandle`]: a server that runs on its own task. The handle asks the server to leave or to stop, and `shutdown`
//! carries that out.

use std::net::SocketAddr;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{BoundServer, Lifecycle, NO_SOCKET_ADDR};

/// A handle to a server that runs on its own task. Dropping the handle leaves the server running.
#[derive(Debug)]
pub struct ServerHandle {
    socket_addr: Option<SocketAddr>,
    lifecycle: Lifecycle,
    leave: Option<oneshot::Sender<()>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl BoundServer {
    /// Serves on its own task until the handle stops the server.
    ///
    /// # Panics
    ///
    /// If called outside a tokio runtime.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let handle = server.bind("127.0.0.1:0").await?.spawn();
    ///
    /// let client = rpc::Client::new(format!("http://{}", handle.local_addr()))?;
    /// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
    /// handle.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn(self) -> ServerHandle {
        let (socket_addr, lifecycle) = (self.socket_addr(), self.lifecycle());
        let (leave, leaves) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(self.run(told(leaves), told(stopped)));
        ServerHandle { socket_addr, lifecycle, leave: Some(leave), stop, task }
    }
}

/// Waits for the handle's message. Never completes if the handle is dropped without sending one, so the server runs on.
async fn told(word: oneshot::Receiver<()>) {
    if word.await.is_err() {
        std::future::pending().await
    }
}

impl ServerHandle {
    /// Returns the address that the server serves.
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
    /// let handle = server.bind("127.0.0.1:0").await?.spawn();
    /// let client = rpc::Client::new(format!("http://{}", handle.local_addr()))?;
    /// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
    /// # handle.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn local_addr(&self) -> SocketAddr {
        self.socket_addr.expect(NO_SOCKET_ADDR)
    }

    /// Returns the address that the server serves, or `None` where the listener has no IP address and port, such as a
    /// Unix socket.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        self.socket_addr
    }

    /// Returns the [`Lifecycle`] of this server at this address.
    pub fn lifecycle(&self) -> Lifecycle {
        self.lifecycle.clone()
    }

    /// Reports that the server is no longer ready, and keeps serving. Load balancers that check its health send no new
    /// calls, and each connection ends with its next answer.
    ///
    /// Hooks of [`BoundServer::on_drain`] run first. After this, wait, for example for
    /// [`Limits::shutdown_delay`](crate::Limits::shutdown_delay), and then [shut down](Self::shutdown).
    /// [`Server::serve`](crate::Server::serve) does the same on SIGTERM.
    ///
    /// # Example
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use rpc::{Client, Server, ServerPhase};
    ///
    /// let server = Server::builder().method("ping", || async { "pong" }).build();
    /// let mut server = server.bind("127.0.0.1:0").await?.spawn();
    /// let client = Client::new(format!("http://{}", server.local_addr()))?;
    ///
    /// server.leave();
    /// server.lifecycle().wait_for(ServerPhase::Draining).await;
    /// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
    /// server.shutdown().await;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn leave(&mut self) {
        if let Some(leave) = self.leave.take() {
            // Fails only if the server has already ended.
            let _ = leave.send(());
        }
    }

    /// Stops accepting, answers the requests that have arrived, finishes the calls in flight, and returns when all
    /// connections are closed. It takes at most the time of the [hooks](BoundServer::on_drain), then
    /// [`Limits::drain_timeout`](crate::Limits::drain_timeout), then one second.
    ///
    /// Connections in the system's queue are accepted first. A connection younger than 200 ms gets that long to send
    /// its first request. If others also hold the socket, see [`Server::listen_on`](crate::Server::listen_on), it keeps
    /// queueing connections.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the server shuts down even if the future is dropped.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::{Client, Server};
    /// use tokio::sync::Notify;
    ///
    /// static BEGUN: Notify = Notify::const_new();
    /// static RELEASED: Notify = Notify::const_new();
    ///
    /// async fn report() -> &'static str {
    ///     BEGUN.notify_one();
    ///     RELEASED.notified().await;
    ///     "done"
    /// }
    ///
    /// let server = Server::builder().method("report", report).build().bind("127.0.0.1:0").await?.spawn();
    /// let client = Client::new(format!("http://{}", server.local_addr()))?;
    /// let call = tokio::spawn(async move { client.call::<String>("report", ()).await });
    /// BEGUN.notified().await;
    ///
    /// // The call in flight still gets its answer.
    /// tokio::join!(server.shutdown(), async { RELEASED.notify_one() });
    /// assert_eq!(call.await??, "done");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn shutdown(self) {
        // Either fails only if the server has already ended, together with its runtime.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}
