//! The server: this test binary once more, as a process of its own, so that its memory can be told from ours.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use rpc::idempotency::MemoryStore;
use rpc::{Client, Context, Server};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, stdin};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::raw_http::PATIENCE;

/// Is set for the child alone.
const CHILD: &str = "RPC_SOAK_CHILD";
const LISTENING: &str = "listening ";

/// How long a key is kept: so short that keys come and go during a test.
const KEY_TTL: Duration = Duration::from_secs(1);

/// What the handler says that panics.
const PANIC: &str = "as the test wants it";

#[rpc::service(namespace = "soak")]
pub(crate) trait Soak {
    #[rpc(readonly)]
    async fn read(&self, number: u64) -> u64;

    /// Runs under a key.
    async fn once(&self, number: u64) -> u64;

    #[rpc(readonly)]
    async fn panics(&self, number: u64) -> u64;

    /// Does one half of its effect, waits until its caller is gone, and does the other half.
    async fn transfer(&self, number: u64, #[rpc(context)] cx: &Context);

    /// Waits until so many transfers have begun.
    #[rpc(readonly)]
    async fn begun(&self, transfers: usize);

    /// Waits until no transfer is half done, and returns how often each one was begun and was ended.
    #[rpc(readonly)]
    async fn transfers(&self) -> Vec<Transfer>;
}

/// Is a number, how often its transfer was begun, and how often ended.
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

    /// Waits until this is so.
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

/// Ends when its input does, so that it cannot outlive a parent that fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is the child process of the other tests, which start it"]
async fn serves() {
    if env::var_os(CHILD).is_none() {
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
    let handle = server.bind("127.0.0.1:0").await.unwrap().spawn();
    println!("\n{LISTENING}{}", handle.local_addr());
    stdin().read_to_end(&mut Vec::new()).await.unwrap();
}

/// Is the server's process, which ends when this is dropped.
pub(crate) struct Process {
    pub(crate) addr: SocketAddr,
    pub(crate) pid: u32,
    /// How many files it has open that are no connections.
    idle_files: usize,
    _child: Child,
}

impl Process {
    pub(crate) async fn start() -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "child::serves", "--ignored", "--nocapture"]).env(CHILD, "1");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = child.unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(addr) = line.strip_prefix(LISTENING) {
                let pid = child.id().unwrap();
                let mut process = Self { addr: addr.parse().unwrap(), pid, idle_files: 0, _child: child };
                process.idle_files = process.open_files();
                // What else it prints must find a reader.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return process;
            }
        }
        panic!("the child ended before it listened");
    }

    pub(crate) fn soak(&self) -> SoakClient {
        SoakClient::new(Client::new(format!("http://{}", self.addr)).unwrap())
    }

    /// Waits until the server has let go of all connections.
    pub(crate) async fn until_connections_are_closed(&self) {
        let start = Instant::now();
        while self.open_files() > self.idle_files {
            assert!(start.elapsed() < PATIENCE, "{} files are open", self.open_files());
            // Nothing in another process can be waited for.
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid)).unwrap().count()
    }
}

/// Writes a call of a method that takes a number. Its id is the same number.
pub(crate) fn call(method: &str, number: u64) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":[{number}],"id":{number}}}"#)
}

/// Writes the answer to a call that returns its number.
pub(crate) fn result(number: u64) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":{number},"id":{number}}}"#)
}
