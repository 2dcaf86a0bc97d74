//! Clients that serve: a server, played by hand over real WebSockets, calls them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rpc::{Client, Context, ErrorObject, InternalExt, Limits, Server, ServerBuilder};
use serde_json::{Value, json};
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::raw_server::{RawConnection, RawServer};

pub(super) fn call(method: &str, params: impl Into<Value>, id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params.into(), "id": id })
}

pub(super) fn result(result: impl Into<Value>, id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "result": result.into(), "id": id })
}

/// Connects a client that serves this to a server that the test plays.
pub(super) async fn connect(serves: ServerBuilder) -> (Client, RawConnection, RawServer) {
    let server = RawServer::start().await;
    let connecting = Client::connect(server.url()).serves(serves.build());
    let (client, connection) = tokio::join!(connecting.into_future(), server.accept());
    (client.unwrap(), connection, server)
}

/// What the client serves: `double`, and `ask`, which calls `answer` of the server.
pub(super) fn member() -> ServerBuilder {
    Server::builder().method("double", |(number,): (u64,)| async move { 2 * number }).try_method(
        "ask",
        |(question,): (String,), cx: Context| async move {
            let server = cx.peer::<Client>().internal()?;
            let answer = server.call::<String>("answer", [question]).await.internal()?;
            Ok::<_, ErrorObject>(answer)
        },
    )
}

#[tokio::test]
async fn calls_of_both_sides_have_ids_of_their_own() {
    let (client, mut server, _listener) = connect(member()).await;
    let counting = tokio::spawn(client.call::<u64>("count", ()).readonly().into_future());
    assert_eq!(server.receive().await["id"], 1);
    server.send(&call("double", [21], 1)).await;
    assert_eq!(server.receive().await, result(42, 1));
    server.send(&result(7, 1)).await;
    assert_eq!(counting.await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn batches_notifications_and_faults_of_the_server_are_answered_as_by_any_server() {
    let (told, mut tells) = mpsc::unbounded_channel();
    let served = member().method("note", move |(text,): (String,)| {
        let told = told.clone();
        async move { told.send(text).is_ok() }
    });
    let (_client, mut server, _listener) = connect(served).await;
    server.send(&json!({ "jsonrpc": "2.0", "method": "note", "params": ["a"] })).await;
    assert_eq!(tells.recv().await.unwrap(), "a");
    // A notification may have a parameter of this name, though it belongs to no stream.
    server
        .send(&json!([
            { "jsonrpc": "2.0", "method": "note", "params": ["b"] },
            call("double", [4], 1),
            call("none", json!([]), 2),
        ]))
        .await;
    assert_eq!(tells.recv().await.unwrap(), "b");
    let answers = server.receive().await;
    assert_eq!((&answers[0]["result"], &answers[0]["id"]), (&json!(8), &json!(1)));
    assert_eq!((&answers[1]["error"]["code"], &answers[1]["id"]), (&json!(-32601), &json!(2)));
    server.send_text("nonsense").await;
    let answer = server.receive().await;
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32700), &Value::Null));
}

#[tokio::test]
async fn client_that_serves_nothing_refuses_each_call() {
    let listener = RawServer::start().await;
    let connecting = Client::connect(listener.url());
    let (client, mut server) = tokio::join!(connecting.into_future(), listener.accept());
    let client = client.unwrap();
    server.send(&call("double", [1], 7)).await;
    let answer = server.receive().await;
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32601), &json!(7)));
    server.send(&json!([call("a", json!([]), 8), call("b", json!([]), 9)])).await;
    let answers = server.receive().await;
    assert_eq!((&answers[0]["id"], &answers[1]["id"]), (&json!(8), &json!(9)));
    let counting = tokio::spawn(client.call::<u64>("count", ()).readonly().into_future());
    assert_eq!(server.receive().await["method"], "count");
    server.send(&result(7, 1)).await;
    assert_eq!(counting.await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn calls_of_the_server_have_headers_and_a_deadline() {
    let served = Server::builder().method("facts", |cx: Context| async move {
        let tenant = cx.headers().get("x-tenant").and_then(|tenant| tenant.to_str().ok().map(str::to_owned));
        (tenant, cx.remaining().is_some_and(|left| left <= Duration::from_secs(5)))
    });
    let (_client, mut server, _listener) = connect(served).await;
    let mut facts = call("facts", json!([]), 1);
    facts["rpc"] = json!({ "x-tenant": "a", "rpc-timeout-ms": "5000" });
    server.send(&facts).await;
    assert_eq!(server.receive().await["result"], json!(["a", true]));
}

#[tokio::test]
async fn handler_of_the_client_calls_the_server_before_it_answers() {
    let (client, mut server, _listener) = connect(member()).await;
    let counting = tokio::spawn(client.call::<u64>("count", ()).readonly().into_future());
    assert_eq!(server.receive().await["id"], 1);
    server.send(&call("ask", ["why"], 1)).await;
    let asked = server.receive().await;
    assert_eq!((&asked["method"], &asked["params"]), (&json!("answer"), &json!(["why"])));
    assert_ne!(asked["id"], 1, "the call of the handler and that of the client share the connection");
    server.send(&result("because", asked["id"].as_u64().unwrap())).await;
    assert_eq!(server.receive().await, result("because", 1));
    server.send(&result(7, 1)).await;
    assert_eq!(counting.await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn answers_arrive_while_as_many_handlers_as_the_limit_allows_wait_for_them() {
    const CAP: u64 = 3;
    let limits = Limits::default().max_connection_calls(CAP as usize);
    let (client, mut server, _listener) = connect(member().limits(limits)).await;
    let mut asked = Vec::new();
    for id in 1..=CAP {
        server.send(&call("ask", [id.to_string()], id)).await;
        asked.push(server.receive().await);
    }
    // One more is refused at once, and does not wait.
    server.send(&call("ask", ["more"], 99)).await;
    let refused = server.receive().await;
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32092), &json!(99)));
    // The client's own calls are answered, too.
    let counting = tokio::spawn(client.call::<u64>("count", ()).readonly().into_future());
    let count = server.receive().await;
    server.send(&result(7, count["id"].as_u64().unwrap())).await;
    assert_eq!(counting.await.unwrap().unwrap(), 7);
    for asked in asked.iter().rev() {
        server.send(&result(asked["params"][0].clone(), asked["id"].as_u64().unwrap())).await;
        let answer = server.receive().await;
        assert_eq!(answer["result"], answer["id"].to_string());
    }
}

