//! The server: this test binary once more, as a process of its own.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rpc::health::Health;
use rpc::{Limits, Server};
use serde::de::IgnoredAny;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, stdin};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::raw_http::{PATIENCE, exchange, post};

/// Names the limits of the child that are not the defaults, and so is set for it alone.
const LIMITS: &str = "RPC_PROCESS_LIMITS";

pub(crate) const PING: &str = r#"{"jsonrpc":"2.0","method":"ping","id":1}"#;
pub(crate) const PONG: &str = r#"{"jsonrpc":"2.0","result":"pong","id":1}"#;
pub(crate) const WAIT: &str = r#"{"jsonrpc":"2.0","method":"wait","id":1}"#;
pub(crate) const WAITED: &str = r#"{"jsonrpc":"2.0","result":"done","id":1}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is the child process of the other tests, which start it"]
async fn serves() {
    let Ok(changes) = env::var(LIMITS) else { return };
    let bound = server(limits(&changes)).bind("127.0.0.1:0").await.unwrap();
    println!("\nlistening {}", bound.local_addr());
    bound.serve().await;
    println!("\nended");
    // The runtime would wait for the standard input, which is read by a thread.
    std::process::exit(0);
}

fn server(limits: Limits) -> Server {
    let (open, gate) = watch::channel(false);
    tokio::spawn(async move {
        // Any line of input lets the calls that wait go on.
        while let Ok(Some(_)) = BufReader::new(stdin()).lines().next_line().await {
            open.send_replace(true);
        }
    });
    let wait = move || {
        let mut gate = gate.clone();
        async move {
            println!("\nrunning");
            drop(gate.wait_for(|open| *open).await);
            "done"
        }
    };
    Server::builder()
        .limits(limits)
        .health(Health::new())
        .method("ping", || async { "pong" })
        .method("wait", wait.clone())
        .method("wait_with", move |_: IgnoredAny| wait())
        .method("text", |(bytes,): (usize,)| async move { "x".repeat(bytes) })
        .build()
}

/// Changes the defaults: names of limits and their values, of times in milliseconds.
fn limits(changes: &str) -> Limits {
    let mut limits = Limits::default();
    for change in changes.split_whitespace() {
        let (name, value) = change.split_once('=').unwrap();
        let value = value.parse().unwrap();
        let time = Duration::from_millis(value);
        match name {
            "shutdown_delay" => limits.shutdown_delay = time,
            "drain_timeout" => limits.drain_timeout = time,
            "handler_timeout" => limits.handler_timeout = time,
            "header_timeout" => limits.header_timeout = time,
            "body_timeout" => (limits.body_timeout, limits.body_progress_timeout) = (time, time),
            "write_progress_timeout" => limits.write_progress_timeout = time,
            "max_connections" => limits.max_connections = usize::try_from(value).unwrap(),
            "max_calls_in_flight" => limits.max_calls_in_flight = usize::try_from(value).unwrap(),
            other => panic!("the child knows no limit {other}"),
        }
    }
    limits
}

/// Is the server's process, which ends when this is dropped.
pub(crate) struct Process {
    pub(crate) addr: SocketAddr,
    pub(crate) pid: u32,
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) async fn start(limits: &str) -> Self {
        Self::start_with("", limits).await
    }

    /// Starts the server after a command of the shell, as one that limits it.
    pub(crate) async fn start_with(first: &str, limits: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!(r#"{first} exec "$0" --exact child::serves --ignored --nocapture"#)]);
        command.arg(env::current_exe().unwrap()).env(LIMITS, limits);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = child.unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addr = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut process = Self { addr, pid: child.id().unwrap(), child, stdin, lines };
        process.addr = process.line("listening ").await.parse().unwrap();
        process
    }

    /// Reads on to the line that begins like this, and returns the rest of it.
    pub(crate) async fn line(&mut self, start: &str) -> String {
        let read = timeout(PATIENCE, async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                if let Some(rest) = line.strip_prefix(start) {
                    return rest.trim().to_owned();
                }
            }
            panic!("the child ended before it said {start:?}");
        });
        read.await.unwrap_or_else(|_| panic!("the child does not say {start:?}"))
    }

    /// Lets the calls that wait go on.
    pub(crate) async fn open_gate(&mut self) {
        self.stdin.write_all(b"go on\n").await.unwrap();
    }

    pub(crate) async fn signal(&self, signal: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill -s {signal} {}", self.pid)]).status().await.unwrap();
        assert!(status.success());
    }

    /// Waits until the process has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("the process ends").unwrap()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) async fn assert_alive(&self) {
        let reply = exchange(self.addr, &post(PING.as_bytes())).await;
        assert_eq!((reply.status, reply.text()), (200, PONG));
    }

    pub(crate) fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid)).unwrap().count()
    }

    /// Returns how much time of a processor it has taken so far, in hundredths of a second.
    pub(crate) fn processor_time(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap();
        // Behind the name, which may hold blanks, the 12th and 13th are the times of user and kernel.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11..13].iter().map(|time| time.parse::<u64>().unwrap()).sum()
    }

    /// Returns the most memory that it has held at a time, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok()).expect("Linux tells the peak")
    }
}
