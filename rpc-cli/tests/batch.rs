//! `rpc batch`: the forms of lines, the order of answers, streams, and exit codes.

use std::process::Stdio;
use std::sync::Arc;

use rpc::{ErrorObject, Server};
use serde_json::{Value, json};
use support::{Answer, Peer, Received, http, refusing};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;

use crate::binary::{Ended, rpc};

async fn server() -> String {
    let server = Server::builder()
        .method("double", |(n,): (u64,)| async move { 2 * n })
        .try_method("fail", || async { Err::<(), _>(ErrorObject::new(7, "sold out")) })
        .build();
    format!("http://{}", support::serve(&server).await)
}

/// Starts a peer that answers each call with its method.
async fn echo() -> Peer {
    let answer = |call: &Value| json!({ "jsonrpc": "2.0", "id": call["id"], "result": call["method"] });
    Peer::answering(move |request: &Received| match request.json() {
        Value::Array(calls) => {
            Value::from(calls.iter().filter(|call| call.get("id").is_some()).map(answer).collect::<Vec<_>>())
        }
        call => answer(&call),
    })
    .await
}

async fn batch(url: &str, more: &[&str], input: &str) -> Ended {
    rpc(&[&["batch", url, "-"], more].concat()).input(input).run().await
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_lines_with_their_ids() {
    let input = "{\"method\":\"double\",\"params\":[1],\"id\":\"a\"}\n\n\
                 {\"jsonrpc\":\"2.0\",\"method\":\"double\",\"params\":[2],\"id\":1.50}\n\
                 {\"method\":\"double\",\"params\":[3],\"readonly\":true}\n\
                 {\"method\":\"double\",\"params\":[4],\"notify\":true}\n\
                 {\"method\":\"double\",\"params\":[5],\"id\":null}";
    let stdout = "{\"line\":1,\"id\":\"a\",\"result\":2}\n{\"line\":3,\"id\":1.50,\"result\":4}\n\
                  {\"line\":4,\"result\":6}\n{\"line\":6,\"id\":null,\"result\":10}\n";
    let url = server().await;
    for chunk in ["1", "2", "100"] {
        let ended = batch(&url, &["--chunk", chunk], input).await;
        assert_eq!(ended, Ended { exit: 0, stdout: stdout.to_owned(), stderr: String::new() }, "{chunk}");
    }
}

#[tokio::test]
async fn chunks_are_batches_and_a_chunk_of_one_is_none() {
    let lines = "{\"method\":\"a\"}\n{\"method\":\"b\"}\n{\"method\":\"c\"}\n";
    let path = std::env::temp_dir().join(format!("rpc-cli-batch-{}.jsonl", std::process::id()));
    std::fs::write(&path, lines).unwrap();
    let mut sizes = Vec::new();
    for chunk in ["2", "1"] {
        let peer = echo().await;
        let ended = rpc(&["batch", &peer.url(), path.to_str().unwrap(), "--chunk", chunk, "--readonly"]).run().await;
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        assert_eq!(
            ended.stdout,
            "{\"line\":1,\"result\":\"a\"}\n{\"line\":2,\"result\":\"b\"}\n{\"line\":3,\"result\":\"c\"}\n"
        );
        let mut of_chunk: Vec<_> =
            peer.requests().iter().map(|request| request.json().as_array().map(Vec::len)).collect();
        of_chunk.sort();
        sizes.push(of_chunk);
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(sizes, [vec![Some(1), Some(2)], vec![None; 3]]);
}

#[tokio::test]
async fn errors_and_failures_are_lines_and_the_gravest_is_the_exit_code() {
    let url = server().await;
    let input = "{\"method\":\"fail\",\"id\":1}\n{\"method\":\"double\",\"params\":[1]}\n{\"method\":\"none\"}\n";
    let ended = batch(&url, &[], input).await;
    let stdout = "{\"line\":1,\"id\":1,\"error\":{\"code\":7,\"message\":\"sold out\"},\"exit\":1}\n\
                  {\"line\":2,\"result\":2}\n\
                  {\"line\":3,\"error\":{\"code\":-32601,\"message\":\"Method not found\"},\"exit\":1}\n";
    assert_eq!(ended, Ended { exit: 1, stdout: stdout.to_owned(), stderr: String::new() });

    let ended = batch(&format!("http://{}", refusing()), &["--retry", "0"], "{\"method\":\"a\",\"id\":1}\n").await;
    let line: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (ended.exit, &line["exit"], &line["outcome"], &line["id"]),
        (3, &json!(3), &json!("not_sent"), &json!(1))
    );

    let half = Peer::answering(|request: &Received| {
        json!([{ "jsonrpc": "2.0", "id": request.ids()[0], "error": { "code": 7, "message": "no" } }])
    })
    .await;
    let ended = batch(&half.url(), &["--retry", "0", "--readonly"], "{\"method\":\"a\"}\n{\"method\":\"b\"}\n").await;
    let exits: Vec<_> =
        ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["exit"].clone()).collect();
    assert_eq!((ended.exit, &*exits), (7, &[json!(1), json!(7)][..]), "{}", ended.stdout);
}

