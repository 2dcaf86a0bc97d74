//! The command `rpc` with a server of jsonrpsee. Its package is built beforehand: `cargo build -p rpc-cli`.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use jsonrpsee::server::{Server, ServerHandle};
use jsonrpsee::types::{ErrorObjectOwned, Params};
use jsonrpsee::{Extensions, RpcModule};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Add {
    a: i64,
    b: i64,
}

/// A server of jsonrpsee. It counts the calls of `count`.
struct Peer {
    url: String,
    _handle: ServerHandle,
}

/// How a run of the command ended, and what it printed.
#[derive(Debug, PartialEq)]
struct Ended {
    exit: i32,
    stdout: String,
    stderr: String,
}

impl Peer {
    async fn start() -> Self {
        let mut module = RpcModule::new(AtomicU64::new(0));
        let add = |params: Params<'_>, _: &AtomicU64, _: &Extensions| {
            let Add { a, b } = params.parse()?;
            Ok::<_, ErrorObjectOwned>(a + b)
        };
        module.register_method("add", add).unwrap();
        let put = |params: Params<'_>, _: &AtomicU64, _: &Extensions| {
            let name: String = params.one()?;
            let error = ErrorObjectOwned::owned(1001, format!("no room for {name}"), Some(json!({ "name": name })));
            Err::<(), _>(error)
        };
        module.register_method("put", put).unwrap();
        module.register_method("count", |_, count, _| count.fetch_add(1, Ordering::Relaxed) + 1).unwrap();
        let server = Server::builder().build("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        Self { url, _handle: server.start(module) }
    }

    /// Runs a command with the address of the server behind its name.
    async fn rpc(&self, command: &str, args: &[&str], input: &str) -> Ended {
        let mut process = Command::new(binary());
        process.args([command, &self.url]).args(args);
        process.env("HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent").env("NO_PROXY", "*");
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = process.spawn().unwrap();
        process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        // The server runs on this thread.
        let output = tokio::task::spawn_blocking(|| process.wait_with_output()).await.unwrap().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        Ended { exit: output.status.code().unwrap(), stdout, stderr }
    }
}

/// Returns the binary `rpc` in the build directory of this test.
fn binary() -> PathBuf {
    let test = env::current_exe().unwrap();
    let binary = test.ancestors().nth(2).unwrap().join(format!("rpc{}", env::consts::EXE_SUFFIX));
    assert!(binary.is_file(), "{} does not exist: run `cargo build -p rpc-cli` first", binary.display());
    binary
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn result(stdout: &str) -> Ended {
    Ended { exit: 0, stdout: stdout.to_owned(), stderr: String::new() }
}

#[tokio::test]
async fn calls_are_answered_by_name_and_by_position() {
    let peer = Peer::start().await;
    assert_eq!(peer.rpc("call", &["add", "[2, 3]"], "").await, result("5\n"));
    assert_eq!(peer.rpc("call", &["add", "a=2", "b=3"], "").await, result("5\n"));
}

#[tokio::test]
async fn an_error_of_the_server_is_shown() {
    let peer = Peer::start().await;
    let ended = peer.rpc("call", &["put", r#"["piano"]"#], "").await;
    assert_eq!((ended.exit, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("no room for piano") && ended.stderr.contains("1001"), "{}", ended.stderr);
    let ended = peer.rpc("call", &["--json", "lost"], "").await;
    assert_eq!((ended.exit, &lines(&ended.stderr)[0]["error"]["code"]), (1, &json!(-32601)));
}

/// jsonrpsee takes notifications and runs no method for them.
#[tokio::test]
async fn a_notification_prints_nothing() {
    let peer = Peer::start().await;
    assert_eq!(peer.rpc("call", &["count", "--notify"], "").await, result(""));
    assert_eq!(peer.rpc("call", &["count"], "").await, result("1\n"));
}

#[tokio::test]
async fn a_batch_has_an_answer_for_each_line() {
    let peer = Peer::start().await;
    let input = r#"{"method": "add", "params": [2, 3], "id": "first"}
        {"method": "count", "notify": true}
        {"method": "put", "params": ["piano"]}"#;
    let ended = peer.rpc("batch", &["-"], input).await;
    let answers = lines(&ended.stdout);
    assert_eq!(answers[0], json!({ "line": 1, "id": "first", "result": 5 }));
    let last = answers.last().unwrap();
    assert_eq!(
        (&last["line"], &last["error"]["data"], &last["exit"]),
        (&json!(3), &json!({ "name": "piano" }), &json!(1))
    );
    assert_eq!((ended.exit, ended.stderr.as_str()), (1, ""));
    assert_eq!(peer.rpc("call", &["count"], "").await, result("1\n"));
}

#[tokio::test]
async fn a_bench_reports_the_calls_that_the_server_counted() {
    let peer = Peer::start().await;
    for (load, calls) in [(&["--callers=4"][..], 100), (&["--rate=1000"], 100), (&["--batch=10", "--callers=2"], 200)] {
        let before: u64 = peer.rpc("call", &["count"], "").await.stdout.trim().parse().unwrap();
        let requests = format!("--requests={calls}");
        let ended = peer.rpc("bench", &[&["count", "--yes", "--json", &requests], load].concat(), "").await;
        assert_eq!((ended.exit, ended.stderr.as_str()), (0, ""));
        assert_eq!(lines(&ended.stdout)[0]["results"], calls);
        let after: u64 = peer.rpc("call", &["count"], "").await.stdout.trim().parse().unwrap();
        assert_eq!(after - before - 1, calls);
    }
}

/// jsonrpsee has no such method. Its error shows that it is alive.
#[tokio::test]
async fn the_health_of_the_server_is_unknown() {
    let ended = Peer::start().await.rpc("health", &[], "").await;
    assert_eq!((ended.exit, &lines(&ended.stdout)[..]), (0, &[json!({ "status": "unknown" })][..]));
    assert!(ended.stderr.contains("rpc.health"), "{}", ended.stderr);
}
