//! An HTTP/2 connection that falls silent: it stays open, but no more bytes arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc::{Client, ClientBuilder, ErrorKind, Outcome, Retry};
use serde_json::Value;
use support::frames::{ACK, DATA, Frames, PING};
use support::result;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use crate::reliability::certificate;

/// A server that announces no store. Its first connection falls silent at the first call of `silence`, at the point
/// that the argument names. Its other connections answer.
#[derive(Default)]
struct Peer {
    connections: AtomicUsize,
    pings: AtomicUsize,
    /// Notifies that the call of `slow` has arrived.
    slow: Notify,
    /// Lets the server answer the call of `slow`.
    answer: Notify,
}

impl Peer {
    /// Starts a peer, and begins to build a client of it that sends each call once.
    async fn start(with_tls: bool) -> (Arc<Self>, ClientBuilder) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, peer) = (listener.local_addr().unwrap(), Arc::<Self>::default());
        let client = Client::builder().retry(Retry::never());
        let (tls, client) = if with_tls {
            let (server, config) = certificate::pair(&[b"h2"]);
            (Some(server), client.tls_config(config).endpoint(format!("https://{addr}")))
        } else {
            (None, client.http2_prior_knowledge().endpoint(format!("http://{addr}")))
        };
        tokio::spawn(accept(listener, tls, Arc::clone(&peer)));
        (peer, client)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, peer: Arc<Peer>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let is_first = peer.connections.fetch_add(1, Ordering::Relaxed) == 0;
        let (tls, peer) = (tls.clone(), Arc::clone(&peer));
        tokio::spawn(async move {
            match tls {
                Some(tls) => serve(tls.accept(stream).await.unwrap(), is_first, &peer).await,
                None => serve(stream, is_first, &peer).await,
            }
        });
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, is_first: bool, peer: &Peer) {
    let mut frames = Frames::accept(stream).await.unwrap();
    let mut slow = None;
    loop {
        let frame = tokio::select! {
            frame = frames.read() => frame,
            () = peer.answer.notified(), if slow.is_some() => {
                let (stream, call) = slow.take().unwrap();
                answer(&mut frames, stream, &call).await;
                continue;
            }
        };
        let Some(frame) = frame else { return };
        if frame.kind == PING && frame.flags & ACK == 0 {
            peer.pings.fetch_add(1, Ordering::Relaxed);
            frames.write(PING, ACK, 0, &frame.payload).await;
        }
        let Some((stream, body)) = frames.take_post(frame).await else { continue };
        let call: Value = serde_json::from_slice(&body).unwrap();
        match call["method"].as_str().unwrap() {
            "silence" if is_first => {
                if call["params"][0] == "within the answer" {
                    frames.begin_answer(stream).await;
                    frames.write(DATA, 0, stream, b"{").await;
                }
                std::future::pending::<()>().await;
            }
            "slow" => {
                slow = Some((stream, call));
                peer.slow.notify_one();
            }
            _ => answer(&mut frames, stream, &call).await,
        }
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(frames: &mut Frames<S>, stream: u32, call: &Value) {
    frames.answer(stream, &result(&call["id"], 7)).await;
}

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_connection_on_which_a_call_timed_out_takes_no_more_calls() {
    for with_tls in [false, true] {
        for silence in ["before the answer", "within the answer"] {
            let (peer, client) = Peer::start(with_tls).await;
            let client = client.build().unwrap();
            assert_eq!(client.call::<u64>("any", ()).await.unwrap(), 7);
            let error = client.call::<u64>("silence", [silence]).deadline(SHORT).await.unwrap_err();
            assert!(error.is_timeout(), "{error:?}");
            assert_eq!(error.outcome(), Outcome::Unknown);
            for _ in 0..8 {
                assert_eq!(client.call::<u64>("silence", [silence]).await.unwrap(), 7, "{silence}, TLS: {with_tls}");
            }
            assert_eq!(peer.connections(), 2);
        }
    }
}

#[tokio::test]
async fn the_next_attempt_at_a_call_that_met_silence_opens_another_connection() {
    let (peer, client) = Peer::start(false).await;
    let client = client.retry(Retry::exponential()).attempt_timeout(SHORT).build().unwrap();
    assert_eq!(client.call::<u64>("silence", [""]).readonly().await.unwrap(), 7);
    assert_eq!(peer.connections(), 2);
}

#[tokio::test]
async fn pings_that_are_not_acknowledged_end_a_connection_long_before_the_deadline() {
    for with_tls in [false, true] {
        let (peer, client) = Peer::start(with_tls).await;
        let client = client.http2_keep_alive(SHORT / 3, SHORT).deadline(Duration::from_secs(3600)).build().unwrap();
        let error = client.call::<u64>("silence", [""]).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Network, Outcome::Unknown), "{error:?}");
        assert_eq!(client.call::<u64>("silence", [""]).await.unwrap(), 7, "TLS: {with_tls}");
        assert_eq!(peer.connections(), 2);
    }
}

#[tokio::test]
async fn a_slow_answer_arrives_over_a_connection_whose_peer_acknowledges_pings() {
    let (peer, client) = Peer::start(false).await;
    let client = client.http2_keep_alive(SHORT / 10, Duration::from_secs(20)).build().unwrap();
    let slow = tokio::spawn(client.call::<u64>("slow", ()).into_future());
    while peer.pings.load(Ordering::Relaxed) < 3 {
        tokio::time::sleep(SHORT / 30).await;
    }
    peer.answer.notify_one();
    assert_eq!(slow.await.unwrap().unwrap(), 7);
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_answers_other_calls_stays_in_use_when_one_times_out() {
    let (peer, client) = Peer::start(false).await;
    let client = client.build().unwrap();
    let slow = tokio::spawn(client.call::<u64>("slow", ()).deadline(SHORT).into_future());
    peer.slow.notified().await;
    assert_eq!(client.call::<u64>("any", ()).await.unwrap(), 7);
    assert!(slow.await.unwrap().unwrap_err().is_timeout());
    assert_eq!(client.call::<u64>("any", ()).await.unwrap(), 7);
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn a_call_that_its_caller_drops_leaves_its_connection_in_use() {
    let (peer, client) = Peer::start(false).await;
    let client = client.build().unwrap();
    let slow = tokio::spawn(client.call::<u64>("slow", ()).into_future());
    peer.slow.notified().await;
    slow.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
    assert_eq!(client.call::<u64>("any", ()).await.unwrap(), 7);
    assert_eq!(peer.connections(), 1);
}
