//! A proxy over real sockets. It applies the faults of a [`Plan`] to requests and answers, and changes nothing else.

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

/// A function that runs between an effect and its answer.
pub(crate) type Hook = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// A proxy between clients and a server. It ends when this is dropped.
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
    /// Whether hanging requests are released.
    released: watch::Sender<bool>,
    outages: mpsc::UnboundedSender<Duration>,
    tokens: AtomicU64,
    /// The forwarded requests, as they were forwarded.
    forwarded: Mutex<Vec<http::Message>>,
}

/// What a proxy does apart from its plan.
#[derive(Default)]
pub(crate) struct Options {
    /// Whether each request gets another bearer token.
    pub(crate) rotates_tokens: bool,
    /// Whether the proxy keeps forwarded requests, for the test to read.
    pub(crate) records: bool,
    pub(crate) gateway: Gateway,
    /// Resets one of this many connections as soon as it is accepted. 0 resets none.
    pub(crate) resets_one_of: u64,
    /// The hook for [`Fault::Kill`](crate::reliability::plan::Fault::Kill).
    pub(crate) hook: Option<Hook>,
}

/// How a proxy changes the ids of calls. Answers get the original ids back.
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

    /// Releases all hanging requests, now and later.
    pub(crate) fn release(&self) {
        self.inner.released.send_replace(true);
    }

    /// Returns the requests forwarded so far, if they are recorded.
    pub(crate) fn forwarded(&self) -> Vec<http::Message> {
        self.inner.forwarded.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts connections, except during the outages that are requested. Open connections continue during an outage.
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

/// Binds a port that was released. Another connection may use the port as its local one, but not for long.
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
    /// Changes and records a request that is about to be forwarded.
    fn pass(&self, request: &mut http::Message) {
        if self.options.rotates_tokens {
            let token = self.tokens.fetch_add(1, Ordering::Relaxed);
            request.set_header("authorization", format!("Bearer {token}"));
        }
        if self.options.records {
            self.forwarded.lock().unwrap().push(request.clone());
        }
    }

    /// Waits until the test releases hanging requests.
    async fn released(&self) {
        drop(self.released.subscribe().wait_for(|released| *released).await);
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("upstream", &self.upstream).field("plan", &self.plan).finish_non_exhaustive()
    }
}
