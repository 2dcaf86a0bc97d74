//! More bytes than the server may hold, in requests and in unread answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rpc::Limits;
use support::process::may_open;
use support::raw_http::{Connection, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::attacks::child::{self, Attacked, HELD, HOLD, HOLD_LARGE, LARGE, ping};

const MIB: usize = 1 << 20;

/// How long it may take on a loaded machine until all calls are in flight or answered.
const TEST_TIMEOUT: Duration = Duration::from_secs(100);

/// The default limit of calls in flight.
const CALLS: usize = 4096;

/// The server's default budget of buffered bytes, in KiB.
const BUDGET_KIB: u64 = 256 << 10;

/// How much uncounted memory a connection may take while its body arrives: hyper's buffer, a frame that waits to be
/// processed, and what the allocator keeps. It takes 90 KiB, also without optimizations. Without a budget, it would
/// take 2 MiB.
const CONNECTION_KIB: u64 = 160;

/// How many calls have answers that are not read, and the size of these answers.
const UNREAD: usize = 200;
const ANSWER: usize = 8 * MIB;

/// How many answers can be written at a time. They exist before they are counted: one in each of the server's threads.
const WORKERS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is the child process of the tests below"]
async fn serves() {
    let mut limits = Limits::default();
    // Only the limits of memory matter here, however long the calls take.
    limits.handler_timeout = Duration::from_secs(600);
    limits.body_timeout = Duration::from_secs(600);
    limits.body_progress_timeout = Duration::from_secs(600);
    limits.write_progress_timeout = Duration::from_secs(600);
    child::serve(limits, ANSWER).await;
}

/// Returns a call with a body of the maximum size.
fn call() -> Bytes {
    let body = format!(r#"{{"jsonrpc":"2.0","method":"hold","params":["{}"],"id":1}}"#, "x".repeat(2 * MIB));
    let padding = body.len() - Limits::default().max_request_bytes;
    let body = body.replacen(&"x".repeat(padding), "", 1);
    post(body).into()
}

/// Sends a request until it is sent or answered. Returns the answer.
async fn send(mut stream: TcpStream, request: Bytes) -> String {
    let (mut reader, mut writer) = stream.split();
    let mut answer = vec![0; 4096];
    let mut read = 0;
    let sending = async {
        // If this fails, the server has already sent the reason.
        let _ = writer.write_all(&request).await;
        std::future::pending::<()>().await;
    };
    let reading = async {
        while !answer[..read].ends_with(b"}") {
            match reader.read(&mut answer[read..]).await.unwrap() {
                0 => break,
                more => read += more,
            }
        }
    };
    tokio::select! {
        () = sending => {}
        () = reading => {}
    }
    String::from_utf8(answer[..read].to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_large_calls_at_a_time_are_held_within_the_budget_and_the_others_shed() {
    if !may_open(CALLS as u64 + 200) {
        return;
    }
    let server = Attacked::start(module_path!()).await;
    ping(&mut Connection::open(server.addr).await).await;
    server.process.until_connections_are_closed().await;
    let streams = server.connect(CALLS).await;
    let before = server.process.memory("VmHWM");
    let request = call();
    let shed = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for stream in streams {
        let (request, shed) = (request.clone(), Arc::clone(&shed));
        calls.spawn(async move {
            let answer = send(stream, request).await;
            if answer.starts_with("HTTP/1.1 503 ") {
                assert!(answer.contains("retry-after: 1") && answer.contains("rpc-refused: all"), "{answer}");
                shed.fetch_add(1, Ordering::Relaxed);
                return false;
            }
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(HELD), "{answer}");
            true
        });
    }
    // Only the server knows how many calls are still neither held nor shed.
    let begun = loop {
        let begun = server.control.begun().await.unwrap();
        if begun + shed.load(Ordering::Relaxed) == CALLS as u64 {
            break begun;
        }
        let so_far = shed.load(Ordering::Relaxed);
        assert!(start.elapsed() < TEST_TIMEOUT, "of {CALLS} calls {begun} have begun, and {so_far} were shed");
        sleep(Duration::from_millis(20)).await;
    };
    let peak = server.process.memory("VmHWM");
    let bound = before + BUDGET_KIB + CALLS as u64 * CONNECTION_KIB;
    assert!(peak < bound, "the server held {peak} KiB, and {before} KiB before the attack");
    // The calls use the whole budget, except for what other calls held when the last ones asked for room.
    let fitting = BUDGET_KIB / (2 * MIB as u64 / 1024);
    assert!((fitting / 2..=fitting).contains(&begun), "{begun} calls have begun");
    server.control.release().await.unwrap();
    let answered = calls.join_all().await.into_iter().filter(|is_held| *is_held).count();
    assert_eq!(answered as u64, begun);
    ping(&mut Connection::open(server.addr).await).await;
}

/// Reads the head of an answer. Returns its `Rpc-Status`.
async fn rpc_status(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(TEST_TIMEOUT, stream.read_u8()).await.expect("each is answered").unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let status = head.lines().find_map(|line| line.strip_prefix("rpc-status: ")).unwrap();
    status.to_owned()
}

/// Makes calls with large answers that are not read. If `waits`, the calls wait at the gate and are then released.
async fn assert_answers_stay_within_the_budget(call: &str, waits: bool) {
    let server = Attacked::start(module_path!()).await;
    ping(&mut Connection::open(server.addr).await).await;
    server.process.until_connections_are_closed().await;
    let before = server.process.memory("VmHWM");
    let mut unread = server.connect(UNREAD).await;
    for stream in &mut unread {
        stream.write_all(&post(call)).await.unwrap();
    }
    if waits {
        server.control.until_begun(UNREAD as u64).await.unwrap();
        server.control.release().await.unwrap();
    }
    let mut held = 0;
    for stream in &mut unread {
        match &*rpc_status(stream).await {
            "0" => held += 1,
            withheld => assert_eq!(withheld, "-32091"),
        }
    }
    let fitting = BUDGET_KIB as usize * 1024 / ANSWER;
    assert!((fitting - WORKERS..=fitting + WORKERS).contains(&held), "{held} large answers are held");
    // There is still room for small calls.
    ping(&mut Connection::open(server.addr).await).await;
    let peak = server.process.memory("VmHWM");
    // Not counted: the answer while it is written and moved to a larger buffer, and the spare room of that buffer, for
    // each thread. Without a budget, all the answers would add up.
    let bound = before + BUDGET_KIB + (WORKERS * 10 * ANSWER / 1024) as u64;
    assert!(peak < bound, "the server held {peak} KiB, and {before} KiB before the attack");
    drop(unread);
    // The remaining connection belongs to the control client.
    server.process.until_connections_are(TEST_TIMEOUT, |open| open <= 1).await;
    ping(&mut Connection::open(server.addr).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_are_held_within_the_budget_and_others_withheld() {
    assert_answers_stay_within_the_budget(LARGE, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_calls_that_end_together_are_held_within_the_budget_and_others_withheld() {
    assert_answers_stay_within_the_budget(HOLD_LARGE, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_batches_that_still_run_are_held_within_the_budget_and_others_withheld() {
    const BATCHES: usize = 100;
    let server = Attacked::start(module_path!()).await;
    ping(&mut Connection::open(server.addr).await).await;
    server.process.until_connections_are_closed().await;
    let before = server.process.memory("VmHWM");
    let mut connections = Vec::new();
    for _ in 0..BATCHES {
        let mut connection = Connection::open(server.addr).await;
        connection.send(&post(format!("[{LARGE},{HOLD}]"))).await;
        connections.push(connection);
    }
    server.control.until_begun(BATCHES as u64).await.unwrap();
    // There is still room for small calls.
    ping(&mut Connection::open(server.addr).await).await;
    let peak = server.process.memory("VmHWM");
    let bound = before + BUDGET_KIB + (WORKERS * 10 * ANSWER / 1024) as u64;
    assert!(peak < bound, "the server held {peak} KiB, and {before} KiB before the attack");
    server.control.release().await.unwrap();
    let mut held = 0;
    for connection in &mut connections {
        let reply = connection.reply().await;
        assert_eq!(reply.status, 200);
        match reply.header("rpc-status") {
            Some("0") => held += 1,
            // The other entry is answered as usual.
            _ => assert!(
                reply.text().contains("-32091") && reply.text().ends_with(&format!(",{HELD}]")),
                "{}",
                reply.text()
            ),
        }
    }
    // The count of each answer is rounded up to a whole number of steps.
    let fitting = BUDGET_KIB as usize * 1024 / ANSWER;
    assert!((fitting - 1..=fitting).contains(&held), "{held} large answers were held");
}
