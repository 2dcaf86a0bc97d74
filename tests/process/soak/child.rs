//! The server, in a process of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use rpc::idempotency::MemoryStore;
use rpc::{Client, Context, Server};
use support::process;
use tokio::sync::watch;

/// How long a key is kept. It is short, so that keys expire during a test.
const KEY_TTL: Duration = Duration::from_secs(1);

/// The text of the handler's panic.
const PANIC: &str = "as the test wants it";

#[rpc::service(namespace = "soak")]
pub(crate) trait Soak {
    #[rpc(readonly)]
    async fn read(&self, number: u64) -> u64;

    /// Runs under a key, and returns its number.
    async fn once(&self, number: u64) -> u64;

    #[rpc(readonly)]
    async fn panics(&self, number: u64) -> u64;

    /// Performs one half of its effect, waits until its caller has left, and performs the other half.
    async fn transfer(&self, number: u64, #[rpc(context)] cx: &Context);

    /// Waits until this many transfers have begun.
    #[rpc(readonly)]
    async fn begun(&self, transfers: usize);

    /// Waits until no transfer is half done. Returns how many times each one began and ended.
    #[rpc(readonly)]
    async fn transfers(&self) -> Vec<Transfer>;
}

/// A number, how many times its transfer began, and how many times it ended.
pub(crate) type Transfer = (u64, u32, u32);

#[derive(Debug, Default)]
struct Accounts {
    halves: Mutex<HashMap<u64, [u32; 2]>>,
    changed: watch::Sender<()>,
}

impl Accounts {
    fn count(&self, number: u64, half: usize) {
        self.halves.lock().unwrap().entry(number).or_default()[half] += 1;
        self.changed.send_replace(());
    }

    /// Waits until this is true.
    async fn until(&self, is_so: impl Fn(&HashMap<u64, [u32; 2]>) -> bool) {
        let mut changes = self.changed.subscribe();
        while !is_so(&self.halves.lock().unwrap()) {
            changes.changed().await.unwrap();
        }
    }
}

impl Soak for Accounts {
    async fn read(&self, number: u64) -> u64 {
        number
    }

    async fn once(&self, number: u64) -> u64 {
        number
    }

    async fn panics(&self, _: u64) -> u64 {
        panic!("{PANIC}");
    }

    async fn transfer(&self, number: u64, cx: &Context) {
        self.count(number, 0);
        cx.cancelled().await;
        for _ in 0..number % 8 {
            tokio::task::yield_now().await;
        }
        self.count(number, 1);
    }

    async fn begun(&self, transfers: usize) {
        self.until(|halves| halves.len() >= transfers).await;
    }

    async fn transfers(&self) -> Vec<Transfer> {
        self.until(|halves| halves.values().all(|[begun, ended]| begun == ended)).await;
        self.halves.lock().unwrap().iter().map(|(number, [begun, ended])| (*number, *begun, *ended)).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is the child process of the other tests, which start it"]
async fn serves() {
    if !process::is_child() {
        return;
    }
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<String>().is_none_or(|text| text != PANIC) {
            print(info);
        }
    }));
    let server = Server::builder()
        .service(SoakServer::new(Accounts::default()))
        .idempotency_store(MemoryStore::new().ttl(KEY_TTL))
        .build();
    process::serve([server]).await;
}

/// The server's process. It ends when this is dropped.
pub(crate) struct Process {
    process: process::Process<1>,
    pub(crate) addr: SocketAddr,
    pub(crate) pid: u32,
}

impl Process {
    pub(crate) async fn start() -> Self {
        let process = process::Process::start(module_path!(), "serves").await;
        let ([addr], pid) = (process.addrs, process.pid);
        Self { process, addr, pid }
    }

    pub(crate) fn soak(&self) -> SoakClient {
        SoakClient::new(Client::new(format!("http://{}", self.addr)).unwrap())
    }

    /// Waits until the server has closed all connections.
    pub(crate) async fn until_connections_are_closed(&self) {
        self.process.until_connections_are_closed().await;
    }
}

/// Returns a call of a method that takes a number. Its id is the same number.
pub(crate) fn call(method: &str, number: u64) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":[{number}],"id":{number}}}"#)
}

/// Returns the answer to a call that returns its number.
pub(crate) fn result(number: u64) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":{number},"id":{number}}}"#)
}
