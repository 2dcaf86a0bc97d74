//! The phase of a bound server, published to users. `shutdown` writes it through [`Life`]; any number of [`Lifecycle`]s
//! read it. It starts and stops nothing.

use tokio::sync::watch;

/// Where a bound server is in its life. Later phases are greater; none comes twice, and each may be skipped.
///
/// Each address of a server has a life of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ServerPhase {
    /// It is bound to its address: connections queue, and none is accepted yet.
    Bound,
    /// It accepts connections.
    Ready,
    /// It was told to leave or to stop. Its health says that it is not ready. It accepts connections until it stops,
    /// and then finishes what runs.
    Draining,
    /// All connections are closed, or were cut.
    Ended,
}

/// Tells where a bound server is in its life: [`BoundServer::lifecycle`](crate::BoundServer::lifecycle).
///
/// It keeps nothing alive, and can be cloned and moved anywhere. To act before the server goes on, use the hooks
/// [`BoundServer::on_ready`](crate::BoundServer::on_ready) and
/// [`BoundServer::on_drain`](crate::BoundServer::on_drain), which it waits for.
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
    /// Returns the present phase.
    pub fn phase(&self) -> ServerPhase {
        *self.phase.borrow()
    }

    /// Waits until the server has reached this phase or a later one, and returns the one it is in.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn wait_for(&self, phase: ServerPhase) -> ServerPhase {
        let reached = self.phase.clone().wait_for(|reached| *reached >= phase).await.map(|reached| *reached);
        // What tells has said that the life has ended before it was dropped.
        reached.unwrap_or(ServerPhase::Ended)
    }
}

/// The life that is told of. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Life(watch::Sender<ServerPhase>);

impl Life {
    /// Begins a life with the server that is bound.
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

impl Drop for Life {
    fn drop(&mut self) {
        self.enter(ServerPhase::Ended);
    }
}
