//! Streams over HTTP with clients of server-sent events: the `fetch` of node, and curl.

use std::process::Stdio;

use serde_json::{Value, json};
use support::foreign::{Language, TEST_TIMEOUT, curl};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::chain::serve_chain;
use crate::script::run_script;

#[tokio::test]
async fn fetch_reads_a_stream_and_resumes_it_where_it_was_closed() {
    let url = format!("http://{}", serve_chain().await);
    let steps = json!([
        {"call": "evm_mine", "params": [4]},
        {"open": "numbers"},
        {"take": 3},
        {"close": true},
        {"call": "chain_watched", "params": [0]},
        {"open": "numbers", "resume": true},
        {"take": 2},
        {"call": "evm_mine"},
        {"take": 1},
        {"close": true},
        {"open": "count", "params": [2]},
        {"take": 4},
    ]);
    let script = (Language::JavaScript, "events_fetch.mjs");
    let Some(printed) = run_script(script, &url, &steps.to_string()).await else { return };
    let events = "text/event-stream";
    let seen = json!([
        4,
        events,
        ["block 0", "block 1", "block 2"],
        null,
        0,
        events,
        ["block 3", "block 4"],
        5,
        ["block 5"],
        null,
        events,
        [0, 1, {"jsonrpc": "2.0", "result": null, "id": 7}],
    ]);
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), seen);
}

#[tokio::test]
async fn curl_shows_events_as_they_come() {
    let url = format!("http://{}", serve_chain().await);
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let Some(mut command) = curl() else { return };
        let call = r#"{"jsonrpc":"2.0","method":"numbers","params":[],"id":7}"#;
        let headers = ["--header", "content-type: application/json", "--header", "accept: text/event-stream"];
        command.args(["--no-buffer", version, "--data", call]).args(headers).arg(&url).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let data =
            r#"data: {"jsonrpc":"2.0","method":"numbers","params":{"subscription":7,"cursor":0,"result":"block 0"}}"#;
        for expected in ["id: 0", data, ""] {
            let line = timeout(TEST_TIMEOUT, lines.next_line()).await.expect("curl shows the event").unwrap();
            assert_eq!(line.as_deref(), Some(expected), "{version}");
        }
        child.kill().await.unwrap();
    }
}
