//! Each exit code, reached over a socket.

use std::sync::Arc;
use std::time::Duration;

use rpc::{Client, Limits, Server};
use serde_json::{Value, json};
use support::{Answer, Peer, http, refusing};
use tokio::sync::Notify;

use crate::binary::{Ended, rpc};

/// Runs a call of `m` that is sent once.
async fn call(url: &str, more: &[&str]) -> Ended {
    rpc(&[&["call", url, "m", "--retry", "0"], more].concat()).run().await
}

fn garbage() -> Vec<u8> {
    http("200 OK", &[], "<h1>Welcome</h1>")
}

#[tokio::test]
async fn an_error_of_the_server_is_1() {
    let url = format!("http://{}", support::serve(&Server::builder().build()).await);
    let ended = call(&url, &[]).await;
    let stderr = "error: the server answered with an error: Method not found (code -32601)\n".to_owned();
    assert_eq!(ended, Ended { exit: 1, stdout: String::new(), stderr });
    let ended = call(&url, &["--json"]).await;
    let error: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(error["error"], json!({ "code": -32601, "message": "Method not found" }));
    assert_eq!(error["exit"], 1);
}

#[tokio::test]
async fn a_wrong_command_line_is_2() {
    let peer = Peer::answering(|_| "").await;
    for (args, message) in [
        (&["[1"][..], "error: the text of the params is no JSON"),
        (&["1"], "error: \"1\" is no params"),
        (&["--ticket", "keys=1"], "error: invalid value 'keys=1' for '--ticket <TICKET>': this is no ticket"),
        (&["--readonly", "--idempotent"], "error: the argument '--readonly' cannot be used with '--idempotent'"),
        (&["--header", "authorization s3cret"], "error: a header has the form NAME: VALUE\n"),
        (&["-H", "authorization: a", "--bearer", "b"], "error: give either --bearer or the header authorization"),
        (
            &["-H", "content-length: 1"],
            "error: the server cannot be called: the header `content-length` is the client's",
        ),
    ] {
        let ended = call(&peer.url(), args).await;
        assert_eq!((ended.exit, ended.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ended.stderr.starts_with(message), "{}", ended.stderr);
    }
    peer.assert_untouched().await;
}

#[tokio::test]
async fn a_refused_connection_is_3() {
    let addr = refusing();
    let ended = call(&format!("http://{addr}"), &["--json"]).await;
    assert_eq!(ended.exit, 3);
    let error: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(error["outcome"], "not_sent");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("cannot connect to the server at http://{addr}")), "{message}");
}

#[tokio::test]
async fn a_refusal_by_the_server_is_4() {
    let entered = Arc::new(Notify::new());
    let enter = Arc::clone(&entered);
    let hang = move || {
        let enter = Arc::clone(&enter);
        async move {
            enter.notify_one();
            std::future::pending::<()>().await
        }
    };
    let limits = Limits::default().max_calls_in_flight(1);
    let server = Server::builder().method("hang", hang).method("m", || async {}).limits(limits).build();
    let url = format!("http://{}", support::serve(&server).await);
    let busy = Client::new(&url).unwrap();
    tokio::spawn(async move { busy.call::<()>("hang", ()).await });
    entered.notified().await;
    let ended = call(&url, &["--json"]).await;
    let error: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!((ended.exit, &error["outcome"]), (4, &json!("refused")), "{error}");
}

#[tokio::test]
async fn a_readonly_call_without_an_answer_in_time_is_5() {
    let peer = Peer::silent().await;
    for effect in ["--readonly", "--idempotent"] {
        let ended = call(&peer.url(), &[effect, "--deadline", "200ms"]).await;
        assert_eq!(ended.exit, 5, "{}", ended.stderr);
        assert!(ended.stderr.starts_with("error: no answer within "), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_that_takes_more_than_a_third_of_the_deadline_arrives_at_the_first_attempt() {
    let document = json!({ "openrpc": "1.2.6", "info": { "title": "t", "version": "1" }, "methods": [] });
    let peer = Peer::answering(move |call| {
        // A client that leaves time for another attempt would end this one after 2 s.
        std::thread::sleep(Duration::from_millis(2500));
        json!({ "jsonrpc": "2.0", "id": call.id(), "result": document })
    })
    .await;
    let called = rpc(&["call", &peer.url(), "m", "--readonly", "--deadline", "6s"]);
    let listed = rpc(&["list", &peer.url(), "--json", "--deadline", "6s"]);
    let (called, listed) = tokio::join!(called.run(), listed.run());
    assert_eq!((called.exit, called.stderr.as_str()), (0, ""));
    assert_eq!((listed.exit, listed.stderr.as_str()), (0, ""));
    assert_eq!(peer.requests().len(), 2, "each call is sent once");
}

#[tokio::test]
async fn a_call_that_may_have_run_is_6() {
    let silent = Peer::silent().await;
    let cut = Peer::start(|_| Answer::Bytes(Vec::new())).await;
    let gateway = Peer::start(|_| Answer::Bytes(http("502 Bad Gateway", &[], "down"))).await;
    for (peer, more) in [
        (&silent, &["--deadline", "1s"][..]),
        (&cut, &[]),
        (&cut, &["--readonly"]),
        (&gateway, &[]),
        (&gateway, &["--idempotent"]),
    ] {
        let ended = call(&peer.url(), more).await;
        assert_eq!((ended.exit, ended.stdout.as_str()), (6, ""), "{more:?} {}", ended.stderr);
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_7() {
    let page = Peer::start(|_| Answer::Bytes(garbage())).await;
    let not_found = Peer::start(|_| Answer::Bytes(http("404 Not Found", &[], "nothing here"))).await;
    let foreign = Peer::answering(|call| json!({ "id": call.id(), "error": "no" })).await;
    for (peer, message) in [
        (&page, "error: not a JSON-RPC answer"),
        (&not_found, "error: server answered with HTTP status 404 Not Found\n"),
        (&foreign, "error: server answered with an error that is not a JSON-RPC error object: "),
    ] {
        let ended = call(&peer.url(), &[]).await;
        assert_eq!(ended.exit, 7, "{}", ended.stderr);
        assert!(ended.stderr.starts_with(message), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_reader_that_has_gone_is_141() {
    let server = Server::builder().method("m", || async { "text" }).build();
    let url = format!("http://{}", support::serve(&server).await);
    let mut child = rpc(&["call", &url, "m"]).spawn();
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