#[tokio::test]
async fn server_reads_a_stream_of_the_client_within_its_credit_and_cancels_it() {
    let dropped = Arc::new(Notify::new());
    let notify = Arc::clone(&dropped);
    let served = member().stream("numbers", move |(len,): (usize,)| {
        let notify = NotifyOnDrop(Arc::clone(&notify));
        async move {
            stream::iter(0..).map(move |number: u64| {
                let _ = &notify;
                format!("{number:0len$}")
            })
        }
    });
    let (client, mut server, _listener) = connect(served).await;
    // The client opens a stream with the same id.
    let opening = tokio::spawn(client.stream::<u64>("ticks", ()).into_future());
    assert_eq!(server.receive().await["id"], 1);
    server.send(&json!({ "jsonrpc": "2.0", "method": "rpc.accepted", "params": { "subscription": 1 } })).await;
    let mut ticks = opening.await.unwrap().unwrap();

    server.send(&call("numbers", [10_000], 1)).await;
    assert_eq!(server.receive().await["method"], "rpc.accepted");
    let mut items = 0;
    while items < 3 {
        assert_eq!(server.receive().await["params"]["result"], format!("{items:010000}"));
        items += 1;
    }
    // Credit names the stream that the server reads, and not the client's own.
    let credit = json!({ "subscription": 1, "bytes": 100_000 });
    server.send(&json!({ "jsonrpc": "2.0", "method": "rpc.credit", "params": credit })).await;
    while items < 12 {
        assert_eq!(server.receive().await["params"]["result"], format!("{items:010000}"));
        items += 1;
    }
    server.send(&json!({ "jsonrpc": "2.0", "method": "ticks", "params": { "subscription": 1, "result": 5 } })).await;
    assert_eq!(ticks.next().await.unwrap().unwrap(), 5);
    server.send(&json!({ "jsonrpc": "2.0", "method": "rpc.cancel", "params": { "id": 1 } })).await;
    let end = loop {
        let message = server.receive().await;
        if message.get("error").is_some() {
            break message;
        }
    };
    assert_eq!((&end["error"]["code"], &end["id"]), (&json!(-32089), &json!(1)));
    timeout(TEST_TIMEOUT, dropped.notified()).await.expect("the stream is dropped");
}

/// Tells that it was dropped.
struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn handlers_of_client_and_server_call_each_other_in_turn() {
    /// Calls the same method of the other side with one less, until nothing is left.
    fn countdown() -> Server {
        let step = |(left,): (u64,), cx: Context| async move {
            let other = cx.peer::<Client>().internal()?;
            let below = if left == 0 { 0 } else { other.call::<u64>("count", [left - 1]).await.internal()? };
            Ok::<_, ErrorObject>(below + 1)
        };
        Server::builder().try_method("count", step).build()
    }
    let addr = serve(&countdown()).await;
    let client = Client::connect(format!("ws://{addr}")).serves(countdown()).await.unwrap();
    let counts = (0..8).map(|left| client.call::<u64>("count", [left]).readonly().into_future());
    for (left, count) in (0..).zip(futures_util::future::join_all(counts).await) {
        assert_eq!(count.unwrap(), left + 1);
    }
}

#[tokio::test]
async fn serving_needs_a_connection_on_which_the_server_can_call() {
    let server = member().build();
    let in_process = Client::builder().in_process(&server).serves(server.clone());
    let over_http = Client::builder().endpoint("http://127.0.0.1:1").serves(server.clone());
    for builder in [in_process, over_http] {
        let failure = builder.build().unwrap_err();
        assert!(failure.is_builder() && failure.to_string().contains("ws, wss or unix address"), "{failure}");
    }
    Client::builder().endpoints(["http://127.0.0.1:1", "ws://127.0.0.1:1"]).serves(server).build().unwrap();
}

#[tokio::test]
async fn dispatch_without_sessions_is_refused_when_the_client_connects() {
    /// Answers nothing.
    struct Silent;

    impl rpc::Dispatch for Silent {
        fn dispatch(&self, _: bytes::Bytes, _: Arc<rpc::RequestContext>) -> rpc::BoxFuture<rpc::Answer> {
            unreachable!("no connection is opened")
        }
    }

    let listener = RawServer::start().await;
    let connecting = Client::connect(listener.url()).serves(Silent);
    let (failure, _connection) = tokio::join!(connecting.into_future(), listener.accept());
    let failure = failure.unwrap_err();
    assert!(failure.to_string().contains("opens no sessions"), "{failure}");
}
