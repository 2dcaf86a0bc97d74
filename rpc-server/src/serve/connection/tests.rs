//! Whole connections over streams in memory. The paused clock advances only when all tasks wait.

mod closing;
mod given_back;
mod half_closed;
mod http2;
mod limits;
mod rate;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::serve;
use crate::http::ConnectionInfo;
use crate::serve::facts::ConnectionFacts;
use crate::serve::peer::PeerKey;
use crate::serve::state::{ConnectionOrder, ConnectionState};
use crate::{Limits, Server, ServerBuilder};

struct Served {
    peer: DuplexStream,
    state: Arc<ConnectionState>,
    task: JoinHandle<()>,
}

/// Serves one connection. Its methods are `ping`; `sleep` and `pause`, which take a number of seconds and milliseconds;
/// and `text`, which takes a number of bytes.
fn served_with(change: impl FnOnce(&mut Limits)) -> Served {
    let mut limits = Limits { handler_timeout: Duration::from_secs(1000), ..Limits::default() };
    change(&mut limits);
    serve_in_memory(builder().limits(limits).build())
}

fn builder() -> ServerBuilder {
    Server::builder()
        .method("ping", || async { "pong" })
        .method("sleep", |(seconds,): (u64,)| async move { sleep(Duration::from_secs(seconds)).await })
        .method("pause", |(millis,): (u64,)| async move { sleep(Duration::from_millis(millis)).await })
        .method("text", |(bytes,): (usize,)| async move { "x".repeat(bytes) })
}

fn serve_in_memory(server: Server) -> Served {
    let (peer, stream) = duplex(64 << 10);
    let state = Arc::new(ConnectionState::new(PeerKey::default()));
    let served = Arc::clone(&state);
    let task = tokio::spawn(async move {
        serve(server.http_state, stream, ConnectionInfo::default(), ConnectionFacts::default(), &served).await;
    });
    Served { peer, state, task }
}

const PING: &str = r#"{"jsonrpc":"2.0","method":"ping","id":1}"#;

fn head(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n")
}

fn request(body: &str) -> String {
    head(body.len()) + body
}

async fn ask(peer: &mut DuplexStream, body: &str) -> String {
    peer.write_all(request(body).as_bytes()).await.unwrap();
    answer(peer).await
}

