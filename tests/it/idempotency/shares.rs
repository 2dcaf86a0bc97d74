//! How much of the store one caller can occupy, and how much is left for others.

use rpc::auth::Bearer;
use rpc::idempotency::MemoryStore;
use rpc::{Principal, Server, ServerBuilder};
use serde_json::{Value, json};
use std::net::SocketAddr;
use support::raw_http::{Connection, Reply, post_with};
use support::serve;
use uuid::Uuid;

use super::till::reason;

/// Builds a server with a method that answers with the requested number of bytes.
fn builder() -> ServerBuilder {
    Server::builder()
        .authenticate(Bearer::new().token("ada's", Principal::new("ada")).token("bob's", Principal::new("bob")))
        .method("fill", |(bytes,): (usize,)| async move { "x".repeat(bytes) })
}

/// Makes a call with a key, with this token or as an anonymous caller.
async fn fill(connection: &mut Connection, token: Option<&str>, key: Uuid, bytes: usize) -> Reply {
    let body = json!({ "jsonrpc": "2.0", "method": "fill", "params": [bytes], "id": key.to_string() }).to_string();
    let keys = format!("keys={key}");
    let authorization = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("rpc-idempotency", &*keys)];
    headers.extend(authorization.iter().map(|value| ("authorization", &**value)));
    connection.send(&post_with(&headers, body)).await;
    connection.reply().await
}

async fn filled(addr: SocketAddr, token: Option<&str>, bytes: usize) -> Reply {
    fill(&mut Connection::open(addr).await, token, Uuid::new_v4(), bytes).await
}

fn answer(reply: &Reply) -> Value {
    reply.json()
}

#[tokio::test]
async fn large_answers_of_anonymous_callers_leave_room_for_the_keys_of_all() {
    // An eighth of the default, so that four answers of almost 10 MB would fill it.
    let addr = serve(&builder().idempotency_store(MemoryStore::new().max_bytes(32 << 20)).build()).await;
    let mut connection = Connection::open(addr).await;
    for _ in 0..4 {
        let large = fill(&mut connection, None, Uuid::new_v4(), 9_900_000).await;
        assert_eq!(large.header("rpc-status"), Some("0"));
    }
    for token in [None, Some("ada's")] {
        assert_eq!(filled(addr, token, 1).await.header("rpc-status"), Some("0"), "{token:?}");
    }
}

#[tokio::test]
async fn anonymous_callers_share_one_part_of_the_store_and_each_principal_has_its_own() {
    let store = MemoryStore::new().max_bytes(1 << 20);
    let addr = serve(&builder().idempotency_store(store).build()).await;
    let mut connection = Connection::open(addr).await;
    let mut kept = 0;
    while fill(&mut connection, None, Uuid::new_v4(), 10_000).await.header("rpc-status") == Some("0") {
        kept += 1;
        assert!(kept < 100, "anonymous callers fill the store");
    }
    // Half of the store. Of that, an eighth is reserved for answers to running calls.
    assert!((40..=52).contains(&kept), "{kept}");
    let other = filled(addr, None, 1).await;
    assert_eq!((reason(&other), other.header("rpc-refused")), ("store_unavailable".into(), Some("all")));
    for bytes in [1, 10_000, 10_000] {
        for token in ["ada's", "bob's"] {
            assert_eq!(filled(addr, Some(token), bytes).await.header("rpc-status"), Some("0"), "{token}");
        }
    }
}

#[tokio::test]
async fn a_principal_fills_its_own_share_only() {
    let store = MemoryStore::new().max_bytes(1 << 20);
    let addr = serve(&builder().idempotency_store(store).build()).await;
    let mut connection = Connection::open(addr).await;
    let mut kept = 0;
    while fill(&mut connection, Some("ada's"), Uuid::new_v4(), 10_000).await.header("rpc-status") == Some("0") {
        kept += 1;
        assert!(kept < 100, "a principal fills the store");
    }
    assert!((20..=26).contains(&kept), "{kept}");
    assert_eq!(filled(addr, Some("bob's"), 10_000).await.header("rpc-status"), Some("0"));
    assert_eq!(filled(addr, None, 10_000).await.header("rpc-status"), Some("0"));
}

#[tokio::test]
async fn a_repeat_of_a_call_whose_answer_is_too_large_to_keep_is_told_that_it_ran() {
    let addr = serve(&builder().idempotency_store(MemoryStore::new().max_answer_bytes(1000)).build()).await;
    let mut connection = Connection::open(addr).await;
    for (bytes, kept) in [(900, true), (1000, false)] {
        let key = Uuid::new_v4();
        let first = fill(&mut connection, None, key, bytes).await;
        assert_eq!(first.header("rpc-status"), Some("0"));
        for _ in 0..2 {
            let again = fill(&mut connection, None, key, bytes).await;
            // The call ran, so it is not marked as refused.
            assert_eq!(again.header("rpc-refused"), None);
            if kept {
                assert_eq!(again.body, first.body);
            } else {
                let error = &answer(&again)["error"];
                assert_eq!((&error["code"], again.header("rpc-status")), (&json!(-32091), Some("-32091")));
                assert_eq!(error["data"], "the call ran, but its answer was not kept");
            }
        }
    }
}