#[tokio::test]
async fn a_call_with_an_unknown_outcome_shows_its_key() {
    let peer = Peer::start(|_| Answer::Bytes(Vec::new())).await;
    let key = "01890a5d-ac96-774b-bcce-b302099a8057";
    let ended = batch(&peer.url(), &[], &format!("{{\"method\":\"pay\",\"key\":\"{key}\"}}\n")).await;
    let line: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.exit, &line["outcome"], &line["key"]), (6, &json!("unknown"), &json!(key)));
}

#[tokio::test]
async fn calls_that_cannot_be_sent_are_lines_with_code_2() {
    let line = "{\"method\":\"double\",\"params\":[1],\"key\":\"01890a5d-ac96-774b-bcce-b302099a8057\"}\n";
    let ended = batch(&server().await, &[], &[line, line].concat()).await;
    let exits: Vec<_> =
        ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["exit"].clone()).collect();
    assert_eq!((ended.exit, &*exits), (2, &[json!(2), json!(2)][..]), "{}", ended.stdout);
}

#[tokio::test]
async fn a_wrong_line_ends_the_run_after_the_calls_before_it() {
    let peer = echo().await;
    let input = "{\"method\":\"a\"}\n{\"method\":\"b\"\n{\"method\":\"c\"}\n";
    let ended = batch(&peer.url(), &["--readonly"], input).await;
    assert_eq!((ended.exit, ended.stdout.as_str()), (2, "{\"line\":1,\"result\":\"a\"}\n"));
    assert!(ended.stderr.starts_with("error: the standard input, line 2, column "), "{}", ended.stderr);
    let methods: Vec<_> = peer.requests().iter().flat_map(Received::methods).collect();
    assert_eq!(methods, ["a"]);
}

#[tokio::test]
async fn a_call_leaves_when_the_input_pauses() {
    let mut child = rpc(&["batch", &server().await, "-"]).spawn();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for number in 1..4 {
        stdin.write_all(format!("{{\"method\":\"double\",\"params\":[{number}]}}\n").as_bytes()).await.unwrap();
        let line = lines.next_line().await.unwrap().unwrap();
        assert_eq!(line, format!("{{\"line\":{number},\"result\":{}}}", 2 * number));
    }
    drop(stdin);
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_reader_that_goes_away_stops_the_run() {
    let mut child = rpc(&["batch", &server().await, "-", "--chunk", "10"]).spawn();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    // The input has no end, so only the lost reader can end the run.
    while stdin.write_all(b"{\"method\":\"double\",\"params\":[1]}\n").await.is_ok() {}
    let output = child.wait_with_output().await.unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(141), ""));
}

#[tokio::test]
async fn requests_are_shown_with_dump() {
    let peer = Peer::start(|_| Answer::Bytes(http("200 OK", &[], "[]"))).await;
    let ended = batch(&peer.url(), &["--dump", "--readonly", "--retry", "0"], "{\"method\":\"a\"}\n").await;
    assert!(ended.stderr.starts_with("* attempt 1: request\n> POST http://"), "{}", ended.stderr);
}

