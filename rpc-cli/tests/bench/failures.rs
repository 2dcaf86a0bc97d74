//! Failed calls by exit code and outcome, against servers that refuse, cut, hang and answer with errors.

use rpc::{ErrorObject, Server};
use serde_json::{Value, json};
use support::{Answer, Peer, http};

use super::bench;
use crate::binary::rpc;

/// Runs four calls. Returns the exit code and the groups of failures without their examples, which must say something.
async fn failed(url: &str, more: &[&str]) -> (i32, Value) {
    let args = ["ping", "--requests", "4", "-c", "2"];
    let (exit, mut report) = bench(&[&[url], &args[..], more].concat()).await;
    assert_eq!((report["results"].as_u64(), report["failures"].as_u64()), (Some(0), Some(4)), "{report}");
    assert_eq!((&report["latency"], report["failed_latency"]["calls"].as_u64()), (&Value::Null, Some(4)));
    for group in report["failed"].as_array_mut().unwrap() {
        let example = group.as_object_mut().unwrap().remove("example").unwrap();
        assert!(example.as_str().unwrap().len() > 5, "{example}");
    }
    (exit, report["failed"].take())
}

fn group(exit: i32, outcome: &str) -> (i32, Value) {
    (exit, json!([{ "exit": exit, "outcome": outcome, "calls": 4 }]))
}

#[tokio::test]
async fn failures_have_the_exit_code_of_a_single_call() {
    let refusing = format!("http://{}", support::refusing());
    assert_eq!(failed(&refusing, &["--readonly"]).await, group(3, "not_sent"));
    let silent = Peer::silent().await;
    assert_eq!(failed(&silent.url(), &["--readonly", "--deadline", "200ms"]).await, group(5, "unknown"));
    assert_eq!(failed(&silent.url(), &["--yes", "--deadline", "200ms"]).await, group(6, "unknown"));
    let cutting = Peer::start(|_| Answer::Bytes(Vec::new())).await;
    assert_eq!(failed(&cutting.url(), &["--readonly"]).await, group(6, "unknown"));
    let garbage = Peer::answering(|_| "<html>").await;
    assert_eq!(failed(&garbage.url(), &["--readonly"]).await, group(7, "unknown"));
    let overloaded = Peer::start(|_| Answer::Bytes(http("503 Service Unavailable", &["rpc-refused: all"], ""))).await;
    assert_eq!(failed(&overloaded.url(), &["--readonly"]).await, group(4, "refused"));
    let unknown = format!("http://{}", support::serve(&Server::builder().build()).await);
    assert_eq!(failed(&unknown, &["--readonly"]).await.0, 1);
}

#[tokio::test]
async fn a_single_failure_decides_the_exit_code() {
    let odd =
        |(n,): (u64,)| async move { if n == 7 { Err(ErrorObject::new(70, "seven is no number")) } else { Ok(n) } };
    let url = format!("http://{}", support::serve(&Server::builder().try_method("odd", odd).build()).await);
    let args = ["bench", &url, "odd", r#"["{{n}}"]"#, "--readonly", "--requests", "20"];
    let ended = rpc(&args).run().await;
    assert_eq!(ended.exit, 1);
    assert!(ended.stdout.contains("19 results, 1 failures"), "{}", ended.stdout);
    assert!(ended.stdout.contains("  1 with exit code 1, outcome executed, such as: "), "{}", ended.stdout);
    assert!(ended.stdout.contains("seven is no number"), "{}", ended.stdout);
}

#[tokio::test]
async fn calls_are_sent_once_unless_retries_are_wanted() {
    let cutting = Peer::start(|_| Answer::Bytes(Vec::new())).await;
    let args = [&*cutting.url(), "ping", "--readonly", "--requests", "2", "-c", "1"];
    let (exit, report) = bench(&args).await;
    assert_eq!((exit, &report["attempts"], cutting.requests().len()), (6, &Value::Null, 2));
    let (exit, report) = bench(&[&args[..], &["--retry", "2"]].concat()).await;
    assert_eq!((exit, report["attempts"].as_u64(), cutting.requests().len()), (6, Some(6), 8));
    assert_eq!(report["calls"].as_u64(), Some(2));
}
