//! More calls than may be in flight.

use futures_util::future::join_all;
use rpc::Limits;
use support::raw_http::{Connection, exchange, post};

use crate::attacks::child::{self, Attacked, HELD, HOLD, ping};

const MAX_IN_FLIGHT: usize = 8;

/// How many more calls are sent, some of them in batches.
const BEYOND: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is the child process of the test below"]
async fn serves() {
    let mut limits = Limits::default();
    limits.max_calls_in_flight = MAX_IN_FLIGHT;
    child::serve(limits, 0).await;
}

async fn hold(connection: &mut Connection) {
    connection.send(&post(HOLD)).await;
}

#[tokio::test]
async fn calls_beyond_those_in_flight_are_shed_at_once_and_none_of_them_runs() {
    let server = Attacked::start(module_path!()).await;
    let mut held = Vec::new();
    for _ in 0..MAX_IN_FLIGHT {
        let mut connection = Connection::open(server.addr).await;
        hold(&mut connection).await;
        held.push(connection);
    }
    server.control.until_begun(MAX_IN_FLIGHT as u64).await.unwrap();

    // No call in flight ends before these are answered. So they are answered at once or never.
    let shed = (0..BEYOND).map(|number| async move {
        let batch = format!("[{HOLD},{HOLD}]");
        let body = if number % 4 == 0 { &batch } else { HOLD };
        let reply = exchange(server.addr, &post(body)).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{reply:?}");
        assert_eq!((reply.header("rpc-refused"), reply.header("rpc-status")), (Some("all"), Some("-32092")));
        let id = if number % 4 == 0 { "null" } else { "1" };
        let error = r#"{"code":-32092,"message":"Server overloaded"}"#;
        assert_eq!(reply.text(), format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{id}}}"#));
    });
    join_all(shed).await;

    server.control.release().await.unwrap();
    for connection in &mut held {
        assert_eq!(connection.reply().await.text(), HELD);
        // There is room again, for the same connections and for others.
        hold(connection).await;
        assert_eq!(connection.reply().await.text(), HELD);
        ping(&mut Connection::open(server.addr).await).await;
    }
    let ran = server.control.begun().await.unwrap();
    assert_eq!(ran, 2 * MAX_IN_FLIGHT as u64, "calls that were shed have run");
}
