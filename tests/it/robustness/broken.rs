//! Bodies that break off or never end.

use std::time::Duration;

use support::raw_http::{Connection, Reply, TEST_TIMEOUT, request};
use support::{PING, serve};

use crate::robustness::server::{assert_alive, builder, serve_with};

fn head(framing: (&str, &str)) -> Vec<u8> {
    request("POST / HTTP/1.1", &[("host", "a"), ("content-type", "application/json"), framing], b"")
}

fn assert_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, reply.header("rpc-status")), (status, Some(code)), "{reply:?}");
    assert!(reply.text().starts_with(&format!(r#"{{"jsonrpc":"2.0","error":{{"code":{code},"#)), "{reply:?}");
    assert!(reply.text().ends_with(r#""id":null}"#), "{reply:?}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_answered_where_the_client_still_reads() {
    let addr = serve(&builder().build()).await;
    for framing in [("content-length", "100"), ("transfer-encoding", "chunked")] {
        let mut connection = Connection::open(addr).await;
        connection.send(&head(framing)).await;
        connection.send(if framing.1 == "100" { PING.as_bytes() } else { b"10\r\n{\"json" }).await;
        connection.finish_sending().await;
        assert_refused(&connection.reply().await, 400, "-32600");
        assert_alive(addr).await;
    }
}

#[tokio::test]
async fn connections_that_are_cut_within_a_body_leave_the_server_as_it_was() {
    let addr = serve_with(|limits| limits.max_connections = 2).await;
    for _ in 0..20 {
        let mut connection = Connection::open(addr).await;
        connection.send(&head(("content-length", "100"))).await;
        connection.send(b"{").await;
        drop(connection);
    }
    assert_alive(addr).await;
}

#[tokio::test]
async fn a_body_that_makes_no_progress_is_given_up() {
    let addr = serve_with(|limits| limits.body_progress_timeout = Duration::from_millis(100)).await;
    for (framing, body) in [
        (("content-length", "100"), "{"),
        (("content-length", "100"), ""),
        (("transfer-encoding", "chunked"), "1\r\n{\r\n"),
    ] {
        let mut connection = Connection::open(addr).await;
        connection.send(&head(framing)).await;
        connection.send(body.as_bytes()).await;
        assert_refused(&connection.reply().await, 408, "-32094");
        assert_alive(addr).await;
    }
}

#[tokio::test]
async fn a_body_that_takes_too_long_in_all_is_given_up_though_it_makes_progress() {
    let addr = serve_with(|limits| {
        limits.body_progress_timeout = TEST_TIMEOUT * 10;
        limits.body_timeout = Duration::from_millis(300);
    })
    .await;
    let mut connection = Connection::open(addr).await;
    connection.send(&head(("content-length", "1000000"))).await;
    let reply = tokio::time::timeout(TEST_TIMEOUT, async {
        // Send one byte after the other until there is an answer.
        loop {
            connection.send(b" ").await;
            if connection.has_bytes_within(Duration::from_millis(10)).await {
                return connection.reply().await;
            }
        }
    });
    assert_refused(&reply.await.expect("the body has a time limit in all"), 408, "-32094");
    assert_alive(addr).await;
}
