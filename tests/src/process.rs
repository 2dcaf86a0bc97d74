//! A server in a process of its own, so that its memory, files and time can be told from the test's.

use std::env;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use rpc::Server;
use tokio::io::{AsyncReadExt, stdin};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::child::{self, Child};
use crate::raw_http::TEST_TIMEOUT;

/// Set only for the child.
const CHILD: &str = "RPC_TEST_SERVER";

/// Returns whether a test has started this process. A run of all ignored tests returns false.
pub fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

/// Serves in the child. The child ends when its input ends, so it cannot outlive a parent that fails.
pub async fn serve<const N: usize>(servers: [Server; N]) {
    let mut addrs = Vec::new();
    for server in servers {
        addrs.push(crate::serve(&server).await.to_string());
    }
    child::say(format_args!("listening {}", addrs.join(" ")));
    stdin().read_to_end(&mut Vec::new()).await.unwrap();
}

/// The process of one or more servers. It ends when this is dropped.
#[derive(Debug)]
pub struct Process<const N: usize> {
    pub addrs: [SocketAddr; N],
    pub pid: u32,
    /// How many open files are not connections.
    idle_files: usize,
    child: Child,
}

impl<const N: usize> Process<N> {
    /// Starts a test that calls [`serve`] and is ignored. `module` is its `module_path!()`.
    pub async fn start(module: &str, test: &str) -> Self {
        Self::spawn(child::command(module, test)).await
    }

    /// Starts the test in a process with this limit of open files.
    pub async fn start_with_files(module: &str, test: &str, files: usize) -> Self {
        let unlimited = child::command(module, test);
        let mut command = Command::new("sh");
        command.args(["-c", &format!(r#"ulimit -n {files}; exec "$0" "$@""#)]);
        command.arg(unlimited.as_std().get_program()).args(unlimited.as_std().get_args());
        Self::spawn(command).await
    }

    async fn spawn(mut command: Command) -> Self {
        command.env(CHILD, "1");
        let mut child = Child::spawn(command);
        let addrs: Vec<_> = child.line("listening ").await.split(' ').map(|addr| addr.parse().unwrap()).collect();
        let mut process = Self { addrs: addrs.try_into().unwrap(), pid: child.id(), idle_files: 0, child };
        process.idle_files = process.open_files();
        process
    }

    /// Ends the process by closing its input.
    ///
    /// # Panics
    ///
    /// If the process has failed.
    pub async fn end(mut self) {
        self.child.close_input();
        assert!(self.child.ended().await.success());
    }

    /// Waits until the server has closed all connections.
    pub async fn until_connections_are_closed(&self) {
        self.until_connections_are(TEST_TIMEOUT, |open| open == 0).await;
    }

    /// Waits until this is true for the number of connections.
    pub async fn until_connections_are(&self, patience: Duration, is_so: impl Fn(usize) -> bool) {
        let start = Instant::now();
        loop {
            let open = self.connections();
            if is_so(open) {
                return;
            }
            assert!(start.elapsed() < patience, "the server has {open} connections open");
            // The test gets no notification from the other process, so it polls.
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Returns how many open connections the server has.
    pub fn connections(&self) -> usize {
        self.open_files().saturating_sub(self.idle_files)
    }

    fn open_files(&self) -> usize {
        self.files().count()
    }

    /// Returns the numbers of the open files.
    pub fn files(&self) -> impl Iterator<Item = usize> {
        let files = fs::read_dir(format!("/proc/{}/fd", self.pid)).unwrap();
        files.map(|file| file.unwrap().file_name().to_str().unwrap().parse().unwrap())
    }

    /// Returns how much memory of this kind the process has, in KiB. Kinds are `RssAnon`, `VmHWM` and others.
    pub fn memory(&self, kind: &str) -> u64 {
        memory(self.pid, kind)
    }

    /// Returns the CPU time of the process, in ticks of a hundredth of a second.
    pub fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap();
        // The name of the program can contain anything. It ends with the last bracket.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<_> = fields.split(' ').collect();
        let [user, system]: [u64; 2] = [11, 12].map(|field| fields[field].parse().unwrap());
        user + system
    }
}

/// Returns how much memory of a kind a process has, in KiB.
pub fn memory(pid: u32, kind: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let held = status.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(':'));
    held.and_then(|held| held.trim().strip_suffix(" kB")?.parse().ok()).expect("Linux tells what a process holds")
}

/// Returns the soft and the hard limit of open files.
fn limits() -> [u64; 2] {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut limits = files.split_whitespace().map(|limit| limit.parse().unwrap_or(u64::MAX));
    [limits.next().unwrap(), limits.next().unwrap()]
}

/// Raises the limit of open files to this number, also for child processes. Returns whether that worked. If not, the
/// test is skipped with a message.
///
/// # Panics
///
/// If that does not work and the environment has `CI`, where no test may be skipped.
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
        // Written directly to standard error, because the output of passing tests is not shown.
        std::io::stderr().write_all(format!("\n*** SKIPPED: {needed} (ulimit -n).\n").as_bytes()).unwrap();
    }
    may
}
