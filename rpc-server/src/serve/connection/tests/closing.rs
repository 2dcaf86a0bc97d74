//! Requests that arrive just when their connection gets an order to close.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use super::{ConnectionOrder, PING, Served, answer, ask, assert_elapsed, head, request, rest, served_with};
use crate::serve::state::ConnectionPhase;

#[tokio::test(start_paused = true)]
async fn a_request_that_is_there_when_the_connection_is_told_to_close_is_answered() {
    for asks in [0, 2] {
        let Served { mut peer, state, task } = served_with(|_| {});
        for _ in 0..asks {
            ask(&mut peer, PING).await;
        }
        sleep(Duration::from_secs(1)).await;
        state.tell(ConnectionOrder::Close);
        peer.write_all(request(PING).as_bytes()).await.unwrap();
        assert!(answer(&mut peer).await.contains("connection: close"));
        assert_eq!(rest(&mut peer).await, "");
        task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_request_of_a_new_connection_is_waited_for_a_moment() {
    for (after, answered) in [(190, true), (210, false)] {
        let Served { mut peer, state, task } = served_with(|_| {});
        tokio::task::yield_now().await;
        state.tell(ConnectionOrder::Close);
        sleep(Duration::from_millis(after)).await;
        let _ = peer.write_all(request(PING).as_bytes()).await;
        let end = rest(&mut peer).await;
        assert_eq!(end.starts_with("HTTP/1.1 200 ") && end.contains("connection: close"), answered, "{end}");
        task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_written_when_the_connection_is_told_to_close_is_its_last() {
    // A connection that was at rest before already has a timer.
    for asks in [0, 2] {
        let Served { mut peer, state, task } = served_with(|_| {});
        for _ in 0..asks {
            ask(&mut peer, PING).await;
            sleep(Duration::from_secs(1)).await;
        }
        let text = r#"{"jsonrpc":"2.0","method":"text","params":[1000000],"id":1}"#;
        peer.write_all(request(text).as_bytes()).await.unwrap();
        // The stream is full, and the answer's head is on its way without `ConnectionInfo: close`.
        sleep(Duration::from_secs(1)).await;
        state.tell(ConnectionOrder::Close);
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        assert!(answer(&mut peer).await.len() > 1_000_000);
        assert_eq!(rest(&mut peer).await, "");
        assert_elapsed(start, 0);
        task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_has_to_make_room_is_closed_at_once_unless_a_request_runs() {
    let body = head(PING.len()) + &PING[..10];
    for (asks, begin) in [(0, ""), (1, ""), (0, "P"), (0, "PRI * "), (0, "POST / HT"), (1, "POST / HT"), (0, &body)] {
        let Served { mut peer, state, task } = served_with(|_| {});
        for _ in 0..asks {
            ask(&mut peer, PING).await;
        }
        peer.write_all(begin.as_bytes()).await.unwrap();
        sleep(Duration::from_secs(2)).await;
        assert_ne!(state.phase(), Some(ConnectionPhase::Busy), "{begin}");
        let start = Instant::now();
        state.tell(ConnectionOrder::Evict);
        task.await.unwrap();
        assert_elapsed(start, 0);
    }
    let Served { mut peer, state, task } = served_with(|_| {});
    let call = r#"{"jsonrpc":"2.0","method":"sleep","params":[20],"id":1}"#;
    peer.write_all(request(call).as_bytes()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(state.phase(), Some(ConnectionPhase::Busy));
    state.tell(ConnectionOrder::Evict);
    assert!(answer(&mut peer).await.contains("connection: close"));
    assert_eq!(rest(&mut peer).await, "");
    task.await.unwrap();
}
