//! More connections than the process has descriptors for.

use std::time::Duration;

use futures_util::future::join_all;
use rpc::Limits;
use support::process::Process;
use support::raw_http::{Connection, TEST_TIMEOUT, post};
use tokio::time::sleep;

use crate::attacks::child::{self, Attacked, HELD, HOLD, ping};

const FILES: usize = 64;
/// More than there are descriptors, but few enough that the rest fit into the accept queue.
const CONNECTIONS: usize = 150;

/// How many hundredths of a second of CPU time the process may use while it cannot accept, in a second without other
/// work. A process in a busy loop uses nearly all of them.
const MAX_TICKS: u64 = 15;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is the child process of the test below"]
async fn serves() {
    child::serve(Limits::default(), 0).await;
}

/// Returns whether all descriptors are in use. Inherited descriptors can have numbers above the limit.
fn has_none_left(server: &Attacked) -> bool {
    server.process.files().filter(|number| *number < FILES).count() == FILES
}

#[tokio::test]
async fn without_descriptors_a_server_serves_on_and_rests_and_accepts_again() {
    let server = Attacked::of(Process::start_with_files(module_path!(), "serves", FILES).await);
    server.control.begun().await.unwrap();
    // These connections are in use, because the server would close idle ones to make room.
    let connections: Vec<_> = join_all((0..CONNECTIONS).map(|_| hold(&server))).await;
    server.process.until_connections_are(TEST_TIMEOUT, |_| has_none_left(&server)).await;

    let before = server.process.ticks();
    sleep(Duration::from_secs(1)).await;
    let ticks = server.process.ticks() - before;
    assert!(ticks <= MAX_TICKS, "the server computed for {ticks} hundredths of a second, and had nothing to do");
    assert!(has_none_left(&server), "there was nothing to accept any longer");

    // The server continues to serve accepted connections. When some of them end, it accepts the next ones.
    server.control.release().await.unwrap();
    let answers = connections.into_iter().map(|mut connection| async move { connection.reply().await.text() == HELD });
    assert!(join_all(answers).await.into_iter().all(|is_answered| is_answered));
    ping(&mut Connection::open(server.addr).await).await;
}

#[tokio::test]
async fn without_descriptors_a_server_closes_connections_at_rest_for_those_that_wait() {
    let server = Attacked::of(Process::start_with_files(module_path!(), "serves", FILES).await);
    let idle: Vec<_> = join_all((0..CONNECTIONS).map(|_| Connection::open(server.addr))).await;
    server.process.until_connections_are(TEST_TIMEOUT, |_| has_none_left(&server)).await;
    // It is last in the queue. It is answered after the server has closed the others.
    ping(&mut Connection::open(server.addr).await).await;
    drop(idle);
}

/// Makes a call that waits.
async fn hold(server: &Attacked) -> Connection {
    let mut connection = Connection::open(server.addr).await;
    connection.send(&post(HOLD)).await;
    connection
}
