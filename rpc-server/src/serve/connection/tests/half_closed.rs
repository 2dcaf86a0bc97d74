//! Peers that have closed their half of the connection, and may still read.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::{PING, Served, answer, ask, assert_elapsed, head, request, rest, served_with};

fn pause(millis: u64) -> String {
    request(&format!(r#"{{"jsonrpc":"2.0","method":"pause","params":[{millis}],"id":1}}"#))
}

#[tokio::test(start_paused = true)]
async fn what_is_ready_within_a_second_is_answered_and_ends_the_connection() {
    for asks in [0, 1] {
        let Served { mut peer, task, .. } = served_with(|_| {});
        for _ in 0..asks {
            ask(&mut peer, PING).await;
        }
        // The second counts from the half-close, not from the request.
        peer.write_all(pause(2900).as_bytes()).await.unwrap();
        sleep(Duration::from_secs(2)).await;
        peer.shutdown().await.unwrap();
        let start = Instant::now();
        let answer = rest(&mut peer).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
        task.await.unwrap();
        assert!((900..950).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_longer_is_given_up() {
    let Served { mut peer, task, .. } = served_with(|_| {});
    peer.write_all(pause(1100).as_bytes()).await.unwrap();
    peer.shutdown().await.unwrap();
    let start = Instant::now();
    assert_eq!(rest(&mut peer).await, "");
    task.await.unwrap();
    assert_elapsed(start, 1);
}

#[tokio::test(start_paused = true)]
async fn all_requests_that_came_before_the_end_are_answered() {
    let Served { mut peer, task, .. } = served_with(|_| {});
    let all = [pause(500), request(PING), pause(500)].concat();
    peer.write_all(all.as_bytes()).await.unwrap();
    peer.shutdown().await.unwrap();
    let answers = rest(&mut peer).await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 3, "{answers}");
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_written_to_its_end_however_slowly_it_is_read() {
    let Served { mut peer, task, .. } = served_with(|_| {});
    let text = r#"{"jsonrpc":"2.0","method":"text","params":[1000000],"id":1}"#;
    peer.write_all(request(text).as_bytes()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    peer.shutdown().await.unwrap();
    sleep(Duration::from_secs(5)).await;
    assert!(answer(&mut peer).await.len() > 1_000_000);
    assert_eq!(rest(&mut peer).await, "");
    task.await.unwrap();
}

/// Builds a frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

#[tokio::test(start_paused = true)]
async fn answers_over_http2_that_wait_for_a_window_are_given_up() {
    let Served { mut peer, task, .. } = served_with(|_| {});
    let mut sent = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &[])].concat();
    sent.extend(frame(1, 4, 1, b"\x83\x86\x84\x0f\x10\x10application/json"));
    sent.extend(frame(0, 1, 1, super::http2::text(1_000_000).as_bytes()));
    peer.write_all(&sent).await.unwrap();
    peer.shutdown().await.unwrap();
    let start = Instant::now();
    let mut read = Vec::new();
    peer.read_to_end(&mut read).await.unwrap();
    task.await.unwrap();
    assert_elapsed(start, 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_at_rest_and_one_whose_request_breaks_off_end_soon() {
    let body = head(PING.len()) + &PING[..10];
    for (asks, begin) in [(0, ""), (1, ""), (0, "POST"), (1, "POST / HTTP"), (0, &body)] {
        let Served { mut peer, task, .. } = served_with(|_| {});
        for _ in 0..asks {
            ask(&mut peer, PING).await;
        }
        peer.write_all(begin.as_bytes()).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        peer.shutdown().await.unwrap();
        let end = rest(&mut peer).await;
        assert_eq!(end.starts_with("HTTP/1.1 400 "), begin == body, "{end}");
        task.await.unwrap();
        assert!(start.elapsed() < Duration::from_millis(150), "{:?}", start.elapsed());
    }
}
