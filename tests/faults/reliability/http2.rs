//! What an HTTP/2 peer reports about a stream that it did not process, and about one that it did not finish, frame by
//! frame.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc::{Client, Outcome, Retry};
use serde_json::Value;
use support::frames::{
    CANCEL, ENHANCE_YOUR_CALM, Frames, GOAWAY, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM, RST_STREAM,
};
use support::result;
use tokio::net::{TcpListener, TcpStream};

use crate::reliability::server::EffectsClient;

/// What the peer does with the stream of a call that has arrived in full.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Reset(u32),
    /// The peer goes away, and names a last stream before this one.
    GoAwayWithout(u32),
    /// The peer goes away, names this stream as one that it may have processed, and closes the connection.
    GoAwayWith(u32),
    /// The peer goes away when a second call arrives, and still answers the first one.
    GoAwayBetween,
}

/// A server that announces no store. The first call meets the fate, and later calls are answered.
struct Peer {
    url: String,
    /// The calls that arrived.
    calls: Arc<Mutex<Vec<Value>>>,
}

impl Peer {
    async fn start(fate: Fate) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::<Mutex<Vec<Value>>>::default();
        let came = Arc::clone(&calls);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, fate, Arc::clone(&came)));
            }
        });
        Self { url, calls }
    }

    fn calls(&self) -> Vec<Value> {
        self.calls.lock().unwrap().clone()
    }
}

async fn answer(frames: &mut Frames, stream: u32, call: &Value) {
    frames.answer(stream, &result(&call["id"], &call["params"]["number"])).await;
}

async fn go_away(frames: &mut Frames, last_stream: u32, code: u32) {
    let payload = [last_stream.to_be_bytes(), code.to_be_bytes()].concat();
    frames.write(GOAWAY, 0, 0, &payload).await;
}

async fn serve(stream: TcpStream, fate: Fate, calls: Arc<Mutex<Vec<Value>>>) {
    let mut frames = Frames::accept(stream).await.unwrap();
    let mut held = None;
    while let Some(frame) = frames.read().await {
        let Some((stream, body)) = frames.take_post(frame).await else { continue };
        let call: Value = serde_json::from_slice(&body).unwrap();
        let is_first = {
            let mut calls = calls.lock().unwrap();
            calls.push(call.clone());
            calls.len() == 1
        };
        if let Some((first, call)) = held.take() {
            go_away(&mut frames, first, NO_ERROR).await;
            answer(&mut frames, first, &call).await;
            continue;
        }
        if !is_first {
            answer(&mut frames, stream, &call).await;
            continue;
        }
        match fate {
            Fate::GoAwayBetween => held = Some((stream, call)),
            Fate::Reset(code) => frames.write(RST_STREAM, 0, stream, &code.to_be_bytes()).await,
            Fate::GoAwayWithout(code) => go_away(&mut frames, stream - 2, code).await,
            Fate::GoAwayWith(code) => {
                go_away(&mut frames, stream, code).await;
                return;
            }
        }
    }
}

/// How a call ended that is neither readonly nor idempotent.
struct Ended {
    result: Result<u64, Outcome>,
    attempts: Vec<(u32, Outcome)>,
    calls: Vec<Value>,
}

/// The outcomes of attempts, each with the number of its attempt.
type Attempts = Arc<Mutex<Vec<(u32, Outcome)>>>;

/// Builds a client that records the outcomes of its attempts.
fn client(peer: &Peer) -> (EffectsClient, Attempts) {
    let attempts = Attempts::default();
    let seen = Arc::clone(&attempts);
    let client = Client::builder()
        .endpoint(&peer.url)
        .http2_prior_knowledge()
        .retry(Retry::exponential().base(Duration::from_millis(1)))
        .on_attempt(move |event| seen.lock().unwrap().push((event.attempt.number, event.attempt.outcome)))
        .build()
        .unwrap();
    (EffectsClient::new(client), attempts)
}

async fn call(fate: Fate) -> Ended {
    let peer = Peer::start(fate).await;
    let (effects, attempts) = client(&peer);
    let ended = effects.once(7).await;
    let attempts = attempts.lock().unwrap().clone();
    Ended { result: ended.map_err(|error| error.outcome()), attempts, calls: peer.calls() }
}

#[tokio::test]
async fn a_stream_that_the_peer_did_not_process_was_not_sent_and_goes_again_whatever_the_method() {
    let fates = [Fate::Reset(REFUSED_STREAM), Fate::GoAwayWithout(NO_ERROR), Fate::GoAwayWithout(ENHANCE_YOUR_CALM)];
    for fate in fates {
        let Ended { result, attempts, calls } = call(fate).await;
        assert_eq!(result, Ok(7), "{fate:?}");
        assert_eq!(attempts, [(1, Outcome::NotSent), (2, Outcome::Executed)], "{fate:?}");
        assert_eq!(calls.len(), 2, "{fate:?}");
        assert_eq!(calls[0], calls[1], "{fate:?}");
    }
}

#[tokio::test]
async fn a_stream_that_the_peer_may_have_processed_is_unknown_and_does_not_go_again() {
    let fates = [
        Fate::Reset(CANCEL),
        Fate::Reset(NO_ERROR),
        Fate::Reset(INTERNAL_ERROR),
        Fate::Reset(ENHANCE_YOUR_CALM),
        Fate::GoAwayWith(NO_ERROR),
        Fate::GoAwayWith(INTERNAL_ERROR),
        Fate::GoAwayWith(ENHANCE_YOUR_CALM),
    ];
    for fate in fates {
        let Ended { result, attempts, calls } = call(fate).await;
        assert_eq!(result, Err(Outcome::Unknown), "{fate:?}");
        assert_eq!(attempts, [(1, Outcome::Unknown)], "{fate:?}");
        assert_eq!(calls.len(), 1, "{fate:?}");
    }
}

#[tokio::test]
async fn of_two_calls_on_a_connection_that_goes_away_only_the_one_goes_again_that_was_not_processed() {
    let peer = Peer::start(Fate::GoAwayBetween).await;
    let (effects, attempts) = client(&peer);
    let ended = tokio::join!(effects.once(1).into_future(), effects.once(2).into_future());
    assert_eq!((ended.0.unwrap(), ended.1.unwrap()), (1, 2));
    let calls = peer.calls();
    assert_eq!(calls.len(), 3);
    assert_eq!(calls[1], calls[2]);
    assert_ne!(calls[0], calls[1]);
    let mut attempts = attempts.lock().unwrap().clone();
    attempts.sort_by_key(|(number, outcome)| (*number, *outcome != Outcome::NotSent));
    assert_eq!(attempts, [(1, Outcome::NotSent), (1, Outcome::Executed), (2, Outcome::Executed)]);
}