/// Reads an answer to its end. The id comes last.
async fn answer(peer: &mut DuplexStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(br#""id":1}"#) {
        answer.push(peer.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap()
}

/// Reads to the end of the connection.
async fn rest(peer: &mut DuplexStream) -> String {
    let mut rest = String::new();
    peer.read_to_string(&mut rest).await.unwrap();
    rest
}

/// Checks that this number of seconds has passed. tokio's timers may be late by some milliseconds.
#[track_caller]
fn assert_elapsed(since: Instant, seconds: u64) {
    let elapsed = since.elapsed();
    let expected = Duration::from_secs(seconds);
    assert!((expected..expected + Duration::from_millis(20)).contains(&elapsed), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_at_the_idle_timeout_and_not_before() {
    let Served { mut peer, task, .. } = served_with(|_| {});
    ask(&mut peer, PING).await;
    sleep(Duration::from_secs(74)).await;
    ask(&mut peer, PING).await;
    let start = Instant::now();
    assert_eq!(rest(&mut peer).await, "");
    assert_elapsed(start, 75);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_at_the_idle_timeout_after_a_call_that_took_longer() {
    let Served { mut peer, task, .. } = served_with(|_| {});
    ask(&mut peer, r#"{"jsonrpc":"2.0","method":"sleep","params":[200],"id":1}"#).await;
    let start = Instant::now();
    assert_eq!(rest(&mut peer).await, "");
    assert_elapsed(start, 75);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_head_has_its_time_in_all_and_is_answered_with_408_beyond() {
    let Served { mut peer, .. } = served_with(|_| {});
    let whole = request(PING);
    let (one, two) = whole.split_at(20);
    peer.write_all(one.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(9_900)).await;
    peer.write_all(two.as_bytes()).await.unwrap();
    assert!(answer(&mut peer).await.starts_with("HTTP/1.1 200 "));

    let start = Instant::now();
    peer.write_all(one.as_bytes()).await.unwrap();
    let refused = rest(&mut peer).await;
    assert!(refused.starts_with("HTTP/1.1 408 ") && refused.contains(r#""code":-32094"#), "{refused}");
    assert_elapsed(start, 10);
}

#[tokio::test(start_paused = true)]
async fn a_body_may_make_no_progress_for_its_time_and_not_longer() {
    let Served { mut peer, .. } = served_with(|_| {});
    peer.write_all(head(PING.len()).as_bytes()).await.unwrap();
    sleep(Duration::from_millis(9_900)).await;
    peer.write_all(PING.as_bytes()).await.unwrap();
    assert!(answer(&mut peer).await.starts_with("HTTP/1.1 200 "));

    let start = Instant::now();
    peer.write_all(head(100).as_bytes()).await.unwrap();
    let refused = rest(&mut peer).await;
    assert!(refused.starts_with("HTTP/1.1 408 ") && refused.contains(r#""code":-32094"#), "{refused}");
    assert_elapsed(start, 10);
}

#[tokio::test(start_paused = true)]
async fn a_body_has_its_time_in_all_though_it_makes_progress() {
    for (pause, answered) in [(5, true), (8, false)] {
        let Served { mut peer, .. } = served_with(|_| {});
        let start = Instant::now();
        peer.write_all(head(PING.len()).as_bytes()).await.unwrap();
        // Five pauses take 25 or 40 seconds.
        for part in PING.as_bytes().chunks(8) {
            sleep(Duration::from_secs(pause)).await;
            let _ = peer.write_all(part).await;
        }
        let answer = if answered { answer(&mut peer).await } else { rest(&mut peer).await };
        assert!(answer.starts_with(if answered { "HTTP/1.1 200 " } else { "HTTP/1.1 408 " }), "{answer}");
        assert!(start.elapsed().as_secs() >= 25);
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_says_goodbye_with_its_next_answer() {
    let Served { mut peer, state, task } = served_with(|limits| limits.max_connection_age = Duration::from_secs(50));
    sleep(Duration::from_secs(44)).await;
    assert!(!ask(&mut peer, PING).await.contains("connection: close"));
    sleep(Duration::from_secs(12)).await;
    assert_eq!(state.order(), ConnectionOrder::Retire);
    assert!(!task.is_finished(), "the next request may be on its way");
    assert!(ask(&mut peer, PING).await.contains("connection: close"));
    assert_eq!(rest(&mut peer).await, "");
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_grows_old_in_a_call_ends_after_the_next_one() {
    let Served { mut peer, .. } = served_with(|limits| limits.max_connection_age = Duration::from_secs(50));
    let long = ask(&mut peer, r#"{"jsonrpc":"2.0","method":"sleep","params":[100],"id":1}"#).await;
    assert!(!long.contains("connection: close"), "{long}");
    sleep(Duration::from_millis(1)).await;
    assert!(ask(&mut peer, PING).await.contains("connection: close"));
    assert_eq!(rest(&mut peer).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_to_close_answers_what_is_under_way() {
    let Served { mut peer, state, task } = served_with(|_| {});
    let call = r#"{"jsonrpc":"2.0","method":"sleep","params":[20],"id":1}"#;
    peer.write_all(request(call).as_bytes()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    state.tell(ConnectionOrder::Close);
    assert!(answer(&mut peer).await.contains("connection: close"));
    assert_eq!(rest(&mut peer).await, "");
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_to_close_and_is_idle_closes_at_once() {
    for asks in [0, 2] {
        let Served { mut peer, state, task } = served_with(|_| {});
        for _ in 0..asks {
            ask(&mut peer, PING).await;
        }
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        state.tell(ConnectionOrder::Close);
        assert_eq!(rest(&mut peer).await, "");
        task.await.unwrap();
        assert_elapsed(start, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_head_holds_a_connection_that_is_to_close_for_a_second() {
    for begin in ["P", "PRI * ", "POST / HTTP/1.1\r\nhost"] {
        let Served { mut peer, state, task } = served_with(|_| {});
        peer.write_all(begin.as_bytes()).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        state.tell(ConnectionOrder::Close);
        task.await.unwrap();
        assert!(start.elapsed() < Duration::from_millis(1100), "{begin}: {:?}", start.elapsed());
        peer.read_to_end(&mut Vec::new()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_complete_in_time_is_answered_though_the_connection_is_to_close() {
    let Served { mut peer, state, .. } = served_with(|_| {});
    let whole = request(PING);
    let (one, two) = whole.split_at(20);
    peer.write_all(one.as_bytes()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    state.tell(ConnectionOrder::Close);
    sleep(Duration::from_millis(900)).await;
    peer.write_all(two.as_bytes()).await.unwrap();
    assert!(answer(&mut peer).await.contains("connection: close"));
}
