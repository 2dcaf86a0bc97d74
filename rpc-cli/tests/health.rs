//! `rpc health`.

use rpc::Server;
use rpc::health::Health;
use serde_json::{Value, json};
use support::{Answer, Peer, http};
use tokio::net::TcpSocket;

use crate::binary::{Terminal, rpc};
use crate::users;

#[tokio::test]
async fn the_report_and_the_exit_code_tell_the_health() {
    let health = Health::new().check("database", || async { Ok::<_, std::io::Error>(()) });
    let url = format!("http://{}", support::serve(&users::builder(health.clone()).build()).await);
    let ended = rpc(&["health", &url]).run().await;
    let ready = "{\"status\":\"ready\",\"checks\":{\"database\":\"ok\"}}\n";
    assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (0, ready, ""));
    health.set_ready(false);
    for args in [&["health", &url][..], &["health", &url, "--json"]] {
        let ended = rpc(args).run().await;
        let unready = "{\"status\":\"unready\",\"checks\":{\"database\":\"ok\"}}\n";
        assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (1, unready, ""));
    }
    let (exit, shown) = Terminal::start(rpc(&["health", &url, "--color", "never"])).ended().await;
    assert_eq!(exit, 1);
    assert!(shown.contains("\"status\": \"unready\",\n"), "{shown}");
}

#[tokio::test]
async fn a_server_without_the_method_is_alive() {
    let server = Server::builder().method("a", || async { 1 }).build();
    let url = format!("http://{}", support::serve(&server).await);
    let ended = rpc(&["health", &url]).run().await;
    assert_eq!((ended.exit, &*ended.stdout), (0, "{\"status\":\"unknown\"}\n"));
    assert!(ended.stderr.contains("has no method rpc.health"), "{}", ended.stderr);
    assert_eq!(rpc(&["health", &url, "--wait", "10s"]).run().await.exit, 0);
}

#[tokio::test]
async fn a_report_with_another_word_is_not_ready() {
    let deep = format!(r#"{{"status":"unready","d":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for (report, exit) in [
        (r#"{"status":"down","x":1e999}"#, 1),
        (&*deep, 1),
        (r#"{"status":"starting"}"#, 1),
        (r#"{"ready":false}"#, 1),
        (r#""down""#, 1),
        (r#"{"status":"UP","x":1e999}"#, 0),
        ("null", 0),
    ] {
        let answer = report.to_owned();
        let peer = Peer::start(move |call| {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{answer}}}"#, call.id());
            Answer::Bytes(http("200 OK", &[], &text))
        })
        .await;
        let ended = rpc(&["health", &peer.url()]).run().await;
        assert_eq!((ended.exit, ended.stdout), (exit, format!("{report}\n")), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn other_answers_have_their_exit_codes() {
    let error = |code: i64| {
        Peer::answering(
            move |request| json!({ "jsonrpc": "2.0", "id": request.id(), "error": { "code": code, "message": "no" } }),
        )
    };
    let ended = rpc(&["health", &error(-32603).await.url()]).run().await;
    assert_eq!((ended.exit, &*ended.stdout), (1, ""), "{}", ended.stderr);
    let garbage = Peer::answering(|_| "<html>").await;
    let ended = rpc(&["health", &garbage.url(), "--json"]).run().await;
    assert_eq!((ended.exit, &*ended.stdout), (7, ""), "{}", ended.stderr);
    assert_eq!(serde_json::from_str::<Value>(&ended.stderr).unwrap()["exit"], 7);
    assert_eq!(rpc(&["health", &garbage.url(), "--wait", "soon"]).run().await.exit, 2);
}

#[tokio::test]
async fn wait_ends_when_the_server_becomes_ready() {
    // The port is held, but no server listens on it yet.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let health = Health::new();
    health.set_ready(false);
    let (asked, mut asks) = tokio::sync::mpsc::unbounded_channel();
    let check = health.clone().check("asked", move || {
        let _ = asked.send(());
        async { Ok::<_, std::io::Error>(()) }
    });
    let server = users::builder(check).build();
    let waiting = tokio::spawn(async move { rpc(&["health", &url, "--wait", "50s"]).run().await });
    let listener = socket.listen(16).unwrap();
    server.on(listener).unwrap().spawn();
    asks.recv().await.unwrap();
    assert!(!waiting.is_finished());
    health.set_ready(true);
    let ended = waiting.await.unwrap();
    let report = "{\"status\":\"ready\",\"checks\":{\"asked\":\"ok\"}}\n";
    assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (0, report, ""));
}

#[tokio::test]
async fn wait_ends_with_the_last_reason() {
    let refusing = format!("http://{}", support::refusing());
    let ended = rpc(&["health", &refusing, "--wait", "400ms"]).run().await;
    assert_eq!((ended.exit, &*ended.stdout), (5, ""));
    assert!(ended.stderr.contains("was not ready within 400ms: cannot connect"), "{}", ended.stderr);
    let health = Health::new();
    health.set_ready(false);
    let url = format!("http://{}", support::serve(&users::builder(health).build()).await);
    let ended = rpc(&["health", &url, "--wait", "300ms"]).run().await;
    assert_eq!((ended.exit, &*ended.stdout), (5, ""));
    assert!(ended.stderr.contains("{\"status\":\"unready\""), "{}", ended.stderr);
}
