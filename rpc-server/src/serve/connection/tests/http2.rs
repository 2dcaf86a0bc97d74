use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{Order, PING, Served, State, assert_elapsed, served_with};
use crate::Limits;

#[derive(Clone)]
pub(super) struct Peer(SendRequest<Bytes>);

impl Peer {
    /// Speaks HTTP/2 to a server, with a window of so many bytes for each answer.
    pub(super) async fn connect(served: Served, window: u32) -> (Self, JoinHandle<()>, Arc<State>) {
        let Served { peer, state, task } = served;
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window).initial_connection_window_size(1 << 20);
        let (requests, connection) = builder.handshake(peer).await.unwrap();
        tokio::spawn(connection);
        (Self(requests), task, state)
    }

    pub(super) async fn post(&self, body: &str) -> Result<Response<RecvStream>, h2::Error> {
        let request = Request::post("http://a/").header("content-type", "application/json").body(()).unwrap();
        let (answer, mut stream) = self.0.clone().ready().await?.send_request(request, false)?;
        stream.send_data(Bytes::copy_from_slice(body.as_bytes()), true)?;
        answer.await
    }

    pub(super) async fn ping(&self) -> Result<(), h2::Error> {
        let mut body = self.post(PING).await?.into_body();
        while let Some(data) = body.data().await {
            body.flow_control().release_capacity(data?.len())?;
        }
        Ok(())
    }
}

pub(super) fn text(bytes: usize) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"text","params":[{bytes}],"id":1}}"#)
}

/// Checks that it took the time from which an answer is cut, and no more than a quarter longer.
#[track_caller]
fn assert_write_timeout(elapsed: Duration) {
    let limit = Limits::default().write_progress_timeout;
    assert!((limit..limit + limit / 4 + Duration::from_secs(1)).contains(&elapsed), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_is_cut_though_others_are_read() {
    let (peer, task, _) = Peer::connect(served_with(|_| {}), 20_000).await;
    let unread = peer.post(&text(1 << 20)).await.unwrap();
    let start = Instant::now();
    while peer.ping().await.is_ok() {
        sleep(Duration::from_millis(500)).await;
    }
    assert_write_timeout(start.elapsed());
    task.await.unwrap();
    drop(unread);
}

#[tokio::test(start_paused = true)]
async fn the_last_bytes_of_an_answer_are_cut_as_well() {
    // All of it is with HTTP/2 already when the window is closed.
    let (peer, task, _) = Peer::connect(served_with(|_| {}), 1000).await;
    let unread = peer.post(&text(2000)).await.unwrap();
    let start = Instant::now();
    task.await.unwrap();
    assert_write_timeout(start.elapsed());
    drop(unread);
}

#[tokio::test(start_paused = true)]
async fn without_a_least_rate_an_answer_that_is_read_slowly_is_not_cut() {
    const PIECE: usize = 16 << 10;
    let (peer, _, _) = Peer::connect(served_with(|limits| limits.min_response_rate = 0), 16 << 10).await;
    let mut body = peer.post(&text(200_000)).await.unwrap().into_body();
    let start = Instant::now();
    let mut read = 0;
    while read < 200_000 {
        let mut piece = 0;
        while piece < PIECE && read + piece < 200_000 {
            piece += body.data().await.unwrap().unwrap().len();
        }
        read += piece;
        sleep(Duration::from_secs(29)).await;
        body.flow_control().release_capacity(piece).unwrap();
    }
    assert!(start.elapsed() > Duration::from_secs(300), "{:?}", start.elapsed());
    peer.ping().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_long_call_is_no_unread_answer() {
    let (peer, _, _) = Peer::connect(served_with(|_| {}), 1000).await;
    let start = Instant::now();
    peer.post(r#"{"jsonrpc":"2.0","method":"sleep","params":[300],"id":1}"#).await.unwrap();
    assert_elapsed(start, 300);
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_takes_no_new_requests_and_finishes_what_is_under_way() {
    let served = served_with(|limits| limits.max_connection_age = Duration::from_secs(50));
    let (peer, task, state) = Peer::connect(served, 1000).await;
    let long = peer.clone();
    let long = tokio::spawn(async move {
        long.post(r#"{"jsonrpc":"2.0","method":"sleep","params":[200],"id":1}"#).await.map(|answer| answer.status())
    });
    sleep(Duration::from_secs(44)).await;
    assert_eq!(state.order(), Order::GoOn);
    peer.ping().await.unwrap();
    sleep(Duration::from_secs(12)).await;
    let refused = peer.ping().await.unwrap_err();
    assert!(refused.is_go_away() && refused.reason() == Some(Reason::NO_ERROR), "{refused}");
    assert_eq!(long.await.unwrap().unwrap(), 200);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_see_the_goodbye_holds_a_connection_that_is_to_close_for_a_second() {
    let Served { mut peer, state, task } = served_with(|_| {});
    // The preface and empty settings, and then never anything again.
    peer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    state.tell(Order::Close);
    task.await.unwrap();
    assert_elapsed(start, 1);
    let mut frames = Vec::new();
    peer.read_to_end(&mut frames).await.unwrap();
    // A frame GOAWAY of eight bytes, on the connection itself.
    assert!(frames.windows(5).any(|head| head == [0, 0, 8, 7, 0]), "{frames:?}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_at_the_idle_timeout() {
    let (peer, task, _) = Peer::connect(served_with(|_| {}), 1000).await;
    peer.ping().await.unwrap();
    let start = Instant::now();
    task.await.unwrap();
    assert_elapsed(start, 75);
}
