//! curl at our server: how each side handles the other's HTTP.

use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::{Value, json};
use support::foreign::{TEST_TIMEOUT, curl};
use support::serve;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::shelf::server;

/// What curl reports about an exchange.
#[derive(Debug)]
struct Reply {
    status: u16,
    content_type: String,
    body: String,
    /// The HTTP version of the exchange.
    version: String,
    /// How many bytes of the body were sent.
    uploaded: u64,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The lines that curl writes after each answer. The body comes before the first of them.
const TOLD: &str = "\n%{http_code}\n%{content_type}\n%{http_version}\n%{size_upload}\n";

/// Runs curl with these arguments and this input. Returns `None` if curl is not installed.
async fn run(addr: SocketAddr, args: &[&str], input: &[u8]) -> Option<Reply> {
    let mut command = curl()?;
    let url = format!("http://{addr}");
    // `URL` stands for the server's address. If no argument has it, the address is the last argument.
    command.args(args.iter().map(|arg| arg.replace("URL", &url)));
    if !args.iter().any(|arg| arg.contains("URL")) {
        command.arg(url);
    }
    let mut child = command
        .args(["--write-out", TOLD])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // curl stops reading its input once the server rejects the request.
    let _ = child.stdin.take().unwrap().write_all(input).await;
    let output = timeout(TEST_TIMEOUT, child.wait_with_output()).await.expect("curl does not hang").unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut told = text.trim_end_matches('\n').rsplitn(5, '\n');
    let mut next = || told.next().unwrap().to_owned();
    let (uploaded, version, content_type, status) = (next(), next(), next(), next());
    Some(Reply {
        status: status.parse().unwrap(),
        content_type,
        body: next(),
        version,
        uploaded: uploaded.parse().unwrap(),
    })
}

const JSON: &str = "content-type: application/json";

/// Posts this message, with more arguments.
async fn post(addr: SocketAddr, body: &str, args: &[&str]) -> Option<Reply> {
    let args: Vec<_> = ["--header", JSON, "--data-binary", "@-"].into_iter().chain(args.iter().copied()).collect();
    run(addr, &args, body.as_bytes()).await
}

/// A call with the result 5.
const ADD: &str = r#"{"jsonrpc":"2.0","method":"shelf.add","params":[2,3],"id":"a"}"#;
const ADDED: &str = r#"{"jsonrpc":"2.0","result":5,"id":"a"}"#;

#[tokio::test]
async fn what_is_answered_in_json_rpc_has_status_200() {
    let addr = serve(&server()).await;
    for (message, answer) in [
        (ADD, ADDED),
        (
            r#"{"jsonrpc":"2.0","method":"shelf.lost","id":1}"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}"#,
        ),
        (
            r#"[{"jsonrpc":"2.0","method":"shelf.add","params":{"a":1,"b":1},"id":1},{"jsonrpc":"2.0","method":"shelf.notes","id":2}]"#,
            r#"[{"jsonrpc":"2.0","result":2,"id":1},{"jsonrpc":"2.0","result":[],"id":2}]"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"shelf.put","params":["piano",101],"id":null}"#,
            r#"{"jsonrpc":"2.0","error":{"code":1001,"message":"no room for piano","data":{"name":"piano"}},"id":null}"#,
        ),
    ] {
        let Some(reply) = post(addr, message, &[]).await else { return };
        assert_eq!((reply.status, &*reply.content_type, &*reply.body), (200, "application/json", answer));
    }
}

#[tokio::test]
async fn a_notification_has_an_empty_answer_with_status_200() {
    let addr = serve(&server()).await;
    let note = r#"{"jsonrpc":"2.0","method":"shelf.note","params":["noted"]}"#;
    for message in [note.to_owned(), format!("[{note},{note}]")] {
        let Some(reply) = post(addr, &message, &[]).await else { return };
        assert_eq!((reply.status, &*reply.content_type, &*reply.body), (200, "", ""));
    }
    let notes = post(addr, r#"{"jsonrpc":"2.0","method":"shelf.notes","id":1}"#, &[]).await.unwrap();
    assert_eq!(notes.json()["result"], json!(["noted", "noted", "noted"]));
}

#[tokio::test]
async fn what_is_refused_in_http_says_why_in_json_rpc() {
    let addr = serve(&server()).await;
    let cases: [(&[&str], u16, &str); 8] = [
        // This is the content type that curl sends by default.
        (&["--data", ADD], 415, "content type"),
        (&["--header", "content-type: text/plain", "--data", ADD], 415, "content type"),
        (&["--header", "content-type:", "--data", ADD], 415, "content type"),
        (&["--header", JSON, "--header", "content-encoding: gzip", "--data", ADD], 415, "content encoding"),
        (&["--header", JSON, "--header", "origin: https://page.example", "--data", ADD], 403, "origin"),
        (&["--request", "PUT", "--header", JSON, "--data", ADD], 405, "POST"),
        (&["--header", JSON, "--data", ADD, "URL/elsewhere"], 404, "path"),
        (&["URL/elsewhere"], 404, "path"),
    ];
    for (args, status, reason) in cases {
        let Some(reply) = run(addr, args, b"").await else { return };
        assert_eq!((reply.status, &*reply.content_type), (status, "application/json"), "{args:?}");
        let answer = reply.json();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &Value::Null), "{args:?}");
        assert!(answer["error"]["data"].as_str().unwrap().contains(reason), "{args:?}: {answer}");
    }
}

