//! Where commands find a server's description: at the server, in a file, at an address, and nowhere.

use rpc::Server;
use serde_json::{Value, json};
use support::{Answer, Peer, http};

use crate::binary::{Ended, rpc};
use crate::users;

fn document(methods: &[&str]) -> String {
    let methods: Vec<_> = methods.iter().map(|name| json!({ "name": name, "params": [] })).collect();
    json!({ "openrpc": "1.2.6", "info": { "title": "t", "version": "1" }, "methods": methods }).to_string()
}

fn success(stdout: &str) -> Ended {
    Ended { exit: 0, stdout: stdout.to_owned(), stderr: String::new() }
}

/// Answers calls with an error, and GET with this status and body.
async fn page_peer(status: &'static str, body: String) -> Peer {
    Peer::start(move |request| {
        if request.line().starts_with("GET") {
            return Answer::Bytes(http(status, &[], &body));
        }
        let error = json!({ "code": -32601, "message": "Method not found" });
        Answer::Bytes(http("200 OK", &[], &json!({ "jsonrpc": "2.0", "id": request.id(), "error": error }).to_string()))
    })
    .await
}

#[tokio::test]
async fn the_page_is_asked_if_the_method_is_unknown() {
    let peer = page_peer("200 OK", document(&["a.b", "c"])).await;
    let url = format!("{}/api/rpc?token=secret", peer.url());
    let ended = rpc(&["list", &url, "-H", "x-key: 7", "--bearer", "token"]).run().await;
    assert_eq!(ended, success("a.b\nc\n"));
    let requests = peer.requests();
    let lines: Vec<_> = requests.iter().map(|request| request.line()).collect();
    assert_eq!(lines, ["POST /api/rpc?token=secret HTTP/1.1", "GET /openrpc.json HTTP/1.1"]);
    for request in &requests {
        assert_eq!((request.header("x-key"), request.header("authorization")), (Some("7"), Some("Bearer token")));
    }
    assert_eq!(requests[0].json()["method"], "rpc.discover");
}

