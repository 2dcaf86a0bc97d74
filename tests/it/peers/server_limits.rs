//! Answers of peers arrive at the limits of calls, and while a session drains.

use rpc::{Context, Limits, Server};
use serde_json::{Value, json};
use support::raw_http::TEST_TIMEOUT;
use support::serve;
use support::websocket::WebSocket;
use tokio::time::timeout;

use super::outbound::Caller;

/// How many calls a connection may have in flight.
const CAP: u64 = 4;

/// A server whose `relay` asks the caller for the result.
fn relay() -> Server {
    let relay = |(value,): (u64,), cx: Context| async move {
        let caller: Caller = cx.peer().expect("calls come over sessions");
        let answer = caller.call("ask", json!([value])).await.expect("the session lasts");
        answer["result"].as_u64()
    };
    let limits = Limits::default().max_connection_calls(CAP as usize);
    Server::builder().method("relay", relay).method("ping", || async { "pong" }).limits(limits).build()
}

/// Receives the server's calls of `ask`, and returns their ids and params.
async fn asked(socket: &mut WebSocket, count: u64) -> Vec<(u64, u64)> {
    let mut asked = Vec::new();
    for _ in 0..count {
        let call = socket.receive().await;
        assert_eq!(call["method"], "ask", "{call}");
        asked.push((call["id"].as_u64().unwrap(), call["params"][0].as_u64().unwrap()));
    }
    asked
}

#[tokio::test]
async fn answers_of_the_peer_arrive_while_all_handlers_wait_for_it() {
    let mut socket = WebSocket::open(serve(&relay()).await).await;
    for round in 0..3 {
        for id in 0..CAP {
            socket.call("relay", json!([round * 10 + id]), id).await;
        }
        let calls = asked(&mut socket, CAP).await;
        // No room is left for one more call, and it is not queued.
        socket.call("ping", json!([]), 100).await;
        let refused = socket.receive().await;
        assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32092), &json!(100)), "{refused}");
        for (id, value) in calls.into_iter().rev() {
            socket.send(&json!({ "jsonrpc": "2.0", "result": value, "id": id })).await;
            let expected = json!({ "jsonrpc": "2.0", "result": value, "id": value % 10 });
            assert_eq!(socket.receive().await, expected);
        }
    }
    socket.call("ping", json!([]), 7).await;
    assert_eq!(socket.receive().await["result"], "pong");
}

#[tokio::test]
async fn a_drain_waits_for_handlers_that_wait_for_their_peer() {
    let server = relay().bind("127.0.0.1:0").await.unwrap().spawn();
    let mut socket = WebSocket::open(server.local_addr()).await;
    socket.call("relay", json!([5]), 1).await;
    let calls = asked(&mut socket, 1).await;
    let stopped = tokio::spawn(server.shutdown());
    // The refusal of a new call shows that the drain has begun.
    loop {
        socket.call("ping", json!([]), 2).await;
        let answer = socket.receive().await;
        if answer["error"]["code"] == -32092 {
            break;
        }
        assert_eq!(answer["result"], "pong");
    }
    socket.send(&json!({ "jsonrpc": "2.0", "result": 5, "id": calls[0].0 })).await;
    assert_eq!(socket.receive().await, json!({ "jsonrpc": "2.0", "result": 5, "id": 1 }));
    assert_eq!(socket.close_code().await, Some(1001));
    timeout(TEST_TIMEOUT, stopped).await.expect("the server stops").unwrap();
}

#[tokio::test]
async fn answers_of_the_peer_arrive_while_it_sends_calls_beyond_the_cap() {
    let mut socket = WebSocket::open(serve(&relay()).await).await;
    for id in 0..CAP {
        socket.call("relay", json!([id]), id).await;
    }
    let calls = asked(&mut socket, CAP).await;
    for id in 1000..1200 {
        socket.call("ping", json!([]), id).await;
    }
    for (id, value) in calls {
        socket.send(&json!({ "jsonrpc": "2.0", "result": value, "id": id })).await;
    }
    let (mut refused, mut results) = (0, Vec::new());
    for _ in 0..200 + CAP {
        match socket.receive().await {
            answer if answer["error"]["code"] == -32092 => refused += 1,
            answer => results.push(answer["result"].clone()),
        }
    }
    let values: Vec<Value> = (0..CAP).map(Value::from).collect();
    assert_eq!((refused, results), (200, values));
}