#[tokio::test]
async fn an_input_that_cannot_be_read_is_told() {
    let mut command = rpc(&["batch", "http://127.0.0.1:1", "/nonexistent/calls"]).into_command();
    let output = command.stdin(Stdio::null()).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: /nonexistent/calls cannot be opened: "), "{stderr}");
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn memory_stays_bounded_however_long_the_input_is() {
    let server = Server::builder().method("len", |(text,): (String,)| async move { text.len() }).build();
    let url = format!("http://{}", support::serve(&server).await);
    let mut child = rpc(&["batch", &url, "-", "--chunk", "4", "--concurrency", "2", "--readonly"]).spawn();
    let (size, count) = (100_000, 1000);
    let line = format!("{{\"method\":\"len\",\"params\":[\"{}\"]}}\n", "x".repeat(size));
    let mut stdin = child.stdin.take().unwrap();
    let write = tokio::spawn(async move {
        for _ in 0..count {
            stdin.write_all(line.as_bytes()).await.unwrap();
        }
        // The process must not end before its memory was measured.
        stdin
    });
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for number in 1..=count {
        let line = lines.next_line().await.unwrap().unwrap();
        assert_eq!(line, format!("{{\"line\":{number},\"result\":{size}}}"));
    }
    let kib = support::process::memory(child.id().unwrap(), "VmHWM");
    assert!(kib < 64 << 10, "{kib} KiB for an input of {} KiB", (size * count) >> 10);
    drop(write.await.unwrap());
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}

/// Sends a signal to a run.
#[cfg(unix)]
async fn signal(run: &Child, name: &str) {
    let pid = run.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-s", name, &pid]).status().await.unwrap().success());
}

#[tokio::test]
#[cfg(unix)]
async fn a_signal_ends_the_run_with_a_line_for_each_call_in_flight() {
    for name in ["INT", "TERM"] {
        let begun = Arc::new(Notify::new());
        let begin = Arc::clone(&begun);
        let hang = move || {
            begin.notify_one();
            std::future::pending::<()>()
        };
        let server = Server::builder().method("m", |(n,): (u64,)| async move { n }).method("hang", hang).build();
        let url = format!("http://{}", support::serve(&server).await);
        // The second answer is finished before the hanging one, whose place in the order comes first.
        let mut child = rpc(&["batch", &url, "-", "--chunk", "1", "--concurrency", "2", "--dump"]).spawn();
        let (mut stdin, stderr) = (child.stdin.take().unwrap(), child.stderr.take().unwrap());
        let key = "01890a5d-ac96-774b-bcce-b302099a8057";
        let hang = format!("{{\"method\":\"hang\",\"id\":\"b\",\"key\":\"{key}\"}}\n");
        let call = |n: u64| format!("{{\"method\":\"m\",\"params\":[{n}]}}\n");
        stdin.write_all([hang, call(77001), call(77002)].concat().as_bytes()).await.unwrap();
        begun.notified().await;
        let mut shown = BufReader::new(stderr).lines();
        while !shown.next_line().await.unwrap().unwrap().contains("\"result\":77001") {}
        signal(&child, name).await;
        let rest = tokio::spawn(async move {
            let mut rest = Vec::new();
            while let Some(line) = shown.next_line().await.unwrap() {
                rest.push(line);
            }
            rest
        });
        let output = child.wait_with_output().await.unwrap();
        let unknown = format!(
            "{{\"line\":1,\"id\":\"b\",\"error\":{{\"message\":\"interrupted\"}},\"outcome\":\"unknown\",\"exit\":6,\
             \"key\":\"{key}\"}}\n"
        );
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!((output.status.code(), stdout), (Some(6), format!("{unknown}{{\"line\":2,\"result\":77001}}\n")));
        let rest = rest.await.unwrap();
        assert!(rest.contains(&"error: interrupted: calls that have no line were not sent".to_owned()), "{rest:?}");
        assert!(!rest.iter().any(|line| line.contains("77002")), "{rest:?}");
    }
}

#[tokio::test]
#[cfg(unix)]
async fn a_signal_without_calls_in_flight_is_130() {
    let mut child = rpc(&["batch", &server().await, "-"]).spawn();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"method\":\"double\",\"params\":[1]}\n").await.unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "{\"line\":1,\"result\":2}");
    signal(&child, "INT").await;
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
}

#[tokio::test]
#[cfg(unix)]
async fn a_second_signal_ends_the_run_at_once() {
    let server = Server::builder().method("long", || async { "x".repeat(1 << 20) }).build();
    let url = format!("http://{}", support::serve(&server).await);
    let mut child = rpc(&["batch", &url, "-"]).spawn();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"method\":\"long\"}\n").await.unwrap();
    // The answer is longer than a pipe holds, and nobody reads on: the run cannot end by itself.
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_u8().await.unwrap();
    signal(&child, "INT").await;
    signal(&child, "TERM").await;
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
}