#[tokio::test]
async fn a_server_without_a_description_is_a_usage_error_that_says_what_was_tried() {
    let server = Server::builder().method("a", || async { 1 }).build();
    let url = format!("http://{}", support::serve(&server).await);
    for command in ["list", "describe"] {
        let ended = rpc(&[command, &url]).run().await;
        assert_eq!((ended.exit, &*ended.stdout), (2, ""));
        for part in [&*url, "it has no method rpc.discover", "GET /openrpc.json fails: ", "404", "--description"] {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
    }
    // A server that answers each path with a page for browsers has none either.
    let peer = page_peer("200 OK", "<html>".to_owned()).await;
    let ended = rpc(&["list", &format!("{}/?token=secret", peer.url())]).run().await;
    assert_eq!(ended.exit, 2);
    assert!(ended.stderr.contains("GET /openrpc.json returns no OpenRPC document"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
}

#[tokio::test]
async fn files_addresses_and_standard_input_hold_documents() {
    let directory = tempdir();
    let file = directory.join("api.json");
    std::fs::write(&file, document(&["from.file"])).unwrap();
    let file = file.to_str().unwrap();
    let peer = page_peer("200 OK", document(&["from.address"])).await;
    let other = page_peer("404 Not Found", String::new()).await;
    let page = format!("{}/a/openrpc.json?v=1", peer.url());
    assert_eq!(rpc(&["list", file]).run().await, success("from.file\n"));
    assert_eq!(rpc(&["list", "-"]).input(document(&["from.input"])).run().await, success("from.input\n"));
    assert_eq!(rpc(&["list", &page]).run().await, success("from.address\n"));
    assert_eq!(peer.requests()[0].line(), "GET /a/openrpc.json?v=1 HTTP/1.1");
    assert_eq!(rpc(&["list", &other.url(), "--description", file]).run().await, success("from.file\n"));
    // The token is for the other server, and not for the one that has the document.
    let args = ["list", &other.url(), "--description", &page, "--bearer", "token", "-H", "x-key: 7"];
    assert_eq!(rpc(&args).run().await, success("from.address\n"));
    assert_eq!(peer.requests()[1].header("authorization"), None);
    assert_eq!(peer.requests()[1].header("x-key"), None);
    let args = ["list", &peer.url(), "--description", &page, "--bearer", "token"];
    assert_eq!(rpc(&args).run().await, success("from.address\n"));
    assert_eq!(peer.requests()[2].header("authorization"), Some("Bearer token"));
    assert!(other.requests().is_empty());
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn broken_documents_are_errors_with_their_place() {
    let directory = tempdir();
    let broken = directory.join("broken.json");
    let text = r#"{"openrpc":"1.3.2","info":{"title":"t","version":"1"},"methods":[{"name":"a","params":7}]}"#;
    std::fs::write(&broken, text).unwrap();
    let broken = broken.to_str().unwrap();
    let ended = rpc(&["list", broken]).run().await;
    assert_eq!((ended.exit, &*ended.stdout), (2, ""));
    assert!(
        ended.stderr.starts_with(&format!("error: {broken} is no OpenRPC document: methods[0].params")),
        "{}",
        ended.stderr
    );

    let missing = directory.join("missing.json");
    let ended = rpc(&["describe", missing.to_str().unwrap()]).run().await;
    assert_eq!(ended.exit, 2);
    assert!(ended.stderr.contains("missing.json cannot be read: "), "{}", ended.stderr);

    let ended = rpc(&["list", "-"]).input("[1").run().await;
    assert!(ended.exit == 2 && ended.stderr.contains("standard input is no OpenRPC document"), "{}", ended.stderr);

    // A server's broken document is the server's mistake.
    let peer = page_peer("200 OK", text.to_owned()).await;
    let ended = rpc(&["list", &peer.url()]).run().await;
    assert_eq!(ended.exit, 7);
    assert!(
        ended.stderr.contains("the page /openrpc.json is no OpenRPC document: methods[0].params"),
        "{}",
        ended.stderr
    );
    let answering = Peer::answering(|request| json!({ "jsonrpc": "2.0", "id": request.id(), "result": 7 })).await;
    let ended = rpc(&["--json", "list", &answering.url()]).run().await;
    assert_eq!(ended.exit, 7);
    let error: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(error["exit"], 7);
    assert!(error["message"].as_str().unwrap().starts_with("the result of rpc.discover is no OpenRPC document"));
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn unreachable_silent_and_closed_servers_have_their_exit_codes() {
    let refusing = format!("http://{}", support::refusing());
    for args in [&["list", &refusing][..], &["describe", &refusing, "a"], &["health", &refusing]] {
        let ended = rpc(args).run().await;
        assert_eq!((ended.exit, &*ended.stdout), (3, ""), "{}", ended.stderr);
    }
    let silent = Peer::silent().await.url();
    for command in ["list", "health"] {
        let ended = rpc(&[command, &silent, "--deadline", "200ms"]).run().await;
        assert_eq!(ended.exit, 5, "{}", ended.stderr);
    }
    let closed = Peer::start(|_| Answer::Bytes(http("401 Unauthorized", &[], ""))).await.url();
    let ended = rpc(&["list", &closed]).run().await;
    assert_ne!((ended.exit, &*ended.stdout), (0, ""));
    assert!(ended.stderr.contains("401"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("--description"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_file_is_no_server() {
    for args in [&["call", "api.json", "a"][..], &["health", "api.json"]] {
        let ended = rpc(args).run().await;
        assert_eq!(ended.exit, 2);
        assert!(ended.stderr.contains("is a file, and the command needs a server"), "{}", ended.stderr);
    }
    let ended = rpc(&["list", "localhost:8080"]).run().await;
    assert_eq!(ended.exit, 2);
    assert!(ended.stderr.contains("did you mean http://localhost:8080?"), "{}", ended.stderr);
    let ended = rpc(&["health", "HTTP2://u:s3cret@h"]).run().await;
    let message = "error: an address begins with http:// or https://, and not with HTTP2://\n";
    assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (2, "", message));
}

#[tokio::test]
async fn the_own_server_describes_itself() {
    let ended = rpc(&["list", &users::serve().await, "user.s*"]).run().await;
    assert_eq!(ended, success("user.search\n"));
}

/// Makes a directory for a test.
pub(crate) fn tempdir() -> std::path::PathBuf {
    let name = format!("rpc-cli-{}-{:?}", std::process::id(), std::thread::current().id());
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.replace(['(', ')'], ""));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}
