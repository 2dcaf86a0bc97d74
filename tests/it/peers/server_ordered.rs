//! Ordered notifications: one after another on a session, and in the way of nothing else.

use std::sync::Arc;
use std::time::Duration;

use rpc::middleware::{Next, Request, from_fn};
use rpc::{Context, Limits, Server};
use serde_json::{Value, json};
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use support::websocket::WebSocket;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{sleep, timeout};

#[rpc::service]
trait Edits {
    #[rpc(ordered)]
    async fn change(&self, text: String);

    #[rpc(ordered, readonly)]
    async fn close(&self, text: String);

    #[rpc(ordered)]
    async fn outlast(&self, #[rpc(context)] cx: &Context);

    #[rpc(ordered)]
    async fn panic(&self);

    #[rpc(ordered)]
    async fn hang(&self);

    async fn note(&self, text: String);

    /// Returns the changes in the order in which they have ended.
    #[rpc(readonly)]
    async fn read(&self) -> Vec<String>;
}

struct Document {
    begun: UnboundedSender<String>,
    /// Each change takes a permit before it ends.
    gate: Arc<Semaphore>,
    ended: Mutex<Vec<String>>,
}

impl Document {
    async fn apply(&self, text: String) {
        self.begun.send(text.clone()).unwrap();
        self.gate.acquire().await.unwrap().forget();
        self.ended.lock().await.push(text);
    }
}

impl Edits for Document {
    async fn change(&self, text: String) {
        self.apply(text).await;
    }

    async fn close(&self, text: String) {
        self.apply(text).await;
    }

    async fn outlast(&self, cx: &Context) {
        self.begun.send("outlast".to_owned()).unwrap();
        sleep(cx.remaining().expect("the notification has a deadline") + Duration::from_millis(50)).await;
        self.ended.lock().await.push("outlasted".to_owned());
    }

    async fn panic(&self) {
        self.begun.send("panic".to_owned()).unwrap();
        panic!("on purpose");
    }

    async fn hang(&self) {
        self.begun.send("hang".to_owned()).unwrap();
        std::future::pending().await
    }

    async fn note(&self, text: String) {
        self.begun.send(text).unwrap();
    }

    async fn read(&self) -> Vec<String> {
        self.ended.lock().await.clone()
    }
}

/// What a test sees of its server.
struct Seen {
    begins: UnboundedReceiver<String>,
    gate: Arc<Semaphore>,
}

impl Seen {
    /// Returns the text of the next handler that begins.
    async fn begun(&mut self) -> String {
        timeout(TEST_TIMEOUT, self.begins.recv()).await.expect("a handler begins").unwrap()
    }

    fn nothing_begun(&mut self) -> bool {
        self.begins.try_recv().is_err()
    }

