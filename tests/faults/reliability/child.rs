//! The server in a process of its own. It can be killed and started again at the same port.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rpc::Limits;
use rpc::idempotency::PostgresStore;
use support::child::{self, Child};
use support::postgres::Postgres;
use tokio::sync::Mutex;

use crate::reliability::proxy::rebind;
use crate::reliability::server::{self, Ledger};
use crate::reliability::store::Brief;

/// The file of the child's ledger. Only the child has this variable, so other runs skip the test.
const LEDGER: &str = "RPC_TEST_CHILD_LEDGER";
/// How the child connects to its store, if the store must outlive the child.
const STORE: &str = "RPC_TEST_CHILD_STORE";
/// The address at which the child listens.
const ADDR: &str = "RPC_TEST_CHILD_ADDR";

#[tokio::test]
#[ignore = "is the child process of the other tests, which start it"]
async fn serves_until_it_is_killed() {
    let Some(path) = env::var_os(LEDGER) else { return };
    let addr: SocketAddr = env::var(ADDR).unwrap().parse().unwrap();
    if addr.port() != 0 {
        // Another socket may still hold the port, and is about to release it.
        drop(rebind(addr).await);
    }
    let mut limits = Limits::default();
    // No load balancer needs time before the drain.
    limits.shutdown_delay = Duration::ZERO;
    let server = server::builder(&Ledger::in_file(Path::new(&path))).limits(limits);
    let server = match env::var(STORE) {
        Ok(config) => server.idempotency_store(Brief(PostgresStore::connect(&config).await.unwrap())),
        Err(_) => server,
    };
    let server = server.build();
    let bound = server.bind(addr).await.unwrap();
    child::say(format_args!("listening {}", bound.local_addr()));
    bound.serve().await;
}

/// This test binary, run again as a server.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    addr: SocketAddr,
    files: Arc<Files>,
    child: Arc<Mutex<Child>>,
}

/// What outlives the child. The ledger is deleted at the end of the test.
#[derive(Debug)]
struct Files {
    ledger: PathBuf,
    store: Option<String>,
}

impl Drop for Files {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.ledger));
    }
}

impl Process {
    /// Starts a server with a store in its memory, so each start has another store.
    pub(crate) async fn start() -> Self {
        Self::with_store(None).await
    }

    /// Starts a server with its store in this database. The store outlives the server.
    pub(crate) async fn on(postgres: &Postgres) -> Self {
        Self::with_store(Some(postgres.config())).await
    }

    async fn with_store(store: Option<String>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("effects-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let ledger = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let files = Files { ledger, store };
        let (child, addr) = files.spawn(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        Self { addr, files: Arc::new(files), child: Arc::new(Mutex::new(child)) }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::in_file(&self.files.ledger)
    }

    /// Kills the server at once, and starts it again at the same port.
    pub(crate) async fn restart(&self) {
        let mut child = self.child.lock().await;
        child.kill().await;
        let (next, addr) = self.files.spawn(self.addr).await;
        assert_eq!(addr, self.addr);
        *child = next;
    }

    /// Lets the server finish the calls in flight, and end.
    pub(crate) async fn drain(&self) {
        let mut child = self.child.lock().await;
        child.signal("TERM").await;
        assert!(child.ended().await.success());
    }
}

impl Files {
    async fn spawn(&self, addr: SocketAddr) -> (Child, SocketAddr) {
        let mut command = child::command(module_path!(), "serves_until_it_is_killed");
        command.env(LEDGER, &self.ledger).env(ADDR, addr.to_string());
        if let Some(store) = &self.store {
            command.env(STORE, store);
        }
        let mut child = Child::spawn(command);
        let addr = child.line("listening ").await.parse().unwrap();
        (child, addr)
    }
}
