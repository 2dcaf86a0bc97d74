//! A proxy over real sockets that does to requests and answers what a [`Plan`] says, and nothing else.

pub(crate) mod bodies;
mod connection;
pub(crate) mod http;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::reliability::plan::Plan;

/// Runs between an effect and its answer.
pub(crate) type Hook = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Stands between clients and a server until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    addr: SocketAddr,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

/// What the connections share.
struct Inner {
    upstream: SocketAddr,
    plan: Plan,
    options: Options,
    /// True once requests that hang are let go.
    released: watch::Sender<bool>,
    outages: mpsc::UnboundedSender<Duration>,
    tokens: AtomicU64,
    /// What was forwarded, as it was forwarded.
    forwarded: Mutex<Vec<http::Message>>,
}

/// What a proxy does besides its plan.
#[derive(Default)]
pub(crate) struct Options {
    /// Gives each request another bearer token.
    pub(crate) rotates_tokens: bool,
    /// Keeps what was forwarded, for the test to see.
    pub(crate) records: bool,
    pub(crate) gateway: Gateway,
    /// Resets one of so many connections as soon as it is accepted; 0 resets none.
    pub(crate) resets_one_of: u64,
    /// Runs at [`Fault::Kill`](crate::reliability::plan::Fault::Kill).
    pub(crate) hook: Option<Hook>,
}

/// What a proxy does with the ids of calls. Answers get the ids back that their calls had.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Gateway {
    #[default]
    KeepsIds,
    NumbersCalls,
    MintsUuids,
}

impl Proxy {
    pub(crate) async fn start(upstream: SocketAddr, plan: Plan) -> Self {
        Self::with_options(upstream, plan, Options::default()).await
    }

    pub(crate) async fn with_options(upstream: SocketAddr, plan: Plan, options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (outages, of_outages) = mpsc::unbounded_channel();
        let inner = Inner {
            upstream,
            plan,
            options,
            released: watch::Sender::new(false),
            outages,
            tokens: AtomicU64::new(0),
            forwarded: Mutex::default(),
        };
        let inner = Arc::new(inner);
        let task = tokio::spawn(listen(listener, of_outages, Arc::clone(&inner)));
        Self { addr, inner, task }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.inner.plan
    }

    /// Lets all requests go that hang, now or later.
    pub(crate) fn release(&self) {
        self.inner.released.send_replace(true);
    }

    /// Returns what was forwarded so far, if that is recorded.
    pub(crate) fn forwarded(&self) -> Vec<http::Message> {
        self.inner.forwarded.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts connections, but for the outages that are asked for. Connections go on in these.
async fn listen(mut listener: TcpListener, mut outages: mpsc::UnboundedReceiver<Duration>, inner: Arc<Inner>) {
    let addr = listener.local_addr().unwrap();
    let mut connections = tokio::task::JoinSet::new();
    let mut accepted = 0;
    loop {
        tokio::select! {
            Some(time) = outages.recv() => {
                drop(listener);
                sleep(time).await;
                listener = rebind(addr).await;
            }
            Some(_) = connections.join_next() => {}
            stream = listener.accept() => {
                let wire = http::Wire::new(stream.unwrap().0);
                accepted += 1;
                match inner.options.resets_one_of {
                    one if one > 0 && accepted % one == 0 => wire.reset(),
                    _ => drop(connections.spawn(connection::serve(Arc::clone(&inner), wire))),
                }
            }
        }
    }
}

/// Binds a port again that was let go. Another connection may have taken it for its own end, but not for long.
pub(crate) async fn rebind(addr: SocketAddr) -> TcpListener {
    let mut tries = 0;
    loop {
        match TcpListener::bind(addr).await {
            Ok(listener) => return listener,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < 500 => tries += 1,
            Err(error) => panic!("cannot bind {addr} again: {error}"),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

impl Inner {
    /// Changes and notes what is about to be forwarded.
    fn pass(&self, request: &mut http::Message) {
        if self.options.rotates_tokens {
            let token = self.tokens.fetch_add(1, Ordering::Relaxed);
            request.set_header("authorization", format!("Bearer {token}"));
        }
        if self.options.records {
            self.forwarded.lock().unwrap().push(request.clone());
        }
    }

    /// Waits until the test lets go of what hangs.
    async fn released(&self) {
        drop(self.released.subscribe().wait_for(|released| *released).await);
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("upstream", &self.upstream).field("plan", &self.plan).finish_non_exhaustive()
    }
}