    fn end_changes(&self, count: usize) {
        self.gate.add_permits(count);
    }
}

fn document() -> (EditsServer<Document>, Seen) {
    let (begun, begins) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let document = Document { begun, gate: Arc::clone(&gate), ended: Mutex::default() };
    (EditsServer::new(document), Seen { begins, gate })
}

fn server(limits: Limits) -> (Server, Seen) {
    let (document, seen) = document();
    (Server::builder().service(document).limits(limits).build(), seen)
}

async fn read(socket: &mut WebSocket) -> Value {
    socket.call("read", json!([]), 900).await;
    let answer = socket.receive().await;
    assert_eq!(answer["id"], 900, "{answer}");
    answer["result"].clone()
}

#[tokio::test]
async fn ordered_notifications_of_all_methods_run_one_after_another() {
    let (server, mut seen) = server(Limits::default());
    let addr = serve(&server).await;
    for mut socket in [WebSocket::open(addr).await, WebSocket::open_older(addr).await] {
        for (method, text) in [("change", "a"), ("close", "b"), ("change", "c")] {
            socket.notify(method, json!([text])).await;
        }
        for text in ["a", "b", "c"] {
            assert_eq!(seen.begun().await, text);
            // The answer shows that the session has received and run all messages.
            read(&mut socket).await;
            assert!(seen.nothing_begun());
            seen.end_changes(1);
        }
    }
    let mut socket = WebSocket::open(addr).await;
    socket.notify("change", json!(["last"])).await;
    seen.end_changes(1);
    assert_eq!(seen.begun().await, "last");
}

#[tokio::test]
async fn many_ordered_notifications_end_in_the_order_in_which_they_came() {
    let (server, mut seen) = server(Limits::default());
    let mut socket = WebSocket::open(serve(&server).await).await;
    seen.end_changes(usize::MAX >> 4);
    let texts: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    for text in &texts {
        socket.notify("change", json!([text])).await;
    }
    for text in &texts {
        assert_eq!(seen.begun().await, *text);
    }
    socket.notify("change", json!(["end"])).await;
    assert_eq!(seen.begun().await, "end");
    assert_eq!(read(&mut socket).await.as_array().unwrap()[..1000], texts);
}

#[tokio::test]
async fn calls_and_other_notifications_do_not_wait_for_ordered_ones() {
    let (server, mut seen) = server(Limits::default());
    let mut socket = WebSocket::open(serve(&server).await).await;
    for text in ["a", "b"] {
        socket.notify("change", json!([text])).await;
    }
    assert_eq!(seen.begun().await, "a");
    socket.notify("note", json!(["note"])).await;
    assert_eq!(seen.begun().await, "note");
    socket.call("change", json!(["call"]), 1).await;
    assert_eq!(seen.begun().await, "call");
    let entry = |text: &str| json!({ "jsonrpc": "2.0", "method": "change", "params": [text] });
    socket.send(&json!([entry("c"), entry("d")])).await;
    assert_eq!([seen.begun().await, seen.begun().await], ["c", "d"]);
    read(&mut socket).await;
    assert!(seen.nothing_begun());
}

#[tokio::test]
async fn each_session_has_an_order_of_its_own() {
    let (server, mut seen) = server(Limits::default());
    let addr = serve(&server).await;
    let (mut first, mut second) = (WebSocket::open(addr).await, WebSocket::open(addr).await);
    first.notify("change", json!(["first"])).await;
    assert_eq!(seen.begun().await, "first");
    second.notify("change", json!(["second"])).await;
    assert_eq!(seen.begun().await, "second");
}

#[tokio::test]
async fn neither_a_panic_nor_a_timeout_stops_the_next_notification() {
    let (server, mut seen) = server(Limits::default().handler_timeout(Duration::from_millis(50)));
    let mut socket = WebSocket::open(serve(&server).await).await;
    for method in ["panic", "hang", "panic"] {
        socket.notify(method, json!([])).await;
    }
    socket.notify("change", json!(["after"])).await;
    for begun in ["panic", "hang", "panic", "after"] {
        assert_eq!(seen.begun().await, begun);
    }
}

#[tokio::test]
async fn the_next_notification_waits_for_a_handler_that_outlasts_its_deadline() {
    for has_layer in [false, true] {
        let (document, mut seen) = document();
        let mut builder = Server::builder().service(document);
        if has_layer {
            builder = builder.layer(from_fn(|request: Request, next: Next| next.run(request)));
        }
        let mut socket = WebSocket::open(serve(&builder.build()).await).await;
        seen.end_changes(1);
        let deadline = json!({ "rpc-timeout-ms": "500" });
        socket.send(&json!({ "jsonrpc": "2.0", "method": "outlast", "rpc": deadline })).await;
        socket.notify("change", json!(["next"])).await;
        assert_eq!([seen.begun().await, seen.begun().await], ["outlast", "next"]);
        assert_eq!(read(&mut socket).await[0], "outlasted");
    }
}

#[tokio::test]
async fn notifications_beyond_the_limit_of_calls_are_dropped() {
    let (server, mut seen) = server(Limits::default().max_connection_calls(3));
    let mut socket = WebSocket::open(serve(&server).await).await;
    for text in ["a", "b", "c", "d", "e"] {
        socket.notify("change", json!([text])).await;
    }
    assert_eq!(seen.begun().await, "a");
    socket.call("read", json!([]), 1).await;
    assert_eq!(socket.receive().await["error"]["code"], -32092);
    seen.end_changes(3);
    assert_eq!([seen.begun().await, seen.begun().await], ["b", "c"]);
    // There is room again, and what was dropped does not come back.
    loop {
        socket.call("read", json!([]), 2).await;
        let answer = socket.receive().await;
        if answer["result"] == json!(["a", "b", "c"]) {
            break;
        }
    }
    assert!(seen.nothing_begun());
}

#[tokio::test]
async fn a_drain_runs_the_notifications_that_wait() {
    let (server, mut seen) = server(Limits::default());
    let server = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let mut socket = WebSocket::open(server.local_addr()).await;
    for text in ["a", "b", "c"] {
        socket.notify("change", json!([text])).await;
    }
    assert_eq!(seen.begun().await, "a");
    read(&mut socket).await;
    let stopped = tokio::spawn(server.shutdown());
    // The refusal of a new call shows that the drain has begun.
    loop {
        socket.call("read", json!([]), 1).await;
        if socket.receive().await["error"]["code"] == -32092 {
            break;
        }
    }
    socket.notify("change", json!(["late"])).await;
    seen.end_changes(10);
    assert_eq!([seen.begun().await, seen.begun().await], ["b", "c"]);
    assert_eq!(socket.close_code().await, Some(1001));
    timeout(TEST_TIMEOUT, stopped).await.expect("the server stops").unwrap();
    assert!(seen.nothing_begun());
}
