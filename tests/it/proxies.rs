//! A process whose environment names a proxy.

use std::env;
use std::process::Stdio;

use rpc::{Client, Server};
use tokio::process::Command;

use crate::support::{Peer, client_of, result};

/// Is set for the child, so that nobody else runs it.
const CHILD: &str = "RPC_TEST_PROXY_CHILD";

#[tokio::test]
#[ignore = "is the child process of the other test here, which starts it"]
async fn child() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let server = Server::builder().method("ping", || async { "pong" }).build();
    let near = client_of(&server).await;
    assert_eq!(near.call::<String>("ping", ()).await.unwrap(), "pong");
    // Without this the test would pass where the environment is not heeded at all.
    let far = Client::new("http://rpc.example").unwrap();
    assert_eq!(far.call::<String>("ping", ()).await.unwrap(), "proxied");
}

#[tokio::test]
async fn a_proxy_from_the_environment_stands_before_all_but_loopback_addresses() {
    let proxy = Peer::answering(|request| result(&request.id(), r#""proxied""#)).await;
    let mut command = Command::new(env::current_exe().unwrap());
    for name in ["http_proxy", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "REQUEST_METHOD"] {
        command.env_remove(name);
    }
    let child = command
        .args(["--exact", "proxies::child", "--ignored"])
        .env(CHILD, "1")
        .env("HTTP_PROXY", proxy.url())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = child.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "the child is not where it was: {said}");
    let hosts: Vec<_> = proxy.requests().iter().map(|request| request.header("host").unwrap().to_owned()).collect();
    assert_eq!(hosts, ["rpc.example"]);
}
