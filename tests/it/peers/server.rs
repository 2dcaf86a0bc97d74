//! Handlers that call the other side of their session, over real WebSockets. The client is written by hand.

use std::sync::{Arc, Mutex};
use std::task::{self, Poll};

use bytes::Bytes;
use rpc::{
    Answer, BoxFuture, Client, Context, Dispatch, FromPeer, NoPeer, Peer, RequestContext, Server, Session,
    SessionEvent, SessionProtocol,
};
use serde_json::{Value, json};
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use support::websocket::WebSocket;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::outbound::{Caller, SessionEnded};

fn result(result: impl Into<Value>, id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "result": result.into(), "id": id })
}

/// A server whose `greet` asks the caller for its name.
fn greeter() -> Server {
    let greet = |cx: Context| async move {
        let caller: Caller = cx.peer()?;
        let answer = caller.call("name", json!([])).await.expect("the session lasts");
        Ok::<_, NoPeer>(format!("hello {}", answer["result"].as_str().unwrap_or("you")))
    };
    Server::builder()
        .method("greet", move |cx: Context| async move { greet(cx).await.unwrap_or_else(|error| error.to_string()) })
        .build()
}

#[tokio::test]
async fn a_handler_calls_its_caller_before_it_answers() {
    let mut socket = WebSocket::open(serve(&greeter()).await).await;
    socket.call("greet", json!([]), 1).await;
    let call = socket.receive().await;
    // Each side has ids of its own, so both may be the same.
    assert_eq!(call, json!({ "jsonrpc": "2.0", "method": "name", "params": [], "id": 1 }));
    socket.send(&result("ada", 1)).await;
    assert_eq!(socket.receive().await, result("hello ada", 1));
}

#[tokio::test]
async fn an_error_of_the_peer_is_the_answer_to_the_servers_call() {
    let mut socket = WebSocket::open(serve(&greeter()).await).await;
    socket.call("greet", json!([]), 7).await;
    let id = socket.receive().await["id"].as_u64().unwrap();
    let error = json!({ "jsonrpc": "2.0", "error": { "code": -32601, "message": "Method not found" }, "id": id });
    socket.send(&error).await;
    assert_eq!(socket.receive().await, result("hello you", 7));
}

#[tokio::test]
async fn answers_to_no_call_are_ignored_while_others_wait() {
    let mut socket = WebSocket::open(serve(&greeter()).await).await;
    socket.call("greet", json!([]), 1).await;
    let id = socket.receive().await["id"].as_u64().unwrap();
    for stray in [result(1, id + 1), result("x", 1 << 40), json!({ "jsonrpc": "2.0", "result": 1, "id": "a" })] {
        socket.send(&stray).await;
    }
    socket.send(&result("ada", id)).await;
    assert_eq!(socket.receive().await, result("hello ada", 1));
    // A second answer to the same call is one, too.
    socket.send(&result("eve", id)).await;
    socket.call("greet", json!([]), 2).await;
    let id = socket.receive().await["id"].as_u64().unwrap();
    socket.send(&result("bob", id)).await;
    assert_eq!(socket.receive().await, result("hello bob", 2));
}

#[tokio::test]
async fn calls_over_http_and_in_process_have_no_peer() {
    let server = greeter();
    let over_http = Client::new(format!("http://{}", serve(&server).await)).unwrap();
    for client in [over_http, Client::in_process(&server)] {
        let told = client.call::<String>("greet", ()).await.unwrap();
        assert!(told.starts_with("the caller cannot be called: its call did not come over a session"), "{told}");
    }
}

/// A server that keeps the peers that join, and the receiver of the peers.
fn registry() -> (Server, mpsc::UnboundedReceiver<Caller>) {
    let (joined, joins) = mpsc::unbounded_channel();
    let join = move |cx: Context| {
        let joined = joined.clone();
        async move { joined.send(cx.peer().expect("calls come over sessions")).is_ok() }
    };
    let server = Server::builder().method("join", join).build();
    (server, joins)
}

#[tokio::test]
async fn the_server_calls_a_peer_while_none_of_its_calls_run() {
    let (server, mut joins) = registry();
    let mut socket = WebSocket::open(serve(&server).await).await;
    socket.call("join", json!([]), 1).await;
    assert_eq!(socket.receive().await, result(true, 1));
    let peer = joins.recv().await.unwrap();
    for round in 0..3 {
        peer.notify("told", &json!([round])).unwrap();
        let told = json!({ "jsonrpc": "2.0", "method": "told", "params": [round] });
        assert_eq!(socket.receive().await, told);
        let call = peer.call("ask", json!([round]));
        let answer = async {
            let asked = socket.receive().await;
            socket.send(&result(asked["params"][0].clone(), asked["id"].as_u64().unwrap())).await;
        };
        assert_eq!(tokio::join!(call, answer).0.unwrap()["result"], json!(round));
    }
}

#[tokio::test]
async fn calls_of_a_peer_that_has_left_fail_at_once() {
    let (server, mut joins) = registry();
    let mut socket = WebSocket::open(serve(&server).await).await;
    socket.call("join", json!([]), 1).await;
    let peer = joins.recv().await.unwrap();
    let waiting = tokio::spawn({
        let peer = peer.clone();
        async move { peer.call("ask", json!([])).await }
    });
    assert_eq!(socket.receive().await, result(true, 1));
    assert_eq!(socket.receive().await["method"], "ask");
    drop(socket);
    let waited = timeout(TEST_TIMEOUT, waiting).await.expect("the end of the session ends its calls").unwrap();
    assert_eq!(waited, Err(SessionEnded));
    assert!(peer.peer().has_ended());
    assert_eq!(peer.call("ask", json!([])).await, Err(SessionEnded));
    assert_eq!(peer.notify("told", &json!([])), Err(SessionEnded));
}

