//! Handshakes that never finish.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use rpc::Limits;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tracing::Level;

use super::log::Log;
use super::{Raw, builder, client, ping, result, start, tls_of};
use crate::tls::Authority;

/// Returns the first bytes of a client.
fn hello(config: ClientConfig) -> Vec<u8> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = rustls::ClientConnection::new(config.into(), name).unwrap();
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).unwrap();
    hello
}

/// Sends these bytes, and reads until the server closes.
async fn closed(addr: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut read = Vec::new();
    match stream.read_to_end(&mut read).await {
        Ok(_) => {}
        // This happens when the server closes before it has read everything.
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    read
}

#[tokio::test]
async fn plain_text_is_closed_without_an_answer_to_it_and_logged() {
    let authority = Authority::new();
    let addr = start(&tls_of(&authority)).await;
    let plain: [&[u8]; 2] = [
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let mut log = Log::begin();
    for bytes in plain {
        // At most a TLS alert.
        let answer = closed(addr, bytes).await;
        assert!(answer.len() <= 7 && !answer.starts_with(b"HTTP"), "{answer:?}");
    }
    for _ in plain {
        log.says(Level::DEBUG, "handshake of TLS failed").await;
    }
    ping(&client(addr, authority.client())).await;
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_end_is_cut_at_the_header_timeout() {
    let authority = Authority::new();
    let addr = start(&tls_of(&authority)).await;
    let hello = hello(authority.client());
    // The last client sends all that the server waits for at first, and then never answers.
    for sent in [0, 1, hello.len() / 2, hello.len()] {
        let start = Instant::now();
        closed(addr, &hello[..sent]).await;
        assert_eq!(start.elapsed().as_secs(), Limits::default().header_timeout.as_secs(), "{sent} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_trickles_is_cut_at_the_header_timeout() {
    let authority = Authority::new();
    let addr = start(&tls_of(&authority)).await;
    let start = Instant::now();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    let trickle = async {
        for byte in hello(authority.client()) {
            if write.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    };
    tokio::select! {
        () = trickle => panic!("the server took all of it"),
        _ = read.read_to_end(&mut answer) => {}
    }
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn handshakes_that_do_not_end_hold_up_neither_others_nor_a_shutdown() {
    let authority = Authority::new();
    let server = builder().tls(tls_of(&authority)).build();
    let handle = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let hello = hello(authority.client());
    let mut half = Vec::new();
    for sent in 0..100 {
        let mut stream = TcpStream::connect(handle.local_addr()).await.unwrap();
        stream.write_all(&hello[..sent]).await.unwrap();
        half.push(stream);
    }
    ping(&client(handle.local_addr(), authority.client())).await;
    let start = Instant::now();
    handle.shutdown().await;
    // Much less than both the handshake timeout and the drain timeout.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_handshake_counts_as_a_connection() {
    let authority = Authority::new();
    let mut limits = Limits::default();
    limits.max_connections = 2;
    let server = builder().limits(limits).tls(tls_of(&authority)).build();
    let addr = serve(&server).await;
    let half = TcpStream::connect(addr).await.unwrap();
    let mut served = Raw::connect(addr, authority.client()).await;
    let waiting = tokio::spawn(Raw::connect(addr, authority.client()));
    for _ in 0..3 {
        assert_eq!(served.call("ping").await, result(r#""pong""#));
    }
    assert!(!waiting.is_finished());
    drop(half);
    assert_eq!(waiting.await.unwrap().call("ping").await, result(r#""pong""#));
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut() {
    let authority = Authority::new();
    let mut limits = Limits::default();
    limits.max_connections = 1;
    limits.max_response_bytes = usize::MAX;
    limits.write_progress_timeout = Duration::from_millis(200);
    let large = || async { "x".repeat(16 << 20) };
    let server = builder().limits(limits).method("large", large).tls(tls_of(&authority)).build();
    let addr = serve(&server).await;
    let mut deaf = Raw::connect(addr, authority.client()).await;
    deaf.send("large").await;
    // There is room for one connection, so this waits until the other one is closed.
    assert_eq!(Raw::connect(addr, authority.client()).await.call("ping").await, result(r#""pong""#));
    drop(deaf);
}

#[tokio::test]
async fn a_peer_that_only_changes_its_keys_is_idle() {
    let authority = Authority::new();
    let mut limits = Limits::default();
    limits.idle_timeout = Duration::from_millis(300);
    let addr = serve(&builder().limits(limits).tls(tls_of(&authority)).build()).await;
    for asks in [false, true] {
        let mut raw = Raw::connect(addr, authority.client()).await;
        if asks {
            assert_eq!(raw.call("ping").await, result(r#""pong""#));
        }
        // TLS records without bytes for HTTP. The server answers each of them.
        let closed = tokio::time::timeout(TEST_TIMEOUT, async {
            loop {
                raw.0.get_mut().1.refresh_traffic_keys().unwrap();
                let _ = raw.0.flush().await;
                if tokio::time::timeout(Duration::from_millis(10), raw.0.read(&mut [0])).await.is_ok() {
                    break;
                }
            }
        });
        closed.await.expect("the server ends the connection");
    }
}
