//! Calls to the peer of a session, as its transport sees them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use rpc_core::{FromPeer, Outbound, Outcome, Peer, SessionProtocol};

use super::fake::{answer, now, settle};
use crate::transport::PeerTransport;
use crate::{Client, Retry};

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Returns the next message for the peer, if there is one.
fn written(peer: &Peer) -> Option<String> {
    poll(peer, Waker::noop())
}

fn poll(peer: &Peer, waker: &Waker) -> Option<String> {
    let mut text = b"kept ".to_vec();
    let polled = peer.outbound()?.poll_message(&mut Context::from_waker(waker), &mut text);
    let text = String::from_utf8(text).unwrap();
    match polled {
        Poll::Ready(()) => Some(text.strip_prefix("kept ").unwrap().to_owned()),
        Poll::Pending => {
            assert_eq!(text, "kept ", "the output is unchanged");
            None
        }
    }
}

fn receive(peer: &Peer, message: impl Into<String>) -> bool {
    peer.outbound().unwrap().receive(&Bytes::from(message.into()))
}

fn peer() -> Peer {
    Peer::new(SessionProtocol::RpcV1)
}

#[tokio::test]
async fn calls_of_all_clients_of_a_peer_have_ids_of_their_own() {
    let peer = peer();
    let clients = [Client::from_peer(&peer), Client::from_peer(&peer)];
    let pinned = clients[0].pinned();
    let calls = clients.iter().chain([&pinned]).map(|client| tokio::spawn(client.call::<u64>("a", ()).into_future()));
    let calls: Vec<_> = calls.collect();
    settle().await;
    for id in 1..=3 {
        let message = written(&peer).unwrap();
        assert!(message.ends_with(&format!(r#""method":"a","id":{id}}}"#)), "{message}");
        assert!(message.contains(r#"{"rpc":{"rpc-timeout-ms":"#), "{message}");
    }
    assert_eq!(written(&peer), None);
    for id in [3, 1, 2] {
        assert!(receive(&peer, answer(id, &id.to_string())));
    }
    for (call, id) in calls.into_iter().zip(1..) {
        assert_eq!(call.await.unwrap().unwrap(), id);
    }
}

#[tokio::test]
async fn each_call_wakes_the_task_of_the_session() {
    let peer = peer();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    peer.register(&Context::from_waker(&waker));
    let client = Client::from_peer(&peer);
    let count = || woken.0.load(Ordering::Relaxed);
    let first = count();
    assert!(first > 0, "the first client wakes the task");
    assert_eq!(poll(&peer, &waker), None);
    let notified = tokio::spawn(client.notify("a", ()).into_future());
    settle().await;
    assert!(count() > first);
    assert!(poll(&peer, &waker).unwrap().ends_with(r#""jsonrpc":"2.0","method":"a"}"#));
    // A notification is done when the transport has taken it.
    notified.await.unwrap().unwrap();
}

#[tokio::test]
async fn calls_of_the_peer_are_left_to_the_session() {
    let peer = peer();
    let client = Client::from_peer(&peer);
    let call = tokio::spawn(client.call::<u64>("a", ()).into_future());
    settle().await;
    written(&peer).unwrap();
    for message in [
        r#"{"jsonrpc":"2.0","method":"b","id":1}"#,
        r#"{"jsonrpc":"2.0","method":"b"}"#,
        r#"{"jsonrpc":"2.0","method":"b","params":{"subscription":1}}"#,
        r#"{"jsonrpc":"2.0","method":"rpc.credit","params":{"subscription":1,"bytes":9}}"#,
        r#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":1}}"#,
        r#"[{"jsonrpc":"2.0","method":"b","id":1}]"#,
        "nonsense",
        "{}",
    ] {
        assert!(!receive(&peer, message), "{message}");
    }
    assert!(receive(&peer, answer(99, "1")), "an answer is never for the session");
    assert_eq!(written(&peer), None, "the session answers");
    assert!(receive(&peer, answer(1, "7")));
    assert_eq!(call.await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn streams_of_the_peer_are_read_within_their_credit_and_cancelled() {
    let peer = peer();
    let client = Client::from_peer(&peer);
    let opening = tokio::spawn(client.stream::<u64>("count", ()).into_future());
    settle().await;
    assert!(written(&peer).unwrap().contains(r#""method":"count","id":1"#));
    assert!(receive(&peer, r#"{"jsonrpc":"2.0","method":"rpc.accepted","params":{"subscription":1}}"#));
    let mut stream = opening.await.unwrap().unwrap();
    for item in 1..=2 {
        let item = format!(r#"{{"jsonrpc":"2.0","method":"count","params":{{"subscription":1,"result":{item}}}}}"#);
        assert!(receive(&peer, item));
    }
    assert_eq!(stream.next().await.unwrap().unwrap(), 1);
    drop(stream);
    assert_eq!(written(&peer).unwrap(), r#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":1}}"#);
    let late = r#"{"jsonrpc":"2.0","method":"count","params":{"subscription":1,"result":3}}"#;
    assert!(receive(&peer, late), "an item of a stream that is no longer read is dropped");
}

#[tokio::test]
async fn calls_fail_once_the_session_has_ended() {
    let peer = peer();
    let client = Client::from_peer(&peer);
    let (sent, unsent) = (client.call::<u64>("sent", ()), client.call::<u64>("unsent", ()));
    let sent = tokio::spawn(sent.into_future());
    settle().await;
    written(&peer).unwrap();
    let unsent = tokio::spawn(unsent.into_future());
    settle().await;
    peer.end();
    assert_eq!(sent.await.unwrap().unwrap_err().outcome(), Outcome::Unknown);
    assert_eq!(unsent.await.unwrap().unwrap_err().outcome(), Outcome::NotSent);
    for client in [client, Client::from_peer(&peer)] {
        let error = now(client.call::<u64>("late", ()).into_future()).expect("it fails at once").unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert!(rpc_core::chain_text(&error).contains("the session has ended"), "{}", rpc_core::chain_text(&error));
    }
    let ended = self::peer();
    ended.end();
    let error = now(Client::from_peer(&ended).call::<u64>("late", ()).into_future()).unwrap().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
}

#[tokio::test]
async fn client_with_its_own_settings_shares_the_connection() {
    let peer = peer();
    let built = Client::builder().transport(PeerTransport::from_peer(&peer)).retry(Retry::never()).build().unwrap();
    let client = Client::from_peer(&peer);
    let calls =
        [built, client].map(|client| tokio::spawn(client.call::<u64>("a", ()).header("x-a", "b").into_future()));
    settle().await;
    for id in 1..=2 {
        let message = written(&peer).unwrap();
        assert!(message.contains(r#""x-a":"b""#) && message.contains(&format!(r#""id":{id}"#)), "{message}");
        receive(&peer, answer(id, "1"));
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 1);
    }
}

#[tokio::test]
async fn plain_sessions_get_no_headers() {
    let peer = Peer::new(SessionProtocol::Subscriptions);
    let call = tokio::spawn(Client::from_peer(&peer).call::<u64>("a", ()).into_future());
    settle().await;
    assert_eq!(written(&peer).unwrap(), r#"{"jsonrpc":"2.0","method":"a","id":1}"#);
    call.abort();
    settle().await;
    assert_eq!(written(&peer), None, "plain JSON-RPC has no cancellations");
}

/// Sends nothing.
struct OfUser(OnceLock<()>);

impl Outbound for OfUser {
    fn receive(&self, _: &Bytes) -> bool {
        false
    }

    fn poll_message(&self, _: &mut Context<'_>, _: &mut Vec<u8>) -> Poll<()> {
        Poll::Pending
    }

    fn end(&self) {
        let _ = self.0.set(());
    }
}

#[tokio::test]
async fn peer_with_an_outbound_of_the_users_tells_why_nothing_is_sent() {
    let peer = peer();
    peer.outbound_or_init(|| Arc::new(OfUser(OnceLock::new())));
    let error = Client::from_peer(&peer).call::<u64>("a", ()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(rpc_core::chain_text(&error).contains("an `Outbound` that is not the client's"));
}