#[tokio::test]
async fn a_handler_that_outlives_its_session_gets_an_error_from_its_peer() {
    let (told, mut tells) = mpsc::unbounded_channel();
    let ask = move |cx: Context| {
        let told = told.clone();
        async move {
            let caller: Caller = cx.peer().unwrap();
            told.send(caller.call("ask", json!([])).await).unwrap();
        }
    };
    let server = Server::builder().method("ask", ask).build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    socket.call("ask", json!([]), 1).await;
    assert_eq!(socket.receive().await["method"], "ask");
    drop(socket);
    let told = timeout(TEST_TIMEOUT, tells.recv()).await.expect("the handler goes on").unwrap();
    assert_eq!(told, Err(SessionEnded));
}

#[tokio::test]
async fn a_handler_calls_the_peers_of_other_sessions() {
    let peers: Arc<Mutex<Vec<Caller>>> = Arc::default();
    let (join, say) = (Arc::clone(&peers), peers);
    let server = Server::builder()
        .method("join", move |cx: Context| {
            join.lock().unwrap().push(cx.peer().unwrap());
            async {}
        })
        .method("say", move |(text,): (String,)| {
            let peers = say.lock().unwrap().clone();
            async move { peers.iter().filter(|peer| peer.notify("said", &json!([text])).is_ok()).count() }
        })
        .build();
    let addr = serve(&server).await;
    let (mut ada, mut bob) = (WebSocket::open(addr).await, WebSocket::open(addr).await);
    for socket in [&mut ada, &mut bob] {
        socket.call("join", json!([]), 1).await;
        assert_eq!(socket.receive().await, result(Value::Null, 1));
    }
    ada.call("say", json!(["hi"]), 2).await;
    let said = json!({ "jsonrpc": "2.0", "method": "said", "params": ["hi"] });
    assert_eq!(bob.receive().await, said);
    let both = [ada.receive().await, ada.receive().await];
    assert!(both.contains(&said) && both.contains(&result(2, 2)), "{both:?}");
}

#[tokio::test]
async fn peers_know_the_protocol_of_their_session() {
    let (server, mut joins) = registry();
    let addr = serve(&server).await;
    let (mut v1, mut older) = (WebSocket::open(addr).await, WebSocket::open_older(addr).await);
    for (socket, protocol) in [(&mut v1, SessionProtocol::RpcV1), (&mut older, SessionProtocol::Subscriptions)] {
        socket.call("join", json!([]), 1).await;
        let peer = joins.recv().await.unwrap();
        assert_eq!(peer.peer().protocol(), protocol);
        assert_eq!(socket.receive().await, result(true, 1));
        peer.notify("told", &json!([])).unwrap();
        assert_eq!(socket.receive().await["method"], "told");
    }
}

/// Opens sessions that count their messages by notifications.
struct Counts(mpsc::UnboundedSender<Peer>);

impl Dispatch for Counts {
    fn dispatch(&self, _: Bytes, _: Arc<RequestContext>) -> BoxFuture<Answer> {
        unreachable!("the sessions are its own")
    }

    fn open(&self, request: Arc<RequestContext>, _: SessionProtocol) -> Option<Box<dyn Session>> {
        let peer = request.peer().expect("a session has a peer");
        self.0.send(peer.clone()).unwrap();
        Some(Box::new(Counting(0, Caller::from_peer(peer))))
    }
}

struct Counting(u64, Caller);

impl Session for Counting {
    fn receive(&mut self, _: Bytes) {
        self.0 += 1;
        self.1.notify("count", &json!([self.0])).unwrap();
    }

    fn poll_message(&mut self, _: &mut task::Context<'_>, _: &mut Vec<u8>) -> Poll<SessionEvent> {
        Poll::Pending
    }

    fn drain(&mut self) {}
}

#[tokio::test]
async fn a_session_of_the_users_own_calls_its_peer() {
    let (opened, mut opens) = mpsc::unbounded_channel();
    let server = Server::for_dispatch(Counts(opened)).build();
    let mut socket = WebSocket::open(serve(&server).await).await;
    let peer = opens.recv().await.unwrap();
    for count in 1..4 {
        socket.notify("any", json!([])).await;
        assert_eq!(socket.receive().await["params"], json!([count]));
    }
    assert!(!peer.has_ended());
}

#[tokio::test]
async fn handlers_of_a_session_have_the_same_peer() {
    let (joined, mut joins) = mpsc::unbounded_channel();
    let join = move |cx: Context| {
        let joined = joined.clone();
        async move { joined.send(cx.peer::<Peer>().unwrap()).is_ok() }
    };
    let addr = serve(&Server::builder().method("join", join).build()).await;
    let (mut first, mut second) = (WebSocket::open(addr).await, WebSocket::open(addr).await);
    let mut peers = Vec::new();
    for socket in [&mut first, &mut second] {
        for id in 0..2 {
            socket.call("join", json!([]), id).await;
            assert_eq!(socket.receive().await, result(true, id));
            peers.push(joins.recv().await.unwrap());
        }
    }
    assert!(peers[0] == peers[1] && peers[2] == peers[3] && peers[0] != peers[2]);
}
