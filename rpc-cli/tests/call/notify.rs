//! Notifications print nothing.

use serde_json::Value;
use support::{Answer, Peer, http};

use crate::binary::{Ended, rpc};

#[tokio::test]
async fn a_notification_has_no_id_and_prints_nothing() {
    let peer = Peer::start(|_| Answer::Bytes(http("204 No Content", &[], ""))).await;
    let ended = rpc(&["call", &peer.url(), "seen", "[7]", "--notify"]).run().await;
    assert_eq!(ended, Ended { exit: 0, stdout: String::new(), stderr: String::new() });
    let requests = peer.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].json()["method"], "seen");
    assert_eq!(requests[0].id(), Value::Null);
}

#[tokio::test]
async fn a_notification_that_is_cut_may_have_run() {
    let peer = Peer::start(|_| Answer::Bytes(Vec::new())).await;
    let ended = rpc(&["call", &peer.url(), "seen", "--notify"]).run().await;
    assert_eq!(ended.exit, 6);
    assert!(ended.stderr.contains("since a notification has no key"), "{}", ended.stderr);
    let ended = rpc(&["call", &peer.url(), "seen", "--notify", "--readonly", "--retry", "0"]).run().await;
    assert_eq!(ended.exit, 6);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}
