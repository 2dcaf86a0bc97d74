//! Handlers that panic repeatedly.

use serde_json::{Value, json};
use support::raw_http::{Connection, post};
use tokio::task::JoinSet;

use crate::soak::child::{Process, call, result};
use crate::soak::memory::held;

const CONNECTIONS: u64 = 10;
const PANICS: u64 = 100;

/// How much more memory the server may hold after another thousand panics: a quarter of a KiB for each.
const SLACK_KIB: u64 = 256;

#[tokio::test]
async fn a_thousand_panics_are_a_thousand_answers_and_nothing_else() {
    let server = Process::start().await;
    let mut levels = Vec::new();
    for _ in 0..3 {
        let mut callers = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let mut connection = Connection::open(server.addr).await;
            callers.spawn(async move {
                for number in 0..PANICS {
                    connection.send(&post(call("soak.panics", number))).await;
                    let error = r#"{"code":-32603,"message":"Internal error"}"#;
                    let answer = format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{number}}}"#);
                    assert_eq!(connection.reply().await.text(), answer);
                }
                // The connection still works.
                connection.send(&post(call("soak.read", 7))).await;
                assert_eq!(connection.reply().await.text(), result(7));
            });
        }
        callers.join_all().await;
        levels.push(held(server.pid));
    }
    assert!(levels[2] <= levels[1] + SLACK_KIB, "panics leave something behind: {levels:?}");
}

#[tokio::test]
async fn a_thousand_panics_in_a_batch_leave_the_others_their_answers() {
    let server = Process::start().await;
    let entries = (0..1024).map(|n| call(if n % 64 == 0 { "soak.read" } else { "soak.panics" }, n));
    let batch = format!("[{}]", entries.collect::<Vec<_>>().join(","));
    let mut connection = Connection::open(server.addr).await;
    connection.send(&post(batch)).await;
    let answers: Value = connection.reply().await.json();
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 1024);
    for (answer, n) in answers.iter().zip(0..) {
        let error = &answer["error"]["code"];
        let expected = if n % 64 == 0 { (&json!(n), &Value::Null) } else { (&Value::Null, &json!(-32603)) };
        assert_eq!(((&answer["result"], error), &answer["id"]), (expected, &json!(n)));
    }
}
