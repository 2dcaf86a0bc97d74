//! The shutdown of a standalone server. A signal or a future begins it. The server runs the hooks, waits until the
//! delay is over, drains, and cuts the remaining connections. This file decides when each step begins. `signals`
//! reports SIGINT and SIGTERM, `lifecycle` publishes the phase, and `connections` sends orders to the connections.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::BoundServer;
use super::accept::Acceptor;
use super::connections::Connections;
use super::lifecycle::ServerPhase;
use super::signals::{Signal, Signals};
use super::state::ConnectionOrder;
use crate::health::ServingAddress;
use crate::http::{Backend, HttpState};
#[cfg(feature = "tls")]
use crate::tls::Tls;

impl BoundServer {
    /// Serves until ctrl-c or SIGTERM, then drains. A second signal ends the server at once.
    ///
    /// After SIGTERM the server keeps serving for [`Limits::shutdown_delay`](crate::Limits::shutdown_delay) while its
    /// health reports that it is not ready. So load balancers have time to stop sending requests before the server
    /// stops accepting. Ctrl-c comes from a person and has no such delay.
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
    /// use rpc::Server;
    ///
    /// let server = Server::builder().method("ping", || async { "pong" }).build();
    /// let server = server.bind("0.0.0.0:8080").await?;
    /// println!("serving at {}", server.local_addr());
    /// server.on_drain(|| async { println!("draining") }).serve().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve(self) {
        let delay = self.endpoint.http_state.limits.shutdown_delay;
        // Listens for signals to the end, so that a second one is not missed.
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

    /// Serves until the future is done, then drains.
    ///
    /// From then on the server reports that it is not ready. It begins to drain without the delay of
    /// [`serve`](Self::serve), and waits only for the hooks of [`on_drain`](Self::on_drain).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts all connections.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    ///
    /// use rpc::{Client, Server};
    /// use tokio::sync::Notify;
    ///
    /// let server = Server::builder().method("ping", || async { "pong" }).build().bind("127.0.0.1:0").await?;
    /// let client = Client::new(format!("http://{}", server.local_addr()))?;
    ///
    /// let stop = Arc::new(Notify::new());
    /// let serving = tokio::spawn(server.serve_until(Arc::clone(&stop).notified_owned()));
    /// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
    /// stop.notify_one();
    /// serving.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve_until(self, stop: impl Future<Output = ()>) {
        self.run(std::future::pending(), stop).await;
    }

    /// Serves, reports that it is not ready once `leaves` is done, and drains once `stop` is done.
    pub(super) async fn run(self, leaves: impl Future<Output = ()>, stop: impl Future<Output = ()>) {
        let Self { endpoint, source, mut hooks, life } = self;
        #[cfg(feature = "tls")]
        let _watch = endpoint.tls.as_ref().map(Tls::watch);
        let http_state = &endpoint.http_state;
        let connections = Connections::new(http_state.limits.max_connections, http_state.meter);
        let mut acceptor = Acceptor::new(source);
        let mut tasks = JoinSet::new();
        let serving = ServingAddress::begin(&http_state.readiness);
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
            hooks.drain(http_state.limits.shutdown_delay).await;
            if !is_stopped {
                connections.tell(ConnectionOrder::Retire);
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
        connections.tell(ConnectionOrder::Close);
        // Streams of other addresses go on while those still serve.
        if http_state.readiness.is_draining() {
            http_state.backend.drain_streams();
        }
        drain(http_state, tasks).await;
    }
}

/// Finishes the calls in flight, within the drain timeout.
async fn drain(http_state: &HttpState, mut tasks: JoinSet<()>) {
    let HttpState { backend, limits, .. } = http_state;
    let drain_timeout = limits.drain_timeout;
    tracing::info!("draining {} connections", tasks.len());
    if timeout(drain_timeout, ended(&mut tasks, backend)).await.is_err() {
        tracing::warn!("drain took longer than {drain_timeout:?}; cutting what is left");
    }
    backend.end();
    tasks.abort_all();
    // The remaining handlers have been notified and may end soon. The server does not wait longer for handlers that
    // ignore the notification or block their thread.
    if timeout(Duration::from_secs(1), ended(&mut tasks, backend)).await.is_err() {
        tracing::warn!("handlers still run that nobody waits for");
    }
}

/// Waits until all connections have ended, and then until all detached handlers have ended.
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
            drain(&server.http_state, tasks).await;
            assert_eq!((has_ended.await.is_ok(), start.elapsed().as_secs()), (ends, after));
        }
    }
}
