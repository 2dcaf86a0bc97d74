//! The server in a process of its own, which can be killed and started again at the same port.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::proxy::rebind;
use crate::server::{self, Ledger};

/// Names the file of the child's ledger, and so is set for the child alone.
const LEDGER: &str = "RPC_TEST_CHILD_LEDGER";
/// Names the address that the child listens at.
const ADDR: &str = "RPC_TEST_CHILD_ADDR";

#[tokio::test]
#[ignore = "is the child process of the other tests, which start it"]
async fn serves_until_it_is_killed() {
    let Some(path) = env::var_os(LEDGER) else { return };
    let addr: SocketAddr = env::var(ADDR).unwrap().parse().unwrap();
    if addr.port() != 0 {
        // Whoever has the port is about to let it go.
        drop(rebind(addr).await);
    }
    let server = server::builder(&Ledger::in_file(&PathBuf::from(path))).build();
    let bound = server.bind(addr).await.unwrap();
    println!("\nlistening {}", bound.local_addr());
    bound.serve().await;
}

/// Is this test binary, run once more as a server.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    addr: SocketAddr,
    path: Arc<Path>,
    child: Arc<Mutex<tokio::process::Child>>,
}

/// Is a file that is gone with the test.
#[derive(Debug)]
struct Path(PathBuf);

impl Drop for Path {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

impl Process {
    pub(crate) async fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("effects-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let (child, addr) = spawn(&path, "127.0.0.1:0".parse().unwrap()).await;
        Self { addr, path: Arc::new(Path(path)), child: Arc::new(Mutex::new(child)) }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::in_file(&self.path.0)
    }

    /// Kills the server where it stands, and starts it again at the same port.
    pub(crate) async fn restart(&self) {
        let mut child = self.child.lock().await;
        child.kill().await.unwrap();
        let (next, addr) = spawn(&self.path.0, self.addr).await;
        assert_eq!(addr, self.addr);
        *child = next;
    }

    /// Lets the server finish what runs, and end.
    pub(crate) async fn drain(&self) {
        let mut child = self.child.lock().await;
        let pid = child.id().unwrap().to_string();
        let status = Command::new("sh").args(["-c", r#"kill -s TERM "$0""#, &pid]).status().await.unwrap();
        assert!(status.success());
        assert!(child.wait().await.unwrap().success());
    }
}

async fn spawn(path: &std::path::Path, addr: SocketAddr) -> (tokio::process::Child, SocketAddr) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child::serves_until_it_is_killed", "--ignored", "--nocapture"])
        .env(LEDGER, path)
        .env(ADDR, addr.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some(addr) = line.strip_prefix("listening ") {
            let addr = addr.parse().unwrap();
            // What else it prints must find a reader.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (child, addr);
        }
    }
    panic!("the child ended before it listened");
}
