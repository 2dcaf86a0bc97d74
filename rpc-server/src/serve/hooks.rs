use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use rpc_core::BoxFuture;
use rpc_core::contain::{Contained, defuse};
use tokio::time::timeout;

use super::BoundServer;

/// How long hooks have at least before the server drains.
const MIN_TIME: Duration = Duration::from_secs(5);

type Hook = Box<dyn FnOnce() -> BoxFuture<()> + Send>;

/// What users want to be done in the life of a server.
#[derive(Default)]
pub(super) struct Hooks {
    /// The locks are never taken: they make hooks `Sync`, so that a bound server is.
    ready: Mutex<Vec<Hook>>,
    drain: Mutex<Vec<Hook>>,
}

impl BoundServer {
    /// Runs a hook once the server accepts connections: to register its address, or to renew a lease.
    ///
    /// The future runs while the server serves, which does not wait for it. It is dropped when the server begins to drain,
    /// so it may also run for ever. Several hooks run at the same time. A panic is logged and has no other effect.
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
        add(&mut self.hooks.ready, hook);
        self
    }

    /// Runs a hook before the server drains, and waits for it: to deregister, while new connections are still served.
    ///
    /// When the server is told to leave or to stop, this happens in order:
    ///
    /// 1. Its health says that it is not ready, and its [phase](Self::lifecycle) is `Draining`. Hooks of
    ///    [`on_ready`](Self::on_ready) are dropped.
    /// 2. The hooks run, all at the same time, for up to [`Limits::shutdown_delay`](crate::Limits::shutdown_delay), and 5 s
    ///    at least. Those that are not done then are dropped, with a warning in the log. The server accepts and answers
    ///    as before.
    /// 3. Connections are told to end with their next answer.
    /// 4. Once it is told to stop, it accepts no more connections and finishes what runs, for up to
    ///    [`Limits::drain_timeout`](crate::Limits::drain_timeout). Its phase is `Ended` then.
    ///
    /// The time of the hooks runs along with the delay of [`serve`](Self::serve) after SIGTERM. With
    /// [`serve_until`](Self::serve_until) and [`ServerHandle::shutdown`](crate::ServerHandle::shutdown) it comes before
    /// the drain. A panic is logged and has no other effect.
    ///
    /// A second signal, or dropping what serves, ends the server without hooks, and drops those that run. So does a kill: a
    /// registration should expire by itself as well.
    #[must_use]
    pub fn on_drain<F, Fut>(mut self, hook: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        add(&mut self.hooks.drain, hook);
        self
    }
}

fn add<F, Fut>(hooks: &mut Mutex<Vec<Hook>>, hook: F)
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    hooks.get_mut().unwrap_or_else(PoisonError::into_inner).push(Box::new(move || Box::pin(hook())));
}

impl Hooks {
    /// Runs those of `on_ready`, and then waits to be dropped.
    pub(super) async fn ready(&mut self) -> Infallible {
        run_all(&mut self.ready).await;
        pending().await
    }

    /// Runs those of `on_drain`, for as long as they may take.
    pub(super) async fn drain(&mut self, shutdown_delay: Duration) {
        let time = shutdown_delay.max(MIN_TIME);
        if timeout(time, run_all(&mut self.drain)).await.is_err() {
            tracing::warn!("hooks of `on_drain` took longer than {time:?}; the server drains without them");
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

async fn run_all(hooks: &mut Mutex<Vec<Hook>>) {
    let hooks = std::mem::take(hooks.get_mut().unwrap_or_else(PoisonError::into_inner));
    join_all(hooks.into_iter().map(run)).await;
}

/// Runs a hook, whose panics go no further.
async fn run(hook: Hook) {
    let running = async { Contained::new(hook()).await };
    if let Err(payload) = AssertUnwindSafe(running).catch_unwind().await {
        defuse(payload);
        tracing::error!("a hook of a server's life panicked");
    }
}
