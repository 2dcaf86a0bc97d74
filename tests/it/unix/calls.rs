//! Calls, batches and streams over Unix sockets, with lines and with lengths.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use rpc::{Context, Denied, Framing, PeerCredentials, Principal, RequestContext, Server};
use serde_json::json;
use tokio::sync::{Notify, mpsc};

use super::{FRAMINGS, Served, call, notification};

fn echo() -> Server {
    Server::builder().method("echo", |(text,): (String,)| async move { text }).build()
}

#[tokio::test]
async fn calls_and_batches_are_answered() {
    for framing in FRAMINGS {
        let served = Served::start(&echo(), framing).await;
        let (mut peer, mut other) = (served.connect().await, served.connect().await);
        let answer = peer.ask(&call("echo", r#"["a\nb"]"#, 1)).await;
        assert_eq!(answer, json!({"jsonrpc": "2.0", "result": "a\nb", "id": 1}));
        let batch = format!("[{},{}]", call("echo", r#"["x"]"#, 1), call("echo", r#"["y"]"#, 2));
        let answers = other.ask(&batch).await;
        assert_eq!([&answers[0]["result"], &answers[1]["result"]], ["x", "y"]);
        assert_eq!(peer.ask(&call("none", "[]", 3)).await["error"]["code"], -32601);
    }
}

#[tokio::test]
async fn notifications_run_and_are_not_answered() {
    let (heard, mut hears) = mpsc::unbounded_channel();
    let server = Server::builder()
        .method("hear", move |(text,): (String,)| {
            let _ = heard.send(text);
            async {}
        })
        .method("echo", |(text,): (String,)| async move { text })
        .build();
    let served = Served::start(&server, Framing::Lines).await;
    let mut peer = served.connect().await;
    peer.send(&notification("hear", r#"["a"]"#)).await;
    assert_eq!(hears.recv().await.unwrap(), "a");
    assert_eq!(peer.ask(&call("echo", r#"["b"]"#, 1)).await["id"], 1);
}

#[tokio::test]
async fn member_rpc_has_the_deadline_of_a_call() {
    let server = Server::builder()
        .method("left", |cx: Context| async move { cx.remaining().is_some_and(|left| left.as_secs() < 60) })
        .build();
    let served = Served::start(&server, Framing::ContentLength).await;
    let mut peer = served.connect().await;
    let with = r#"{"jsonrpc":"2.0","method":"left","id":1,"rpc":{"rpc-timeout-ms":"60000"}}"#;
    assert_eq!(peer.ask(with).await["result"], true);
    assert_eq!(peer.ask(&call("left", "[]", 2)).await["result"], false);
}

#[tokio::test]
async fn stream_stops_where_its_credit_ends_and_goes_on_with_more() {
    for framing in FRAMINGS {
        let server = Server::builder()
            .stream("numbers", || async { stream::iter(0..100_u64).map(|n| format!("{n:01000}")) })
            .method("echo", |(text,): (String,)| async move { text })
            .build();
        let served = Served::start(&server, framing).await;
        let mut peer = served.connect().await;
        let accepted = peer.ask(&call("numbers", "[]", 7)).await;
        assert_eq!(accepted["method"], "rpc.accepted");
        let item = notification("numbers", &format!(r#"{{"subscription":7,"result":"{:01000}"}}"#, 0));
        let within_credit = 65_536_usize.div_ceil(item.len());
        for n in 0..within_credit {
            let message = peer.receive().await;
            assert_eq!(message["params"]["result"], format!("{n:01000}"), "{message}");
        }
        // A call does not wait for the items that need more credit.
        assert_eq!(peer.ask(&call("echo", r#"["next"]"#, 8)).await["result"], "next");
        peer.send(&notification("rpc.credit", r#"{"subscription":7,"bytes":1000000}"#)).await;
        for n in within_credit..100 {
            assert_eq!(peer.receive().await["params"]["result"], format!("{n:01000}"));
        }
        assert_eq!(peer.receive().await, json!({"jsonrpc": "2.0", "result": null, "id": 7}));
    }
}

#[tokio::test]
async fn cancelled_call_is_answered_under_either_name() {
    for (framing, cancel) in [
        (Framing::Lines, "rpc.cancel"),
        (Framing::ContentLength, "rpc.cancel"),
        (Framing::ContentLength, "$/cancelRequest"),
    ] {
        let begun = Arc::new(Notify::new());
        let begins = Arc::clone(&begun);
        let hang = move || {
            begins.notify_one();
            std::future::pending::<()>()
        };
        let served = Served::start(&Server::builder().method("hang", hang).build(), framing).await;
        let mut peer = served.connect().await;
        peer.send(&call("hang", "[]", 1)).await;
        begun.notified().await;
        // Unknown notifications are ignored.
        peer.send(&notification("$/setTrace", r#"{"value":"off"}"#)).await;
        let answer = peer.ask(&notification(cancel, r#"{"id":1}"#)).await;
        assert_eq!((&answer["id"], &answer["error"]["data"]["reason"]), (&json!(1), &json!("cancelled")), "{answer}");
    }
}

#[tokio::test]
async fn language_server_names_mean_nothing_with_lines() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, goes) = (Arc::clone(&begun), Arc::clone(&go));
    let wait = move || {
        let goes = Arc::clone(&goes);
        begins.notify_one();
        async move {
            goes.notified().await;
            "done"
        }
    };
    let server =
        Server::builder().method("wait", wait).method("echo", |(text,): (String,)| async move { text }).build();
    let served = Served::start(&server, Framing::Lines).await;
    let mut peer = served.connect().await;
    peer.send(&call("wait", "[]", 1)).await;
    begun.notified().await;
    peer.send(&notification("$/cancelRequest", r#"{"id":1}"#)).await;
    // The answer to a later message proves that the session has seen the notification.
    assert_eq!(peer.ask(&call("echo", r#"["x"]"#, 2)).await["id"], 2);
    go.notify_one();
    assert_eq!(peer.receive().await["result"], "done");
}

/// Returns a server that knows its callers by their user, unless that is `unknown`.
fn by_user(is_known: bool) -> Server {
    Server::builder()
        .method("whoami", |cx: Context| async move { cx.principal().map(|caller| caller.subject().to_owned()) })
        .authenticate(move |request: Arc<RequestContext>| async move {
            let peer = request
                .extensions
                .get::<PeerCredentials>()
                .copied()
                .ok_or(Denied::unauthenticated("no Unix socket"))?;
            assert_eq!(peer.pid, i32::try_from(std::process::id()).ok());
            if is_known {
                Ok(Some(Principal::new(peer.uid.to_string())))
            } else {
                Err(Denied::forbidden("another user"))
            }
        })
        .build()
}

#[tokio::test]
async fn caller_is_known_by_the_user_of_its_process() {
    let served = Served::start(&by_user(true), Framing::Lines).await;
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&served.path).unwrap());
    let mut peer = served.connect().await;
    assert_eq!(peer.ask(&call("whoami", "[]", 1)).await["result"], owner.to_string());
}

#[tokio::test]
async fn each_message_of_a_refused_caller_is_refused() {
    for framing in FRAMINGS {
        let served = Served::start(&by_user(false), framing).await;
        let mut peer = served.connect().await;
        for id in 1..3 {
            let answer = peer.ask(&call("whoami", "[]", id)).await;
            assert_eq!((answer["error"]["code"].as_i64(), answer["id"].as_u64()), (Some(-32098), Some(id)));
            assert_eq!(answer["rpc"]["rpc-refused"], "all");
        }
    }
}
