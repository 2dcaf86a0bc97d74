//! The minimum rate at which a peer has to read.

use std::time::Duration;

use futures_util::future::join_all;
use h2::RecvStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::http2::{Peer, text};
use super::{PING, Served, ask, request, served_with};

/// The size of the pieces that HTTP/2 gets, and of the window for each answer here.
const PIECE: usize = 16 << 10;

/// Large enough that the timeout without progress matters little.
const LARGE: usize = 1_000_000;

/// Returns how many seconds this number of bytes may take by default.
fn allowed(bytes: usize) -> u64 {
    30 + bytes as u64 / 8192
}

/// Reads an answer piece by piece, with a pause after each, and returns whether it arrived completely.
async fn read_slowly(mut body: RecvStream, pause: Duration) -> bool {
    loop {
        let mut piece = 0;
        while piece < PIECE {
            match body.data().await {
                Some(Ok(data)) => piece += data.len(),
                Some(Err(_)) => return false,
                None => return true,
            }
        }
        sleep(pause).await;
        if body.flow_control().release_capacity(piece).is_err() {
            return false;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn over_http2_an_answer_that_is_read_below_the_least_rate_is_cut_though_it_makes_progress() {
    let (peer, task, _) = Peer::connect(served_with(|_| {}), PIECE as u32).await;
    let start = Instant::now();
    let body = peer.post(&text(LARGE)).await.unwrap().into_body();
    assert!(!read_slowly(body, Duration::from_secs(12)).await);
    // The server notices it up to a quarter of the progress timeout later, and the peer after its pause.
    let cut = allowed(LARGE)..allowed(LARGE) + 8 + 12;
    assert!(cut.contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn quick_answers_give_a_slow_one_no_more_time() {
    let (peer, task, _) = Peer::connect(served_with(|_| {}), PIECE as u32).await;
    let start = Instant::now();
    let body = peer.post(&text(LARGE)).await.unwrap().into_body();
    let slow = tokio::spawn(read_slowly(body, Duration::from_secs(12)));
    while peer.ping().await.is_ok() {
        sleep(Duration::from_secs(1)).await;
    }
    let cut = allowed(LARGE)..allowed(LARGE) + 9;
    assert!(cut.contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    task.await.unwrap();
    assert!(!slow.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn answers_that_share_a_slow_link_are_held_to_the_least_rate_together() {
    let (peer, _, _) = Peer::connect(served_with(|_| {}), PIECE as u32).await;
    // Ten answers, each at a tenth of 8.6 kB/s.
    let read = (0..10).map(|_| async {
        let body = peer.post(&text(LARGE)).await.unwrap().into_body();
        read_slowly(body, Duration::from_secs(19)).await
    });
    assert!(join_all(read).await.into_iter().all(|whole| whole));
}

/// Reads an answer over HTTP/1.1 at a pace, and returns whether it arrived completely.
async fn read_plain(served: &mut Served, bytes: usize, at_a_time: usize) -> bool {
    served.peer.write_all(request(&text(bytes)).as_bytes()).await.unwrap();
    let mut end = Vec::new();
    let mut buffer = vec![0; at_a_time];
    while !end.ends_with(br#"","id":1}"#) {
        match served.peer.read_exact(&mut buffer[..1]).await {
            Err(_) => return false,
            Ok(_) => match served.peer.read(&mut buffer[1..]).await.unwrap() {
                0 => return false,
                read => end = [&end[end.len().saturating_sub(16)..], &buffer[..=read]].concat(),
            },
        }
        sleep(Duration::from_secs(1)).await;
    }
    true
}

#[tokio::test(start_paused = true)]
async fn over_http1_an_answer_that_is_read_below_the_least_rate_is_cut_though_it_makes_progress() {
    let mut served = served_with(|_| {});
    let start = Instant::now();
    assert!(!read_plain(&mut served, LARGE, 2000).await);
    served.task.await.unwrap();
    // The bytes that the stream has buffered are read to the end.
    let cut = allowed(LARGE)..allowed(LARGE) + 40;
    assert!(cut.contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn over_http1_answers_that_are_read_at_the_least_rate_are_read_whole() {
    let mut served = served_with(|_| {});
    for _ in 0..2 {
        let start = Instant::now();
        assert!(read_plain(&mut served, LARGE, 8600).await);
        assert!(start.elapsed() > Duration::from_secs(100));
        assert!(ask(&mut served.peer, PING).await.ends_with(r#""result":"pong","id":1}"#));
    }
}
