//! Connections release what they hold of the server's quotas, however they end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::Request;
use tokio::io::duplex;
use tokio::time::sleep;

use super::PING;
use super::http2::text;
use crate::http::{Backend, ConnectionInfo};
use crate::serve::connection::serve;
use crate::serve::facts::ConnectionFacts;
use crate::serve::peer::PeerKey;
use crate::serve::state::{ConnectionOrder, ConnectionState};
use crate::{Limits, Server};

const LIMITS: (usize, usize) = (64, 8 << 20);

fn server() -> Server {
    let limits = Limits {
        max_calls_in_flight: LIMITS.0,
        max_buffered_bytes: LIMITS.1,
        max_request_bytes: 1 << 20,
        max_response_bytes: 1 << 20,
        max_batch_concurrency: 8,
        handler_timeout: Duration::from_secs(20),
        ..Limits::default()
    };
    Server::builder()
        .limits(limits)
        .method("ping", || async { "pong" })
        .method("panic", || async {
            if true {
                panic!("in the handler")
            }
        })
        .method("sleep", |(seconds,): (u64,)| async move { sleep(Duration::from_secs(seconds)).await })
        .method("text", |(bytes,): (usize,)| async move { "x".repeat(bytes) })
        .build()
}

/// Returns the next number of a sequence that is the same in each run.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

fn body(seed: &mut u64) -> String {
    let call = |method: &str, params: u64| {
        format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":[{params}],"id":{params}}}"#)
    };
    match next(seed) % 8 {
        0 => PING.to_owned(),
        1 => r#"{"jsonrpc":"2.0","method":"panic","id":1}"#.to_owned(),
        2 => call("sleep", next(seed) % 30),
        3 => text(100_000),
        4 => text(2_000_000),
        5 => format!("[{},{},{PING}]", call("sleep", next(seed) % 5), text(300_000)),
        6 => format!("[{}{PING}]", format!("{},", call("sleep", 1)).repeat(20)),
        _ => format!(r#"{{"jsonrpc":"2.0","method":"ping","id":"{}"}}"#, "x".repeat(200)),
    }
}

/// Speaks HTTP/2 for a while, abandons requests and answers in all states, then ends the connection in a random way.
async fn misuse(server: &Server, mut seed: u64) {
    let (peer, stream) = duplex(64 << 10);
    let state = Arc::new(ConnectionState::new(PeerKey::default()));
    let (served, of_task) = (server.clone(), Arc::clone(&state));
    let task = tokio::spawn(async move {
        serve(served.http_state, stream, ConnectionInfo::default(), ConnectionFacts::default(), &of_task).await;
    });
    let (requests, connection) = h2::client::Builder::new().initial_window_size(20_000).handshake(peer).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut kept = Vec::new();
    for _ in 0..60 {
        let request = Request::post("http://a/").header("content-type", "application/json");
        let request = request.header("x-padding", "x".repeat(2000)).body(()).unwrap();
        let Ok(mut ready) = requests.clone().ready().await else { break };
        let Ok((answer, mut sending)) = ready.send_request(request, false) else { break };
        let body = Bytes::from(body(&mut seed));
        match next(&mut seed) % 5 {
            0 => {
                let _ = sending.send_data(body.slice(..body.len() / 2), false);
                sleep(Duration::from_millis(next(&mut seed) % 20)).await;
                sending.send_reset(Reason::CANCEL);
            }
            1 => {
                let _ = sending.send_data(body, true);
                sleep(Duration::from_millis(next(&mut seed) % 20)).await;
                drop(answer);
            }
            2 => {
                let _ = sending.send_data(body, true);
                // The answer's head is read, and none of its body.
                kept.push(answer.await.ok());
            }
            _ => {
                let _ = sending.send_data(body, true);
                let Ok(mut answer) = answer.await else { continue };
                while let Some(Ok(data)) = answer.body_mut().data().await {
                    let _ = answer.body_mut().flow_control().release_capacity(data.len());
                }
            }
        }
    }
    match seed % 4 {
        0 => state.tell(ConnectionOrder::Cut),
        1 => task.abort(),
        2 => connection.abort(),
        _ => drop((requests, kept)),
    }
    let _ = task.await;
}

#[tokio::test(start_paused = true)]
async fn all_that_connections_take_is_given_back_however_they_end() {
    let server = server();
    for seed in 0..8 {
        misuse(&server, seed).await;
    }
    // Calls that still run have ended by then.
    sleep(Duration::from_secs(30)).await;
    let http_state = &server.http_state;
    let Backend::Own(dispatcher) = &http_state.backend else { panic!("the methods are ours") };
    assert_eq!(dispatcher.in_flight.left(), LIMITS.0);
    assert_eq!(http_state.budget.held(), 0);
    assert_eq!(http_state.budget.connections(), 0);
}
