//! The phase of a bound server, published to users. `shutdown` writes it through [`PhaseSender`]; any number of
//! [`Lifecycle`]s read it. It starts and stops nothing.

use tokio::sync::watch;

/// The phase of a bound server. Later phases are greater. A server enters each phase at most once, and may skip any.
///
/// Each address of a server has its own phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ServerPhase {
    /// The server is bound to its address. Connections queue, and none is accepted yet.
    Bound,
    /// The server accepts connections.
    Ready,
    /// The server leaves or stops. Its health reports that it is not ready. It accepts connections until it stops, and
    /// then finishes the calls in flight.
    Draining,
    /// All connections are closed or cut.
    Ended,
}

/// A view of the phase of a bound server, from [`BoundServer::lifecycle`](crate::BoundServer::lifecycle).
///
/// It keeps nothing alive, and can be cloned and moved anywhere. To run code that the server waits for, use the hook
/// [`BoundServer::on_drain`](crate::BoundServer::on_drain). [`BoundServer::on_ready`](crate::BoundServer::on_ready)
/// runs code while it serves.
///
/// # Example
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use rpc::ServerPhase;
///
/// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
/// let server = server.bind("127.0.0.1:0").await?;
/// let lifecycle = server.lifecycle();
/// assert_eq!(lifecycle.phase(), ServerPhase::Bound);
///
/// let server = server.spawn();
/// lifecycle.wait_for(ServerPhase::Ready).await;
/// server.shutdown().await;
/// assert_eq!(lifecycle.phase(), ServerPhase::Ended);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Lifecycle {
    phase: watch::Receiver<ServerPhase>,
}

impl Lifecycle {
    /// Returns the current phase.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::ServerPhase;
    ///
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build().bind("127.0.0.1:0").await?;
    /// let lifecycle = server.lifecycle();
    /// assert_eq!(lifecycle.phase(), ServerPhase::Bound);
    ///
    /// // A bound server that is dropped has ended.
    /// drop(server);
    /// assert_eq!(lifecycle.phase(), ServerPhase::Ended);
    /// # Ok(())
    /// # }
    /// ```
    pub fn phase(&self) -> ServerPhase {
        *self.phase.borrow()
    }

    /// Waits until the server has reached this phase or a later one, and returns the current one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::ServerPhase;
    ///
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let mut server = server.bind("127.0.0.1:0").await?.spawn();
    /// let lifecycle = server.lifecycle();
    ///
    /// assert_eq!(lifecycle.wait_for(ServerPhase::Ready).await, ServerPhase::Ready);
    /// server.leave();
    /// assert_eq!(lifecycle.wait_for(ServerPhase::Draining).await, ServerPhase::Draining);
    /// server.shutdown().await;
    /// // A phase that is over counts as reached.
    /// assert_eq!(lifecycle.wait_for(ServerPhase::Ready).await, ServerPhase::Ended);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_for(&self, phase: ServerPhase) -> ServerPhase {
        let reached = self.phase.clone().wait_for(|reached| *reached >= phase).await.map(|reached| *reached);
        // The sender publishes `Ended` before it is dropped.
        reached.unwrap_or(ServerPhase::Ended)
    }
}

/// The sender of the phase. Dropping it publishes `Ended`.
#[derive(Debug)]
pub(super) struct PhaseSender(watch::Sender<ServerPhase>);

impl PhaseSender {
    /// Starts with [`ServerPhase::Bound`].
    pub(super) fn begin() -> Self {
        Self(watch::Sender::new(ServerPhase::Bound))
    }

    pub(super) fn enter(&self, phase: ServerPhase) {
        self.0.send_replace(phase);
    }

    pub(super) fn watch(&self) -> Lifecycle {
        Lifecycle { phase: self.0.subscribe() }
    }
}

impl Drop for PhaseSender {
    fn drop(&mut self) {
        self.enter(ServerPhase::Ended);
    }
}
