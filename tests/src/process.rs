//! A server in a process of its own: this test binary once more, so that its memory, its files and its time can be told from
//! ours.

use std::env;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use rpc::Server;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, stdin};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::raw_http::PATIENCE;

/// Is set for the child alone.
const CHILD: &str = "RPC_TEST_SERVER";
const LISTENING: &str = "listening ";

/// Tells whether this process is one that a test has started, and no run of all tests that are ignored.
pub fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

/// Serves in the child, which ends when its input does, so that it cannot outlive a parent that fails.
pub async fn serve<const N: usize>(servers: [Server; N]) {
    let mut addrs = String::new();
    for server in servers {
        let handle = server.bind("127.0.0.1:0").await.unwrap().spawn();
        addrs.push_str(&format!("{} ", handle.local_addr()));
    }
    println!("\n{LISTENING}{addrs}");
    stdin().read_to_end(&mut Vec::new()).await.unwrap();
}

/// Is the process of one or more servers, which ends when this is dropped.
pub struct Process<const N: usize> {
    pub addrs: [SocketAddr; N],
    pub pid: u32,
    /// How many files it has open that are no connections.
    idle_files: usize,
    _child: Child,
}

impl<const N: usize> Process<N> {
    /// Starts the test of this name, which is ignored and calls [`serve`].
    pub async fn start(test: &str) -> Self {
        Self::spawn(Command::new(env::current_exe().unwrap()), test).await
    }

    /// Starts the test in a process that may have so many files open.
    pub async fn start_with_files(test: &str, files: usize) -> Self {
        let mut command = Command::new("sh");
        let limited = format!(r#"ulimit -n {files}; exec "$0" "$@""#);
        command.args(["-c", &limited]).arg(env::current_exe().unwrap());
        Self::spawn(command, test).await
    }

    async fn spawn(mut command: Command, test: &str) -> Self {
        command.args(["--exact", test, "--ignored", "--nocapture"]).env(CHILD, "1");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = child.unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(addrs) = line.strip_prefix(LISTENING) {
                let addrs: Vec<_> = addrs.split_whitespace().map(|addr| addr.parse().unwrap()).collect();
                let (addrs, pid) = (addrs.try_into().unwrap(), child.id().unwrap());
                let mut process = Self { addrs, pid, idle_files: 0, _child: child };
                process.idle_files = process.open_files();
                // What else it prints must find a reader.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return process;
            }
        }
        panic!("the child ended before it listened");
    }

    /// Waits until the server has let go of all connections.
    pub async fn until_connections_are_closed(&self) {
        self.until_connections_are(PATIENCE, |open| open == 0).await;
    }

    /// Waits until this is so of the number of connections.
    pub async fn until_connections_are(&self, patience: Duration, is_so: impl Fn(usize) -> bool) {
        let start = Instant::now();
        loop {
            let open = self.connections();
            if is_so(open) {
                return;
            }
            assert!(start.elapsed() < patience, "the server has {open} connections open");
            // Nothing in another process can be waited for.
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Returns how many connections the server has.
    pub fn connections(&self) -> usize {
        self.open_files().saturating_sub(self.idle_files)
    }

    fn open_files(&self) -> usize {
        self.files().count()
    }

    /// Returns the numbers of the files that are open.
    pub fn files(&self) -> impl Iterator<Item = usize> {
        let files = fs::read_dir(format!("/proc/{}/fd", self.pid)).unwrap();
        files.map(|file| file.unwrap().file_name().to_str().unwrap().parse().unwrap())
    }

    /// Returns how many KiB of memory the process has of this kind, such as `RssAnon` or `VmHWM`.
    pub fn memory(&self, kind: &str) -> u64 {
        memory(self.pid, kind)
    }

    /// Returns how much time the process has had on processors, in ticks, which are a hundred a second.
    pub fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap();
        // The name of the program, which may contain anything, ends with the last bracket.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<_> = fields.split(' ').collect();
        let [user, system]: [u64; 2] = [11, 12].map(|field| fields[field].parse().unwrap());
        user + system
    }
}

/// Returns how many KiB of memory a process has of a kind.
pub fn memory(pid: u32, kind: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let held = status.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(':'));
    held.and_then(|held| held.trim().strip_suffix(" kB")?.parse().ok()).expect("Linux tells what a process holds")
}

/// Returns how many files we may open, and how many we may ask for.
fn limits() -> [u64; 2] {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut limits = files.split_whitespace().map(|limit| limit.parse().unwrap_or(u64::MAX));
    [limits.next().unwrap(), limits.next().unwrap()]
}

/// Sees to it that so many files may be open, in our children too. Where that cannot be, the test is skipped loudly, and
/// fails with `CI` set.
pub fn may_open(files: u64) -> bool {
    let [soft, hard] = limits();
    if soft < files {
        let limits = format!("--nofile={files}:{}", hard.max(files));
        let _ =
            std::process::Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &limits]).status();
    }
    let limit = self::limits()[0];
    let may = limit >= files;
    if !may {
        let needed = format!("this test needs {files} open files, and the limit is {limit}");
        assert!(env::var_os("CI").is_none(), "{needed}");
        // Directly to the standard error, as the output of tests that pass is not shown.
        std::io::stderr().write_all(format!("\n*** SKIPPED: {needed} (ulimit -n).\n").as_bytes()).unwrap();
    }
    may
}
