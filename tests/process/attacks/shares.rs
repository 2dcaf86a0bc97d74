//! More connections than the server has room for, all from one address, and a peer with another address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rpc::Limits;
use support::raw_http::{TEST_TIMEOUT, post};
use support::{PING, PONG};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::attacks::child::{self, Attacked};

const ROOM: usize = 200;
/// More than there is room for, so that some attackers always queue.
const ATTACKERS: usize = 300;
const LONG: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is the child process of the tests below"]
async fn serves() {
    let mut limits = Limits::default();
    limits.max_connections = ROOM;
    // These timeouts must not end an attacker's connection.
    limits.header_timeout = LONG;
    limits.body_timeout = LONG;
    limits.body_progress_timeout = LONG;
    limits.idle_timeout = LONG;
    child::serve(limits, 0).await;
}

/// Connects from a local address.
async fn connect(from: &str, addr: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(format!("{from}:0").parse().unwrap())?;
    socket.connect(addr).await
}

/// How an attacker holds a connection: what it sends first, whether a request is answered before that, and what it then
/// sends repeatedly.
#[derive(Clone, Copy)]
struct Attack {
    asks: bool,
    begin: &'static [u8],
    repeat: fn(u32) -> Vec<u8>,
}

const SILENCE: Attack = Attack { asks: false, begin: b"", repeat: |_| Vec::new() };
const HALF_HEADS: Attack = Attack { begin: b"POST / HTTP/1.1\r\nhost: a\r\nx: ", repeat: |_| b"x".to_vec(), ..SILENCE };
const SECOND_HALF_HEADS: Attack = Attack { asks: true, ..HALF_HEADS };
const HALF_BODIES: Attack = Attack {
    begin: b"POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 10000\r\n\r\n[",
    repeat: |_| b" ".to_vec(),
    ..SILENCE
};
const CALLS: Attack = Attack { repeat: |_| post(PING), ..SILENCE };
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const HTTP2_CALLS: Attack = Attack {
    begin: HTTP2,
    // A GET of a page that does not exist, so that an answer arrives.
    repeat: |round| [&b"\0\0\x03\x01\x05"[..], &(2 * round + 1).to_be_bytes(), b"\x82\x86\x84"].concat(),
    ..SILENCE
};
const UNREAD_ANSWERS: Attack = Attack {
    // A window of 0 for answers, and a GET of a page that does not exist.
    begin:
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0\0\0\x03\x01\x05\0\0\0\x01\x82\x86\x84",
    repeat: |_| b"\0\0\x08\x06\0\0\0\0\0PINGPING".to_vec(),
    ..SILENCE
};
const PINGS: Attack = Attack { begin: HTTP2, repeat: |_| b"\0\0\x08\x06\0\0\0\0\0PINGPING".to_vec(), ..SILENCE };

/// Holds a connection as long as the server allows, and then opens another one.
async fn hold(addr: SocketAddr, attack: Attack, all: Arc<Barrier>) {
    let mut is_first = true;
    loop {
        let Ok(mut stream) = connect("127.0.0.1", addr).await else { continue };
        if attack.asks && stream.write_all(&post(PING)).await.is_err() {
            continue;
        }
        let _ = stream.write_all(attack.begin).await;
        if std::mem::take(&mut is_first) {
            all.wait().await;
        }
        let (mut reader, mut writer) = stream.split();
        let mut pace = interval(Duration::from_millis(100));
        let repeating = async {
            for round in 0.. {
                pace.tick().await;
                if writer.write_all(&(attack.repeat)(round)).await.is_err() {
                    break;
                }
            }
        };
        let mut read = Vec::new();
        tokio::select! {
            () = repeating => {}
            _ = reader.read_to_end(&mut read) => {}
        }
    }
}

/// Makes a call on a new connection.
async fn call(from: &str, addr: SocketAddr) {
    let mut stream = connect(from, addr).await.unwrap();
    stream.write_all(&post(PING)).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(PONG.as_bytes()) {
        let read = timeout(TEST_TIMEOUT, stream.read_buf(&mut answer)).await.expect("it gets in").unwrap();
        assert_ne!(read, 0, "the connection was closed without an answer");
    }
}

async fn assert_gets_in(attack: Attack, attackers: usize, from: &str) {
    let server = Attacked::start(module_path!()).await;
    let all = Arc::new(Barrier::new(attackers + 1));
    let mut attacking = JoinSet::new();
    for _ in 0..attackers {
        attacking.spawn(hold(server.addr, attack, Arc::clone(&all)));
    }
    all.wait().await;
    server.process.until_connections_are(TEST_TIMEOUT, |open| open >= ROOM).await;
    for _ in 0..2 {
        call(from, server.addr).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_of_one_address_keep_nobody_out() {
    assert_gets_in(SILENCE, ATTACKERS, "127.0.0.2").await;
    assert_gets_in(SILENCE, ATTACKERS, "127.0.0.1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_heads_of_one_address_keep_nobody_out() {
    assert_gets_in(HALF_HEADS, ATTACKERS, "127.0.0.2").await;
    assert_gets_in(HALF_HEADS, ATTACKERS, "127.0.0.1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_heads_after_a_request_keep_no_other_address_out() {
    assert_gets_in(SECOND_HALF_HEADS, ATTACKERS, "127.0.0.2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_bodies_of_one_address_keep_no_other_address_out() {
    assert_gets_in(HALF_BODIES, ATTACKERS, "127.0.0.2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_one_address_that_never_end_keep_no_other_address_out() {
    assert_gets_in(CALLS, ATTACKERS, "127.0.0.2").await;
    assert_gets_in(HTTP2_CALLS, ATTACKERS, "127.0.0.2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_connections_that_only_ping_keep_nobody_out() {
    assert_gets_in(PINGS, ATTACKERS, "127.0.0.2").await;
    assert_gets_in(PINGS, ATTACKERS, "127.0.0.1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_one_address_leaves_unread_keep_no_other_address_out() {
    assert_gets_in(UNREAD_ANSWERS, ATTACKERS, "127.0.0.2").await;
}
