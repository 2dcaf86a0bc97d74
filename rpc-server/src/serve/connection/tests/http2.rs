//! Timeouts, eviction and closing over HTTP/2.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{ConnectionOrder, ConnectionState, PING, Served, assert_elapsed, served_with};
use crate::Limits;
use crate::serve::state::{ConnectionPhase, millis};

#[derive(Clone)]
pub(super) struct Peer(SendRequest<Bytes>);

impl Peer {
    /// Connects to a server over HTTP/2, with a window of this many bytes for each answer.
    pub(super) async fn connect(served: Served, window: u32) -> (Self, JoinHandle<()>, Arc<ConnectionState>) {
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

    pub(super) async fn send(&self, request: Request<()>) -> Result<Response<RecvStream>, h2::Error> {
        self.0.clone().ready().await?.send_request(request, true)?.0.await
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

/// Checks that this is the time after which an unread answer is cut, and at most a quarter longer.
#[track_caller]
pub(super) fn assert_write_timeout(elapsed: Duration) {
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
    // HTTP/2 already holds all of it when the window is exhausted.
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
    assert_eq!(state.order(), ConnectionOrder::GoOn);
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
    // The preface and empty settings, and then nothing more.
    peer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    state.tell(ConnectionOrder::Close);
    task.await.unwrap();
    assert_elapsed(start, 1);
    let mut frames = Vec::new();
    peer.read_to_end(&mut frames).await.unwrap();
    // A GOAWAY frame of eight bytes, on the connection itself.
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

/// The preface, and empty settings.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// A call of `ping` on the stream of this number, without its body.
fn post(stream: u8) -> Vec<u8> {
    [b"\0\0\x16\x01\x04\0\0\0", &[stream][..], b"\x83\x86\x84\x0f\x10\x10application/json"].concat()
}

/// Frames that are no requests and that keep a connection busy.
fn chatter() -> [(&'static str, Vec<u8>); 5] {
    [
        ("PING", b"\0\0\x08\x06\0\0\0\0\0PINGPING".to_vec()),
        ("SETTINGS", b"\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("WINDOW_UPDATE", b"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01".to_vec()),
        ("PRIORITY", b"\0\0\x05\x02\0\0\0\0\x01\0\0\0\0\x10".to_vec()),
        ("unknown", b"\0\0\x02\xaa\0\0\0\0\0xy".to_vec()),
    ]
}

/// Sends this frame every second until the connection ends, discards all received bytes, and returns how long it took.
async fn chatter_on(mut peer: tokio::io::DuplexStream, task: JoinHandle<()>, frame: &[u8]) -> Duration {
    let start = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(&mut peer);
    let chattering = async {
        loop {
            sleep(Duration::from_secs(1)).await;
            let _ = writer.write_all(frame).await;
        }
    };
    let mut read = Vec::new();
    tokio::select! {
        never = chattering => never,
        _ = reader.read_to_end(&mut read) => {}
    }
    task.await.unwrap();
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn frames_that_are_no_requests_keep_no_connection_from_its_idle_timeout() {
    for (name, frame) in chatter() {
        let Served { mut peer, task, .. } = served_with(|_| {});
        peer.write_all(HELLO).await.unwrap();
        let took = chatter_on(peer, task, &frame).await;
        assert!((75..=76).contains(&took.as_secs()), "{name}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_keeps_no_connection_from_its_idle_timeout() {
    let Served { mut peer, task, .. } = served_with(|_| {});
    // Headers without their end, and then a continuation of one byte a second.
    let begin = b"\0\0\x03\x01\0\0\0\0\x01\x83\x86\x84";
    peer.write_all(&[HELLO, begin].concat()).await.unwrap();
    let took = chatter_on(peer, task, b"\0\0\x01\x09\0\0\0\0\x01\x88").await;
    assert!(took.as_secs() <= 76, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_of_empty_frames_is_given_up_and_its_connection_then_is_at_rest() {
    let Served { mut peer, task, .. } = served_with(|_| {});
    peer.write_all(&[HELLO, &post(1)].concat()).await.unwrap();
    let took = chatter_on(peer, task, b"\0\0\0\0\0\0\0\0\x01").await;
    // The timeout for the body's progress, and then the idle timeout.
    assert!((84..=87).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_sees_the_goodbye_is_closed_at_its_age_though_it_chatters() {
    for (name, frame) in chatter() {
        let Served { mut peer, task, .. } = served_with(|limits| {
            limits.max_connection_age = Duration::from_secs(20);
        });
        peer.write_all(HELLO).await.unwrap();
        let took = chatter_on(peer, task, &frame).await;
        assert!((18..=24).contains(&took.as_secs()), "{name}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_goodbye_a_peer_that_does_not_see_it_gets_no_new_requests_served() {
    let Served { mut peer, state, task } = served_with(|_| {});
    let long = br#"{"jsonrpc":"2.0","method":"sleep","params":[20],"id":1}"#;
    let data = [&[0, 0, long.len() as u8, 0, 1, 0, 0, 0, 1][..], long].concat();
    peer.write_all(&[HELLO, &post(1), &data].concat()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    state.tell(ConnectionOrder::Retire);
    let start = Instant::now();
    // One new request every two seconds.
    let writing = async {
        for stream in (3..60).step_by(2) {
            sleep(Duration::from_secs(2)).await;
            let call = [&[0, 0, PING.len() as u8, 0, 1, 0, 0, 0, stream][..], PING.as_bytes()].concat();
            let _ = peer.write_all(&[post(stream), call].concat()).await;
        }
    };
    tokio::join!(writing, async {
        task.await.unwrap();
        // The requests under way finish, and then nothing keeps the connection open.
        assert_elapsed(start, 19);
    });
    let mut frames = Vec::new();
    peer.read_to_end(&mut frames).await.unwrap();
    // RST_STREAM with REFUSED_STREAM, which says that nothing ran, and one answer: that of the first stream.
    let refused = frames.windows(13).filter(|frame| frame[..5] == [0, 0, 4, 3, 0] && frame[9..] == 7_u32.to_be_bytes());
    assert!((8..=10).contains(&refused.count()), "{frames:?}");
    assert_eq!(frames.windows(6).filter(|text| text == b"result").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_chatters_is_at_rest_and_makes_room_at_once() {
    for asks in [false, true] {
        let Served { mut peer, state, task } = served_with(|_| {});
        peer.write_all(HELLO).await.unwrap();
        if asks {
            let call = [&[0, 0, PING.len() as u8, 0, 1, 0, 0, 0, 1][..], PING.as_bytes()].concat();
            peer.write_all(&[post(1), call].concat()).await.unwrap();
        }
        for _ in 0..10 {
            sleep(Duration::from_secs(1)).await;
            peer.write_all(&chatter()[0].1).await.unwrap();
        }
        tokio::task::yield_now().await;
        let Some(ConnectionPhase::Rests(since)) = state.phase() else { panic!("{state:?}") };
        assert!(millis(Instant::now()) - since >= 9_000);
        state.tell(ConnectionOrder::Evict);
        let start = Instant::now();
        task.await.unwrap();
        assert!(start.elapsed().as_millis() < 250, "{:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_its_half_is_answered_within_a_second_and_not_later() {
    for (millis, answered) in [(900, true), (1100, false)] {
        let Served { mut peer, task, .. } = served_with(|_| {});
        let call = format!(r#"{{"jsonrpc":"2.0","method":"pause","params":[{millis}],"id":1}}"#);
        let data = [&[0, 0, call.len() as u8, 0, 1, 0, 0, 0, 1][..], call.as_bytes()].concat();
        peer.write_all(&[HELLO, &post(1), &data].concat()).await.unwrap();
        peer.shutdown().await.unwrap();
        let start = Instant::now();
        let mut frames = Vec::new();
        peer.read_to_end(&mut frames).await.unwrap();
        assert_eq!(frames.windows(6).any(|text| text == b"result"), answered, "{frames:?}");
        task.await.unwrap();
        assert!(start.elapsed().as_millis() < 1050, "{:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_reset_before_it_has_arrived_hides_none_that_runs() {
    let Served { mut peer, state, task } = served_with(|_| {});
    let reset = [b"\0\0\x04\x03\0\0\0\0\x01", &8_u32.to_be_bytes()[..]].concat();
    peer.write_all(&[HELLO, &post(1)].concat()).await.unwrap();
    sleep(Duration::from_millis(1)).await;
    assert!(matches!(state.phase(), Some(ConnectionPhase::Arrives(_))));
    let long = br#"{"jsonrpc":"2.0","method":"sleep","params":[20],"id":1}"#;
    let data = [&[0, 0, long.len() as u8, 0, 1, 0, 0, 0, 3][..], long].concat();
    peer.write_all(&[reset, post(3), data].concat()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(state.phase(), Some(ConnectionPhase::Busy));
    let start = Instant::now();
    state.tell(ConnectionOrder::Evict);
    task.await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(19), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_written_when_the_connection_is_told_to_end_is_its_last() {
    for order in [ConnectionOrder::Retire, ConnectionOrder::Close, ConnectionOrder::Evict] {
        for asks in [0, 2] {
            let (peer, task, state) = Peer::connect(served_with(|_| {}), 20_000).await;
            for _ in 0..asks {
                peer.ping().await.unwrap();
                sleep(Duration::from_secs(1)).await;
            }
            let mut body = peer.post(&text(1_000_000)).await.unwrap().into_body();
            sleep(Duration::from_secs(1)).await;
            state.tell(order);
            sleep(Duration::from_secs(3)).await;
            while let Some(data) = body.data().await {
                body.flow_control().release_capacity(data.unwrap().len()).unwrap();
            }
            let start = Instant::now();
            task.await.unwrap();
            assert_elapsed(start, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_rests_after_its_requests_were_reset_whoever_hears_of_it_first() {
    let mut states = Vec::new();
    for _ in 0..500 {
        let (peer, _task, state) = Peer::connect(served_with(|_| {}), 1000).await;
        let mut request = Request::post("http://a/").header("content-type", "application/json");
        // The requests are dropped between the start of the stream and the end of the request.
        for _ in 0..90 {
            request = request.header("x-many", "x");
        }
        let request = request.body(()).unwrap();
        let (_answer, mut stream) = peer.0.clone().ready().await.unwrap().send_request(request, false).unwrap();
        stream.send_data(Bytes::from_static(b"{"), false).unwrap();
        while state.begun() == state.ended() {
            tokio::task::yield_now().await;
        }
        stream.send_reset(Reason::CANCEL);
        while state.begun() != state.ended() {
            tokio::task::yield_now().await;
        }
        states.push((peer, state));
    }
    let rest = async {
        while !states.iter().all(|(_, state)| matches!(state.phase(), Some(ConnectionPhase::Rests(_)))) {
            sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), rest).await.expect("all of them come to rest");
}
