//! Slowly read answers, and calls in flight on one connection, at a server with default limits.

use std::time::Duration;

use rpc::Limits;
use support::PING;
use support::frames::{DATA, END_STREAM, Frames, HEADERS, POST, RST_STREAM, SETTINGS, WINDOW_UPDATE};
use support::raw_http::{Connection, Reply, exchange, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::attacks::child::{self, Attacked, HOLD, LARGE, ping};
use crate::attacks::http2;

/// The maximum size of an answer, without the JSON around it.
const ANSWER: usize = 9_900_000;

/// How many of these answers exceed the server's budget.
const ANSWERS: u32 = 34;

/// How long it may take on a loaded machine until there is room again. A reader that makes progress would have far more
/// time than that.
const SOON: Duration = Duration::from_secs(25);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is the child process of the tests below"]
async fn serves() {
    child::serve(Limits::default(), ANSWER).await;
}

async fn large(server: &Attacked) -> Reply {
    exchange(server.addr, &post(LARGE)).await
}

fn is_whole(reply: &Reply) -> bool {
    reply.status == 200 && reply.header("rpc-status") == Some("0") && reply.body.len() > ANSWER
}

/// Makes calls that must be answered, each on a new connection.
async fn small_calls(server: &Attacked) {
    for _ in 0..20 {
        ping(&mut Connection::open(server.addr).await).await;
    }
}

#[tokio::test]
async fn one_http2_connection_that_reads_nothing_leaves_room_for_the_calls_of_others() {
    let server = Attacked::start(module_path!()).await;
    let mut attacker = http2::connect(server.addr).await;
    for number in 0..ANSWERS {
        attacker.post(2 * number + 1, POST, LARGE).await;
    }
    // They are answered, or get the error that there is no room for their answers.
    for _ in 0..ANSWERS {
        attacker.until(HEADERS).await;
    }
    small_calls(&server).await;
    let reply = large(&server).await;
    assert!(is_whole(&reply), "{} {:?}", reply.status, reply.headers);
}

#[tokio::test]
async fn one_http2_connection_of_large_batches_leaves_room_for_the_calls_of_others() {
    let server = Attacked::start(module_path!()).await;
    let mut attacker = http2::connect(server.addr).await;
    for number in 0..ANSWERS {
        attacker.post(2 * number + 1, POST, &format!("[{LARGE},{PING}]")).await;
    }
    for _ in 0..ANSWERS {
        attacker.until(HEADERS).await;
    }
    small_calls(&server).await;
    let reply = large(&server).await;
    assert!(is_whole(&reply), "{} {:?}", reply.status, reply.headers);
}

/// Opens the windows for everything, and asks for a large answer on each of this many streams.
async fn ask_for_large(frames: &mut Frames, streams: u32) {
    frames.write(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]).await;
    frames.write(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()).await;
    for number in 0..streams {
        frames.post(2 * number + 1, POST, LARGE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_http2_connection_that_reads_gets_more_answers_at_a_time_than_its_share() {
    // One and a half times its share.
    const STREAMS: u32 = 10;
    let mut read = Vec::new();
    // The last answers wait a few seconds for the reader to read the earlier ones. On a busy machine that can be too
    // short, but not every time.
    for _ in 0..5 {
        let server = Attacked::start(module_path!()).await;
        let mut frames = http2::connect(server.addr).await;
        ask_for_large(&mut frames, STREAMS).await;
        let (mut whole, mut bytes) = (0, 0);
        while whole < STREAMS {
            let frame = frames.until(DATA).await;
            bytes += frame.payload.len();
            whole += u32::from(frame.flags & END_STREAM != 0);
        }
        if bytes > STREAMS as usize * ANSWER {
            return;
        }
        read.push(bytes);
    }
    panic!("not all answers were whole, in so many bytes: {read:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_closed_http2_connection_gets_its_answers_whole_though_that_takes_longer_than_a_second() {
    const STREAMS: u32 = 6;
    let server = Attacked::start(module_path!()).await;
    let mut frames = http2::connect(server.addr).await;
    // The windows are open from the start, because the peer cannot open them later.
    ask_for_large(&mut frames, STREAMS).await;
    frames.stream.shutdown().await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let (mut whole, mut bytes) = (0, 0);
    while let Some(frame) = frames.read().await {
        if frame.kind == DATA {
            bytes += frame.payload.len();
            whole += u32::from(frame.flags & END_STREAM != 0);
        }
    }
    assert_eq!((whole, bytes > STREAMS as usize * ANSWER), (STREAMS, true), "{bytes}");
}

/// Reads a few bytes at a time until the end, just fast enough for constant progress.
async fn trickle(mut stream: TcpStream) {
    let mut bytes = [0; 1024];
    while let Ok(1..) = stream.read(&mut bytes).await {
        sleep(Duration::from_millis(500)).await;
    }
}

/// Makes calls until a large answer is withheld, and then until one arrives in full. Small ones are always answered.
async fn until_large_answers_pass_again(server: &Attacked) {
    let start = Instant::now();
    let mut withheld = false;
    loop {
        small_calls(server).await;
        let reply = large(server).await;
        if is_whole(&reply) && withheld {
            return;
        }
        withheld |= reply.header("rpc-status") == Some("-32091");
        assert!(start.elapsed() < SOON, "{} {:?}", reply.status, reply.headers);
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_that_read_slowly_are_cut_so_that_large_answers_pass_soon_again() {
    let server = Attacked::start(module_path!()).await;
    let mut attackers = JoinSet::new();
    for mut stream in server.connect(2 * ANSWERS as usize).await {
        stream.write_all(&post(LARGE)).await.unwrap();
        attackers.spawn(trickle(stream));
    }
    until_large_answers_pass_again(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_http2_connections_that_read_slowly_are_cut_so_that_large_answers_pass_soon_again() {
    const STREAMS: u32 = 8;
    let server = Attacked::start(module_path!()).await;
    let mut attackers = JoinSet::new();
    for _ in 0..5 {
        let mut attacker = http2::connect(server.addr).await;
        for number in 0..STREAMS {
            attacker.post(2 * number + 1, POST, LARGE).await;
        }
        attackers.spawn(trickle(attacker.stream));
    }
    until_large_answers_pass_again(&server).await;
}

#[tokio::test]
async fn batches_that_wait_for_one_call_hold_no_room_for_those_that_are_done() {
    const BATCHES: usize = 64;
    let server = Attacked::start(module_path!()).await;
    let batch = format!("[{HOLD}{}]", format!(",{PING}").repeat(63));
    let mut batches = Vec::new();
    for _ in 0..BATCHES {
        let mut connection = Connection::open(server.addr).await;
        connection.send(&post(&batch)).await;
        batches.push(connection);
    }
    server.control.until_begun(BATCHES as u64).await.unwrap();
    small_calls(&server).await;
    server.control.release().await.unwrap();
    for connection in &mut batches {
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("0")));
    }
}

#[tokio::test]
async fn calls_that_were_opened_and_reset_on_one_connection_leave_room_for_those_of_others() {
    const MAX_OF_CONNECTION: u64 = 1024;
    let server = Attacked::start(module_path!()).await;
    let mut attacker = http2::connect(server.addr).await;
    // All refusals together exceed the default window of a connection.
    attacker.write(WINDOW_UPDATE, 0, 0, &(1_u32 << 24).to_be_bytes()).await;
    let mut stream = 1;
    // More calls than may be in flight in total.
    for round in 1..=43 {
        let first = stream;
        for _ in 0..100 {
            attacker.post(stream, POST, HOLD).await;
            stream += 2;
        }
        let begun = (round * 100).min(MAX_OF_CONNECTION);
        server.control.until_begun(begun).await.unwrap();
        for _ in 0..(round * 100).saturating_sub(MAX_OF_CONNECTION).min(100) {
            // The other calls are refused.
            let answer = String::from_utf8(attacker.until(DATA).await.payload).unwrap();
            assert!(answer.starts_with(r#"{"jsonrpc":"2.0","error":{"code":-32092"#), "{answer}");
        }
        for reset in (first..stream).step_by(2) {
            attacker.write(RST_STREAM, 0, reset, &8_u32.to_be_bytes()).await;
        }
    }
    small_calls(&server).await;
    assert_eq!(server.control.begun().await.unwrap(), MAX_OF_CONNECTION);
}
