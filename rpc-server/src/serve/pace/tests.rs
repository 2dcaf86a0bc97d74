use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, advance, sleep};

use super::{ConnectionOrder, ConnectionState, GRACE, PacedStream, spread};
use crate::serve::peer::PeerKey;
use crate::serve::state::ConnectionPhase;
use crate::{Limits, Server};

struct StreamPair {
    peer: DuplexStream,
    paced: PacedStream<DuplexStream>,
    state: Arc<ConnectionState>,
}

fn pair() -> StreamPair {
    pair_with(Limits::default())
}

fn pair_with(limits: Limits) -> StreamPair {
    let (peer, stream) = duplex(16);
    let state = Arc::new(ConnectionState::new(PeerKey::default()));
    let server = Server::builder().limits(limits).build();
    StreamPair { peer, paced: PacedStream::new(stream, server.http_state, Arc::clone(&state)), state }
}

/// Reads until an error and returns after how many seconds it occurred.
async fn cut_after(paced: &mut PacedStream<DuplexStream>) -> u64 {
    let start = Instant::now();
    let mut bytes = [0; 16];
    while paced.read(&mut bytes).await.is_ok() {}
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_is_cut_when_idle_too_long() {
    let mut pair = pair();
    assert_eq!(cut_after(&mut pair.paced).await, 75);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_in_is_cut_at_the_header_timeout() {
    let StreamPair { mut peer, mut paced, .. } = pair();
    let trickle = tokio::spawn(async move {
        while peer.write_all(b"P").await.is_ok() {
            sleep(Duration::from_secs(3)).await;
        }
    });
    assert_eq!(cut_after(&mut paced).await, 10);
    drop(paced);
    trickle.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_stops_the_clock_and_its_end_starts_it_anew() {
    let StreamPair { mut peer, mut paced, state } = pair();
    peer.write_all(b"POST").await.unwrap();
    paced.read_exact(&mut [0; 4]).await.unwrap();
    state.begin();
    tokio::spawn(async move {
        sleep(Duration::from_secs(300)).await;
        state.end();
        // In a server, the answer's bytes wake the connection.
        peer.write_all(b"P").await.unwrap();
        sleep(Duration::from_secs(1000)).await;
    });
    assert_eq!(cut_after(&mut paced).await, 310);
}

#[tokio::test(start_paused = true)]
async fn idle_time_counts_from_the_last_answer() {
    let StreamPair { mut peer, mut paced, state } = pair();
    peer.write_all(b"POST").await.unwrap();
    paced.read_exact(&mut [0; 4]).await.unwrap();
    state.begin();
    state.end();
    advance(Duration::from_secs(50)).await;
    paced.write_all(b"200").await.unwrap();
    assert_eq!(cut_after(&mut paced).await, 75);
}

#[tokio::test(start_paused = true)]
async fn http2_is_idle_between_frames_and_never_in_a_head() {
    for pieces in [&["PRI * HTTP/2.0"][..], &["PR", "I ", "* HTTP/2.0"]] {
        let StreamPair { mut peer, mut paced, .. } = pair();
        let pieces = pieces.to_vec();
        let sending = tokio::spawn(async move {
            for piece in pieces {
                peer.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            peer
        });
        assert!(paced.speaks_http2().await.unwrap());
        let mut start = [0; 14];
        paced.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"PRI * HTTP/2.0");
        assert_eq!(cut_after(&mut paced).await, 75);
        drop(sending.await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_read_to_tell_the_protocol_is_read_again() {
    for text in ["", "P", "PO", "PRI", "GET", "POST / HTTP/1.1"] {
        let StreamPair { mut peer, mut paced, .. } = pair();
        peer.write_all(text.as_bytes()).await.unwrap();
        drop(peer);
        assert!(!paced.speaks_http2().await.unwrap(), "{text}");
        let mut read = String::new();
        paced.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_nothing_or_half_a_method_is_cut_before_its_protocol_is_known() {
    for (text, after) in [("", 75), ("P", 10)] {
        let StreamPair { mut peer, mut paced, .. } = pair();
        peer.write_all(text.as_bytes()).await.unwrap();
        let start = Instant::now();
        assert!(paced.speaks_http2().await.is_err());
        assert_eq!(start.elapsed().as_secs(), after);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_is_cut_and_one_that_is_read_slowly_is_not() {
    let StreamPair { mut peer, mut paced, .. } = pair();
    let slow = tokio::spawn(async move {
        for _ in 0..4 {
            sleep(Duration::from_secs(20)).await;
            peer.read_exact(&mut [0; 16]).await.unwrap();
        }
        peer
    });
    let start = Instant::now();
    let error = paced.write_all(&[0; 1000]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 4 * 20 + 30);
    drop(slow.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_late_is_answered_before_the_connection_is_cut() {
    let (mut peer, stream) = duplex(1024);
    let mut paced = PacedStream::new(
        stream,
        Server::builder().build().http_state,
        Arc::new(ConnectionState::new(PeerKey::default())),
    );
    peer.write_all(b"POST / HTTP/1.1\r\nhost").await.unwrap();
    assert_eq!(cut_after(&mut paced).await, 10);
    drop(paced);
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.ends_with(r#""id":null}"#), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_cut_without_an_answer() {
    let (mut peer, stream) = duplex(1024);
    let mut paced = PacedStream::new(
        stream,
        Server::builder().build().http_state,
        Arc::new(ConnectionState::new(PeerKey::default())),
    );
    assert_eq!(cut_after(&mut paced).await, 75);
    drop(paced);
    assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_retires_at_its_age_and_is_not_cut() {
    let limits = Limits { max_connection_age: Duration::from_secs(50), ..Limits::default() };
    let StreamPair { peer: _peer, mut paced, state } = pair_with(limits);
    let retired = async {
        let start = Instant::now();
        while state.order() == ConnectionOrder::GoOn {
            sleep(Duration::from_millis(10)).await;
        }
        start.elapsed()
    };
    let (cut, retired) = tokio::join!(cut_after(&mut paced), retired);
    assert_eq!(cut, 75);
    assert!((Duration::from_secs(45)..Duration::from_secs(56)).contains(&retired), "{retired:?}");
    assert_eq!(state.order(), ConnectionOrder::Retire);
}

#[test]
fn ages_differ_by_up_to_a_tenth() {
    let age = Duration::from_secs(100);
    let drawn: Vec<_> = (0..1000).map(|_| spread(age).unwrap().as_secs()).collect();
    assert!(drawn.iter().all(|age| (90..110).contains(age)), "{drawn:?}");
    for quarter in [90..95, 95..100, 100..105, 105..110] {
        let within = drawn.iter().filter(|age| quarter.contains(*age)).count();
        assert!((150..350).contains(&within), "{within} are in {quarter:?}");
    }
    assert_eq!(spread(Duration::ZERO), Some(Duration::ZERO));
    // Such an age never comes, if it can be expressed as a time at all.
    assert!(spread(Duration::MAX).is_none_or(|age| Instant::now().checked_add(age).is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_to_close_is_cut_soon_though_a_head_trickles_in() {
    let StreamPair { mut peer, mut paced, state } = pair();
    peer.write_all(b"PO").await.unwrap();
    paced.read_exact(&mut [0; 2]).await.unwrap();
    let trickle = tokio::spawn(async move {
        while peer.write_all(b"P").await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    });
    state.tell(ConnectionOrder::Close);
    let start = Instant::now();
    while paced.read(&mut [0; 16]).await.is_ok() {}
    assert!((GRACE..GRACE * 2).contains(&start.elapsed()), "{:?}", start.elapsed());
    drop(paced);
    trickle.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_to_close_has_all_its_time_for_what_is_under_way() {
    let StreamPair { mut peer, mut paced, state } = pair();
    peer.write_all(b"POST").await.unwrap();
    paced.read_exact(&mut [0; 4]).await.unwrap();
    state.begin();
    state.tell(ConnectionOrder::Close);
    let ends = Arc::clone(&state);
    tokio::spawn(async move {
        sleep(Duration::from_secs(100)).await;
        ends.end();
        ends.tell(ConnectionOrder::Close);
        peer.write_all(b"x").await.unwrap();
        sleep(Duration::from_secs(1000)).await;
    });
    assert_eq!(cut_after(&mut paced).await, 101);
}

#[tokio::test(start_paused = true)]
async fn what_rests_and_what_is_busy_is_told_apart() {
    let (mut peer, stream) = duplex(1024);
    let state = Arc::new(ConnectionState::new(PeerKey::default()));
    let mut paced = PacedStream::new(stream, Server::builder().build().http_state, Arc::clone(&state));
    let mut bytes = [0; 64];
    let rests = || matches!(state.phase(), Some(ConnectionPhase::Rests(_)));
    let arrives = || matches!(state.phase(), Some(ConnectionPhase::Arrives(_)));
    assert!(!rests(), "nobody has looked yet");
    assert!(paced.read(&mut bytes).now_or_never().is_none());
    assert!(rests(), "no request has come");

    peer.write_all(b"POST").await.unwrap();
    paced.read_exact(&mut [0; 4]).await.unwrap();
    assert!(paced.read(&mut bytes).now_or_never().is_none());
    assert!(arrives(), "a head");

    state.begin();
    assert!(paced.read(&mut bytes).now_or_never().is_none());
    assert_eq!(state.phase(), Some(ConnectionPhase::Busy), "a request whose body is not waited for");
    state.arrives(Instant::now());
    assert!(paced.read(&mut bytes).now_or_never().is_none());
    assert!(arrives(), "a body");
    state.receive();
    assert!(paced.read(&mut bytes).now_or_never().is_none());
    assert_eq!(state.phase(), Some(ConnectionPhase::Busy), "a request runs");
    state.end();
    assert!(paced.read(&mut bytes).now_or_never().is_none());
    assert!(rests(), "a request was answered");
    state.begin();
    assert_eq!(state.phase(), Some(ConnectionPhase::Busy), "a request is under way");
}

#[tokio::test(start_paused = true)]
async fn what_hyper_answers_without_a_body_is_written_with_one() {
    let (mut peer, stream) = duplex(4096);
    let mut paced = PacedStream::new(
        stream,
        Server::builder().build().http_state,
        Arc::new(ConnectionState::new(PeerKey::default())),
    );
    let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(paced.write(bare).await.unwrap(), bare.len());
    let sending = tokio::spawn(async move {
        // The server discards bytes that are still on their way, so that no reset loses the answer.
        peer.write_all(&[b'x'; 100_000]).await.unwrap();
        let mut answer = String::new();
        peer.read_to_string(&mut answer).await.unwrap();
        answer
    });
    paced.shutdown().await.unwrap();
    drop(paced);
    let answer = sending.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 ") && answer.contains(r#""code":-32090"#), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_peer_that_neither_reads_nor_ends_is_cut_soon() {
    let (_peer, stream) = duplex(4096);
    let mut paced = PacedStream::new(
        stream,
        Server::builder().build().http_state,
        Arc::new(ConnectionState::new(PeerKey::default())),
    );
    paced.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let start = Instant::now();
    paced.shutdown().await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 1);
}
