//! A process that is told to end: it finishes what runs, then exits in peace.

use std::env;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use rpc::{Client, Limits, Server};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::shutdown::refused;

/// Is set for the child, so that nobody else runs it.
const CHILD: &str = "RPC_TEST_CHILD";

#[tokio::test]
#[ignore = "is the child process of the other tests here, which start it"]
async fn child() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let mut limits = Limits::default();
    limits.shutdown_delay = Duration::ZERO;
    let server = Server::builder()
        .limits(limits)
        .method("wait", || async {
            println!("\nrunning");
            // The parent says when the call may end.
            tokio::io::stdin().read_u8().await.unwrap()
        })
        .build();
    let bound = server.bind("127.0.0.1:0").await.unwrap();
    println!("\nlistening {}", bound.local_addr());
    bound.serve().await;
    println!("\ndrained");
}

/// Is this test binary, run once more as the child.
struct Process {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start() -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "signals::child", "--ignored", "--nocapture"])
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, stdin, lines }
    }

    /// Reads on to the line that begins like this, and returns the rest of it.
    async fn line(&mut self, start: &str) -> String {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
        }
        panic!("the child ended before it said {start:?}");
    }

    async fn signal(&self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        let status = Command::new("sh").args(["-c", r#"kill -s "$0" "$1""#, signal, &pid]).status().await.unwrap();
        assert!(status.success());
    }
}

async fn assert_ends_in_peace(signal: &str) {
    let mut process = Process::start();
    let addr: SocketAddr = process.line("listening ").await.parse().unwrap();
    let client = Client::new(format!("http://{addr}")).unwrap();
    let call = tokio::spawn(client.call::<u8>("wait", ()).into_future());
    process.line("running").await;

    process.signal(signal).await;
    // The signal has arrived once nothing listens any more.
    refused(addr).await;
    process.stdin.write_all(b"7").await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), b'7');
    process.line("drained").await;
    assert!(process.child.wait().await.unwrap().success());
}

#[tokio::test]
async fn sigterm_lets_a_running_call_finish_and_ends_the_process_in_peace() {
    assert_ends_in_peace("TERM").await;
}

#[tokio::test]
async fn ctrl_c_lets_a_running_call_finish_and_ends_the_process_in_peace() {
    assert_ends_in_peace("INT").await;
}

#[tokio::test]
async fn a_second_sigterm_cuts_the_drain_short() {
    let mut process = Process::start();
    let addr: SocketAddr = process.line("listening ").await.parse().unwrap();
    let client = Client::new(format!("http://{addr}")).unwrap();
    let call = tokio::spawn(client.call::<u8>("wait", ()).into_future());
    process.line("running").await;

    process.signal("TERM").await;
    refused(addr).await;
    assert!(!call.is_finished(), "the call still runs");
    process.signal("TERM").await;
    // The drain would take 30 s, and the call is never told to end.
    let drained = tokio::time::timeout(Duration::from_secs(15), process.line("drained")).await;
    assert!(drained.is_ok(), "the second signal is not heard");
    // A read of standard input cannot be cut short, so the process is only gone when that ends.
    drop(process.stdin);
    assert!(process.child.wait().await.unwrap().success());
    assert!(call.await.unwrap().unwrap_err().failure().unwrap().is_transport());
}
