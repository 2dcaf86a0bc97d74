//! Many slow peers at a time, next to a normal one.

use std::time::Duration;

use rpc::Limits;
use support::raw_http::{Connection, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use crate::attacks::child::{self, Attacked, LARGE, ping};

const ATTACKERS: usize = 500;

/// The server's time limit for each step of the attackers.
const LIMIT: Duration = Duration::from_millis(1500);

/// How long it may take on a loaded machine until all attackers are disconnected.
const TEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How often an attacker sends a byte.
const PACE: Duration = Duration::from_millis(100);

/// The size and number of answers that attackers ask for and do not read: far more than the sockets can buffer.
const ANSWER: usize = 256 << 10;
const ANSWERS: usize = 48;

/// How long a single call may take while the server fills the sockets of attackers that do not read. Without
/// optimizations it takes about a second.
const MAX_PAUSE: Duration = Duration::from_secs(6);

/// How many calls are made before the attack.
const QUIET_CALLS: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is the child process of the test below"]
async fn serves() {
    let mut limits = Limits::default();
    limits.header_timeout = LIMIT;
    limits.body_timeout = LIMIT;
    limits.body_progress_timeout = LIMIT;
    limits.write_progress_timeout = LIMIT;
    child::serve(limits, ANSWER).await;
}

/// Sends one byte after another at this pace, until the server ends the connection.
async fn trickle(mut stream: TcpStream, bytes: Vec<u8>) {
    let mut pace = interval(PACE);
    let (mut reader, mut writer) = stream.split();
    let mut read = Vec::new();
    let end = reader.read_to_end(&mut read);
    let sending = async {
        for byte in bytes {
            pace.tick().await;
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = end => {}
        () = sending => {}
    }
    // For a slow head, the server only closes. For a slow body, it answers first.
    let answered = String::from_utf8(read).unwrap();
    assert!(answered.is_empty() || answered.starts_with("HTTP/1.1 408 "), "{answered}");
}

async fn attack(number: usize, mut stream: TcpStream, mut cut: watch::Receiver<bool>) {
    // At this pace, sending it takes longer than any limit.
    let padding = "x".repeat(10_000);
    match number % 3 {
        0 => trickle(stream, format!("POST / HTTP/1.1\r\nhost: localhost\r\nx-padding: {padding}").into()).await,
        1 => {
            let head =
                "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10000\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            trickle(stream, format!("\"{padding}").into()).await;
        }
        _ => {
            stream.write_all(&post(LARGE).repeat(ANSWERS)).await.unwrap();
            // An attacker that does not read does not notice that it is disconnected. So the test watches the server.
            cut.wait_for(|cut| *cut).await.unwrap();
        }
    }
}

/// Makes calls one after the other until `is_enough` returns true. Returns how long each one took.
async fn calls(connection: &mut Connection, mut is_enough: impl FnMut(usize) -> bool) -> Vec<Duration> {
    let mut took = Vec::new();
    while !is_enough(took.len()) {
        let start = Instant::now();
        ping(connection).await;
        took.push(start.elapsed());
    }
    took
}

fn p99(took: &[Duration]) -> Duration {
    let mut took = took.to_vec();
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_slow_peers_are_cut_and_hold_up_nobody() {
    let server = Attacked::start(module_path!()).await;
    let mut healthy = Connection::open(server.addr).await;
    let quiet = p99(&calls(&mut healthy, |made| made == QUIET_CALLS).await);

    let (cut, is_cut) = watch::channel(false);
    let mut attackers = JoinSet::new();
    let attack = async {
        for (stream, number) in server.connect(ATTACKERS).await.into_iter().zip(0..) {
            attackers.spawn(attack(number, stream, is_cut.clone()));
        }
        // The remaining connection is the healthy one.
        server.process.until_connections_are(TEST_TIMEOUT, |open| open == 1).await;
        cut.send_replace(true);
        while let Some(ended) = attackers.join_next().await {
            ended.unwrap();
        }
    };
    let calls = calls(&mut healthy, |_| *is_cut.borrow());
    let both = async { tokio::join!(calls, attack).0 };
    let took = timeout(2 * TEST_TIMEOUT, both).await.expect("all attackers are cut");

    let bound = Duration::from_millis(100).max(20 * quiet);
    let late = p99(&took);
    assert!(late < bound, "p99 was {quiet:?} in peace, and {late:?} of {} calls under the attack", took.len());
    // While one call waits, the others wait behind it and are few. So a single pause does not show in the percentile.
    let longest = took.iter().max().unwrap();
    assert!(*longest < MAX_PAUSE, "a call took {longest:?} under the attack");
    assert!(took.len() > QUIET_CALLS, "only {} calls were made under the attack", took.len());
}
