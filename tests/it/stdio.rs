//! Servers on standard input and output, in processes of their own.

use std::process::{ExitStatus, Stdio};

use rpc::Server;
use serde_json::{Value, json};
use support::raw_http::TEST_TIMEOUT;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, duplex, split};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// A server in a process of its own, which is killed when this is dropped.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    errors: BufReader<ChildStderr>,
}

impl Process {
    fn start(framing: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stdio-server"));
        command.arg(framing).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let errors = BufReader::new(child.stderr.take().unwrap());
        Self { child, input, output, errors }
    }

    async fn send(&mut self, bytes: &str) {
        self.input.as_mut().unwrap().write_all(bytes.as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> Value {
        let mut line = String::new();
        timeout(TEST_TIMEOUT, self.output.read_line(&mut line)).await.expect("a line comes").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?} is a message"))
    }

    /// Waits until a handler says that it waits.
    async fn until_waiting(&mut self) {
        let mut line = String::new();
        timeout(TEST_TIMEOUT, self.errors.read_line(&mut line)).await.expect("the handler begins").unwrap();
        assert_eq!(line, "waiting\n");
    }

    #[cfg(unix)]
    async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("sh").args(["-c", r#"kill -s "$0" "$1""#, name, &id]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Waits for the end. Returns the rest of the output, too.
    async fn ended(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        timeout(TEST_TIMEOUT, self.output.read_to_string(&mut rest)).await.expect("the output ends").unwrap();
        (timeout(TEST_TIMEOUT, self.child.wait()).await.expect("the process ends").unwrap(), rest)
    }
}

const ECHO: &str = r#"{"jsonrpc":"2.0","method":"echo","params":["a"],"id":1}"#;
const ECHOED: &str = r#"{"jsonrpc":"2.0","result":"a","id":1}"#;

#[tokio::test]
async fn piped_calls_are_answered_before_the_process_ends() {
    let with_length = format!("Content-Length: {}\r\n\r\n{ECHO}", ECHO.len());
    let answer_with_length = format!("Content-Length: {}\r\n\r\n{ECHOED}", ECHOED.len());
    for (framing, input, output) in [
        ("lines", format!("{ECHO}\n"), format!("{ECHOED}\n")),
        ("lines", ECHO.to_owned(), format!("{ECHOED}\n")),
        ("lines", format!("{ECHO}\n").repeat(500), format!("{ECHOED}\n").repeat(500)),
        ("lengths", with_length.clone(), answer_with_length.clone()),
        ("lengths", with_length.repeat(500), answer_with_length.repeat(500)),
        ("lines", String::new(), String::new()),
    ] {
        let mut process = Process::start(framing);
        process.send(&input).await;
        process.input = None;
        let (status, written) = process.ended().await;
        assert!(status.success(), "{status}");
        assert_eq!(written, output);
    }
}

#[tokio::test]
async fn large_answer_is_written_to_its_end() {
    let mut process = Process::start("lines");
    process.send(r#"{"jsonrpc":"2.0","method":"large","id":1}"#).await;
    process.input = None;
    let (status, written) = process.ended().await;
    assert!(status.success() && written.len() > 1 << 20 && written.ends_with("\n"), "{status} {}", written.len());
}

#[cfg(unix)]
#[tokio::test]
async fn signal_drains_a_server_whose_input_stays_open() {
    for signal in ["TERM", "INT"] {
        let mut process = Process::start("lines");
        process.send("{\"jsonrpc\":\"2.0\",\"method\":\"silent\",\"id\":1}\n").await;
        assert_eq!(process.line().await["method"], "rpc.accepted");
        if signal == "TERM" {
            process.send("{\"jsonrpc\":\"2.0\",\"method\":\"until_told\",\"id\":2}\n").await;
            process.until_waiting().await;
        }
        process.signal(signal).await;
        let mut answers = vec![process.line().await];
        if signal == "TERM" {
            answers.push(process.line().await);
            answers.sort_by_key(|answer| answer["id"].as_u64());
            assert_eq!(answers[1], json!({"jsonrpc": "2.0", "result": "told", "id": 2}));
        }
        assert_eq!(answers[0]["error"]["data"]["reason"], "draining");
        let (status, rest) = process.ended().await;
        assert!(status.success() && rest.is_empty(), "{status} {rest}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn second_signal_ends_the_process_at_once() {
    let mut process = Process::start("lines");
    process.send("{\"jsonrpc\":\"2.0\",\"method\":\"silent\",\"id\":1}\n").await;
    assert_eq!(process.line().await["method"], "rpc.accepted");
    process.send("{\"jsonrpc\":\"2.0\",\"method\":\"hang\",\"id\":2}\n").await;
    process.until_waiting().await;
    process.signal("INT").await;
    assert_eq!(process.line().await["error"]["data"]["reason"], "draining");
    process.signal("INT").await;
    let (status, rest) = process.ended().await;
    assert!(status.success() && rest.is_empty(), "{status} {rest}");
}

#[tokio::test]
async fn broken_pipe_ends_the_process_quietly() {
    let mut process = Process::start("lines");
    process.send(&format!("{ECHO}\n")).await;
    assert_eq!(process.line().await["result"], "a");
    let Process { mut child, mut input, output, mut errors } = process;
    drop(output);
    // The writes fail once the process has ended.
    let mut input = input.take().unwrap();
    let written = async { while input.write_all(format!("{ECHO}\n").as_bytes()).await.is_ok() {} };
    timeout(TEST_TIMEOUT, written).await.expect("the process ends");
    assert!(timeout(TEST_TIMEOUT, child.wait()).await.unwrap().unwrap().success());
    let mut said = String::new();
    errors.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "");
}

#[tokio::test]
async fn parent_that_reads_nothing_does_not_keep_the_process() {
    let mut process = Process::start("lines");
    let written = async {
        let input = process.input.as_mut().unwrap();
        while input.write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"large\",\"id\":1}\n").await.is_ok() {}
    };
    timeout(TEST_TIMEOUT, written).await.expect("the process ends");
    timeout(TEST_TIMEOUT, process.child.wait()).await.expect("the process ends").unwrap();
}

#[tokio::test]
async fn failure_of_the_input_is_the_result() {
    struct Broken;
    impl tokio::io::AsyncRead for Broken {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            std::task::Poll::Ready(Err(std::io::Error::other("the disk is gone")))
        }
    }
    let server = Server::builder().build();
    let error = server.over(Broken, tokio::io::sink()).await.unwrap_err();
    assert_eq!(error.to_string(), "the disk is gone");
}

#[tokio::test]
async fn connection_of_streams_ends_by_a_future() {
    let server = Server::builder().method("echo", |(text,): (String,)| async move { text }).build();
    let (peer, stream) = duplex(1024);
    let (reader, writer) = split(stream);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(server.over(reader, writer).serve_until(async { drop(stopped.await) }));
    let mut peer = BufReader::new(peer);
    peer.write_all(format!("{ECHO}\n").as_bytes()).await.unwrap();
    let mut line = String::new();
    peer.read_line(&mut line).await.unwrap();
    assert_eq!(line, format!("{ECHOED}\n"));
    drop(stop);
    assert_eq!(peer.read_line(&mut line).await.unwrap(), 0);
    drop(peer);
    timeout(TEST_TIMEOUT, served).await.unwrap().unwrap().unwrap();
}