#[tokio::test]
async fn head_tells_of_the_store_of_keys() {
    let Some(reply) = run(serve(&server()).await, &["--head"], b"").await else { return };
    assert_eq!(reply.status, 200);
    assert!(reply.body.contains("\r\nrpc-idempotency: store="), "{reply:?}");
}

#[tokio::test]
async fn each_version_of_http_is_spoken() {
    let addr = serve(&server()).await;
    // With `--http2`, curl asks to upgrade to HTTP/2. A server may ignore that.
    let cases = [("--http1.0", "1"), ("--http1.1", "1.1"), ("--http2-prior-knowledge", "2"), ("--http2", "1.1")];
    for (version, spoken) in cases {
        let Some(reply) = post(addr, ADD, &[version]).await else { return };
        assert_eq!((reply.status, &*reply.body), (200, ADDED), "{version}");
        assert_eq!(reply.version, spoken);
    }
}

/// Returns an echo call of this many bytes, and its answer.
fn echo(length: usize) -> (String, String) {
    let text = "x".repeat(length);
    let call = format!(r#"{{"jsonrpc":"2.0","method":"shelf.echo","params":["{text}"],"id":1}}"#);
    (call, format!(r#"{{"jsonrpc":"2.0","result":"{text}","id":1}}"#))
}

#[tokio::test]
async fn a_large_body_comes_after_100_continue_and_in_chunks() {
    let addr = serve(&server()).await;
    let (call, answer) = echo(3 << 20);
    let expect: &[&str] = &["--header", "expect: 100-continue", "--expect100-timeout", "60"];
    let chunked = &["--header", "transfer-encoding: chunked"];
    for args in [expect, chunked, &[expect, chunked].concat(), &["--http2-prior-knowledge"]] {
        let Some(reply) = post(addr, &call, args).await else { return };
        assert_eq!(reply.status, 200, "{args:?}");
        assert!(reply.body == answer, "{args:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_refused_by_its_head_is_not_asked_for() {
    let addr = serve(&server()).await;
    let (call, _) = echo(3 << 20);
    let (large, _) = echo(5 << 20);
    let expect = ["--header", "expect: 100-continue", "--expect100-timeout", "60", "--data-binary", "@-"];
    for (content_type, body, status) in [("text/plain", call, 415), ("application/json", large, 413)] {
        let header = format!("content-type: {content_type}");
        let args = [&["--header", &header], &expect[..]].concat();
        let Some(reply) = run(addr, &args, body.as_bytes()).await else { return };
        assert_eq!((reply.status, reply.uploaded), (status, 0), "{content_type}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_whatever_is_sent_of_it() {
    let addr = serve(&server()).await;
    let (large, _) = echo(5 << 20);
    // Without this header, curl waits a second for `100 Continue`.
    let at_once = ["--header", "expect:"];
    let chunked = ["--header", "expect:", "--header", "transfer-encoding: chunked"];
    for args in [&at_once[..], &chunked, &["--http2-prior-knowledge"]] {
        let Some(reply) = post(addr, &large, args).await else { return };
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (413, &json!(-32090)), "{args:?}");
    }
}

#[tokio::test]
async fn a_connection_is_used_again_after_answers_and_refusals() {
    let addr = serve(&server()).await;
    let refused = ["--header", "content-type: text/plain", "--data", ADD, "--write-out", "", "URL", "--next"];
    let good = ["--header", JSON, "--data", ADD, "--write-out", "%{num_connects} ", "URL"];
    let quiet = ["--silent", "--noproxy", "*", "--output", "/dev/null"];
    let args = [&quiet[..], &good, &["--next"], &quiet, &refused, &quiet, &good].concat();
    let Some(mut command) = curl() else { return };
    let url = format!("http://{addr}");
    let output = command.args(args.iter().map(|arg| arg.replace("URL", &url))).output().await.unwrap();
    // The first request made a connection, and the last one made none.
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1 0 ");
}
