//! The file of a Unix socket: when it is replaced, and when it is removed.

use std::fs;
use std::io::ErrorKind;

use rpc::{Framing, Server};

use super::{Peer, call, free_path};

fn server() -> Server {
    Server::builder().method("ping", || async { "pong" }).build()
}

#[tokio::test]
async fn file_of_a_dead_server_is_replaced() {
    let path = free_path();
    // The standard library leaves the file behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let served = server().bind_unix(&path).await.unwrap().spawn();
    let mut peer = Peer::connect(&path, Framing::Lines).await;
    assert_eq!(peer.ask(&call("ping", "[]", 1)).await["result"], "pong");
    drop(peer);
    served.shutdown().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn path_of_a_live_server_is_in_use() {
    let path = free_path();
    let served = server().bind_unix(&path).await.unwrap().spawn();
    let error = server().bind_unix(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().contains("another server listens"), "{error}");
    let mut peer = Peer::connect(&path, Framing::Lines).await;
    assert_eq!(peer.ask(&call("ping", "[]", 1)).await["result"], "pong");
    drop(peer);
    served.shutdown().await;
}

#[tokio::test]
async fn file_that_is_no_socket_is_left_alone() {
    let path = free_path();
    fs::write(&path, "mine").unwrap();
    let error = server().bind_unix(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().contains("no socket"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn file_of_a_server_that_is_dropped_is_removed() {
    let path = free_path();
    drop(server().bind_unix(&path).await.unwrap());
    assert!(!path.exists());
}

#[tokio::test]
async fn file_of_another_server_is_not_removed() {
    let path = free_path();
    let old = server().bind_unix(&path).await.unwrap();
    // An update may move the new server's socket to the path.
    let next = free_path();
    let new = server().bind_unix(&next).await.unwrap().spawn();
    fs::rename(&next, &path).unwrap();
    drop(old);
    let mut peer = Peer::connect(&path, Framing::Lines).await;
    assert_eq!(peer.ask(&call("ping", "[]", 1)).await["result"], "pong");
    drop(peer);
    new.shutdown().await;
    fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn path_without_its_directory_fails() {
    let error = server().bind_unix(free_path().join("none/a.sock")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
