//! Hundreds of peers that hold their connections up, and a healthy client beside them.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::child::{PING, PONG, Process};
use crate::files::may_open;
use crate::raw_http::{Connection, post, request};
use crate::states;

const SLOW_HEADS: usize = 230;
const SLOW_BODIES: usize = 230;
const UNREAD: usize = 40;

/// How many calls the healthy client makes, and on how many connections at a time.
const CALLS: usize = 3000;
const AT_ONCE: usize = 4;

/// How much later the slow peers may make the latest hundredth of its calls: one that waited for a slow peer would wait
/// for hundreds of times as long.
const RATIO: u32 = 50;

/// Sends one byte after the other.
async fn trickle(mut stream: TcpStream, bytes: Vec<u8>) {
    for byte in bytes {
        if stream.write_all(&[byte]).await.is_err() {
            return;
        }
        sleep(Duration::from_millis(200)).await;
    }
}

fn endless_head() -> Vec<u8> {
    request("POST / HTTP/1.1", &[("host", "a"), ("x", &"x".repeat(10_000))], b"")
}

fn endless_body() -> (Vec<u8>, Vec<u8>) {
    let mut head = post(&[b' '; 10_000]);
    let body = head.split_off(head.len() - 10_000);
    (head, body)
}

/// Makes calls one after the other on each connection, and returns how long the 99th of a hundred took.
async fn latest_hundredth(process: &Process) -> Duration {
    let client = || async {
        let mut connection = Connection::open(process.addr).await;
        let mut took = Vec::new();
        for _ in 0..CALLS / AT_ONCE {
            let start = Instant::now();
            connection.send(&post(PING.as_bytes())).await;
            let reply = connection.reply().await;
            assert_eq!((reply.status, reply.text()), (200, PONG));
            took.push(start.elapsed());
        }
        took
    };
    let mut took = join_all((0..AT_ONCE).map(|_| client())).await.concat();
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_slow_peers_do_not_hold_a_healthy_client_up() {
    if !may_open(1500) {
        return;
    }
    let process = Process::start("").await;
    let alone = latest_hundredth(&process).await;
    let mut slow = JoinSet::new();
    for _ in 0..SLOW_HEADS {
        slow.spawn(trickle(states::connect(process.addr).await, endless_head()));
    }
    for _ in 0..SLOW_BODIES {
        let mut stream = states::connect(process.addr).await;
        let (head, body) = endless_body();
        stream.write_all(&head).await.unwrap();
        slow.spawn(trickle(stream, body));
    }
    let mut unread = Vec::new();
    for _ in 0..UNREAD {
        unread.push(states::unread(process.addr, 5 << 20).await);
    }
    let beside = latest_hundredth(&process).await;
    assert!(process.open_files() > SLOW_HEADS + SLOW_BODIES + UNREAD, "the slow peers were there all the time");
    println!("the latest hundredth took {alone:?} alone, and {beside:?} beside slow peers");
    assert!(beside < alone * RATIO, "{alone:?} alone, and {beside:?} beside slow peers");
}
