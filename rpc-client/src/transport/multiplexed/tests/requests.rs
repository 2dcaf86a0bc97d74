//! Calls, batches and notifications: their answers, their outcomes, and the connections that they use.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use rpc_core::Outcome;
use rpc_core::SessionProtocol::{RpcV1, Subscriptions};

use super::super::{ConnectRefusal, PipeEnd, RefusedUpgrade};
use super::fake::{Fake, answer, call, now, request, settle, text, with_header};
use crate::transport::ProbePurpose::{self, Announcement};
use crate::transport::Request;
use crate::{Client, Failure};

#[tokio::test]
async fn answers_find_their_calls_in_any_order() {
    let mut fake = Fake::new(RpcV1);
    let (one, two) = (fake.send(call(1)), fake.send(call(2)));
    let mut peer = fake.peer().await;
    let written = [peer.read().await, peer.read().await];
    assert!(written.contains(&r#"{"jsonrpc":"2.0","method":"a","id":2}"#.to_owned()), "{written:?}");
    peer.write(answer(2, "\"two\""));
    peer.write(r#"{"jsonrpc":"2.0","result":"one","id":1,"rpc":{"rpc-fault":"all"}}"#);
    assert_eq!(text(two.await.unwrap().unwrap()).await, answer(2, "\"two\""));
    let one = one.await.unwrap().unwrap();
    assert_eq!(one.headers["rpc-fault"], "all");
    assert!(one.status.is_none() && fake.has_no_further_peer());
}

#[tokio::test]
async fn batch_is_answered_by_an_array_with_any_of_its_ids() {
    let mut fake = Fake::new(RpcV1);
    let batch = fake.send(request(r#"[{"method":"a","id":1},{"method":"n"},{"method":"b","id":2}]"#));
    let mut peer = fake.peer().await;
    peer.read().await;
    let answers = r#"[{"jsonrpc":"2.0","result":1,"id":"other"},{"jsonrpc":"2.0","result":1,"id":2}]"#;
    peer.write(answers);
    assert_eq!(text(batch.await.unwrap().unwrap()).await, answers);
}

#[tokio::test]
async fn notification_is_done_once_it_is_written() {
    let mut fake = Fake::new(RpcV1);
    let notification = fake.send(with_header(request(r#"{"method":"n"}"#), "x-tenant", "a"));
    let mut peer = fake.peer().await;
    assert_eq!(peer.read().await, r#"{"rpc":{"x-tenant":"a"},"method":"n"}"#);
    assert_eq!(text(notification.await.unwrap().unwrap()).await, "");
}

#[tokio::test]
async fn end_of_a_connection_tells_what_was_sent() {
    let mut fake = Fake::new(RpcV1);
    let sent = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.has_room(false);
    let held = call(2);
    let progress = held.progress.clone();
    let queued = fake.send(held);
    settle().await;
    peer.end(PipeEnd::Closed(Some("going away".into())));
    let (sent, queued) = (sent.await.unwrap().unwrap_err(), queued.await.unwrap().unwrap_err());
    assert_eq!((sent.outcome(), queued.outcome()), (Outcome::Unknown, Outcome::NotSent));
    assert!(progress.revoke(), "the client knows that it was not sent");
    let source = std::error::Error::source(&sent).unwrap().to_string();
    assert_eq!(source, "server closed the connection: going away");
}

#[tokio::test]
async fn next_request_after_an_end_opens_another_connection() {
    let mut fake = Fake::new(RpcV1);
    let first = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.end(PipeEnd::Closed(None));
    first.await.unwrap().unwrap_err();
    assert!(fake.has_no_further_peer(), "it connects only when there is a request");
    let second = fake.send(call(2));
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.write(answer(2, "2"));
    assert_eq!(text(second.await.unwrap().unwrap()).await, answer(2, "2"));
}

#[tokio::test]
async fn request_that_was_given_up_before_it_was_written_is_never_written() {
    let mut fake = Fake::new(RpcV1);
    let first = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.has_room(false);
    // One is revoked while it waits, as at a timeout, and the other one's caller leaves.
    let (revoked, left) = (call(2), fake.send(call(3)));
    let progress = revoked.progress.clone();
    let revoked = fake.send(revoked);
    settle().await;
    assert!(progress.revoke());
    left.abort();
    settle().await;
    let last = fake.send(call(4));
    peer.has_room(true);
    assert!(peer.read().await.contains("\"id\":4"));
    assert_eq!(revoked.await.unwrap().unwrap_err().outcome(), Outcome::NotSent);
    for id in [1, 4] {
        peer.write(answer(id, "0"));
    }
    assert!(first.await.unwrap().is_ok() && last.await.unwrap().is_ok() && peer.is_silent());
}

#[tokio::test]
async fn call_that_is_given_up_is_cancelled_and_its_id_is_reserved_until_its_answer() {
    let mut fake = Fake::new(RpcV1);
    let given_up = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    given_up.abort();
    assert_eq!(peer.read().await, r#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":1}}"#);
    // The second attempt with the same id must not get the answer to the first one.
    let again = fake.send(call(1));
    let mut other = fake.peer().await;
    other.read().await;
    peer.write(answer(1, "\"of the first attempt\""));
    other.write(answer(1, "\"of the second attempt\""));
    assert_eq!(text(again.await.unwrap().unwrap()).await, answer(1, "\"of the second attempt\""));
    // Now the id is free on the first connection.
    let third = fake.send(call(1));
    peer.read().await;
    peer.write(answer(1, "3"));
    assert_eq!(text(third.await.unwrap().unwrap()).await, answer(1, "3"));
    assert!(fake.has_no_further_peer());
}

#[tokio::test]
async fn servers_of_the_older_form_get_neither_headers_nor_cancellations() {
    let mut fake = Fake::new(Subscriptions);
    let given_up = fake.send(with_header(call(1), "rpc-timeout-ms", "5000"));
    let mut peer = fake.peer().await;
    assert_eq!(peer.read().await, r#"{"jsonrpc":"2.0","method":"a","id":1}"#);
    given_up.abort();
    settle().await;
    assert!(peer.is_silent());
}

#[tokio::test]
async fn requests_that_wait_share_one_attempt_to_connect() {
    let mut fake = Fake::new(RpcV1);
    let refused =
        RefusedUpgrade { status: StatusCode::SERVICE_UNAVAILABLE, headers: HeaderMap::new(), body: Bytes::new() };
    fake.refusals.lock().unwrap().push(ConnectRefusal::Refused(Box::new(refused)));
    let calls: Vec<_> = (1..4).map(|id| fake.send(call(id))).collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status, Some(StatusCode::SERVICE_UNAVAILABLE));
    }
    assert!(fake.has_no_further_peer());
    // A later request tries again.
    let later = fake.send(call(4));
    fake.peer().await.read().await;
    later.abort();
}

#[tokio::test]
async fn request_that_could_not_connect_was_not_sent() {
    let fake = Fake::new(RpcV1);
    fake.refusals.lock().unwrap().push(Failure::connect("refused").into());
    let failure = fake.send(call(1)).await.unwrap().unwrap_err();
    assert!(failure.is_connect());
    assert_eq!(failure.outcome(), Outcome::NotSent);
}

#[tokio::test]
async fn server_that_ends_each_connection_at_once_is_not_asked_without_end() {
    let mut fake = Fake::new(RpcV1);
    fake.ends_at_once();
    let failure = fake.send(call(1)).await.unwrap().unwrap_err();
    assert_eq!(failure.outcome(), Outcome::NotSent);
    let opened = std::iter::from_fn(|| (!fake.has_no_further_peer()).then_some(())).count();
    assert!((1..=3).contains(&opened), "{opened}");
}

#[tokio::test]
async fn credentials_belong_to_a_connection() {
    let mut own = HeaderMap::new();
    own.insert("x-tenant", HeaderValue::from_static("a"));
    let mut fake = Fake::with_headers(RpcV1, &own);
    let of = |request, who| with_header(with_header(request, "authorization", who), "x-tenant", "a");
    let ada = fake.send(of(call(1), "ada"));
    let mut of_ada = fake.peer().await;
    assert_eq!(
        (&of_ada.headers["authorization"], &of_ada.headers["x-tenant"]),
        (&"ada".parse().unwrap(), &"a".parse().unwrap())
    );
    assert_eq!(of_ada.read().await, r#"{"jsonrpc":"2.0","method":"a","id":1}"#, "the connection has the headers");
    let bob = fake.send(of(call(2), "bob"));
    let mut of_bob = fake.peer().await;
    assert_eq!(of_bob.headers["authorization"], "bob");
    of_bob.read().await;
    let tenant = fake.send(with_header(of(call(4), "ada"), "x-tenant", "b"));
    let mut of_tenant = fake.peer().await;
    assert_eq!(of_tenant.headers["x-tenant"], "b", "a message cannot replace it");
    of_tenant.read().await;
    tenant.abort();
    let again = fake.send(of(call(3), "ada"));
    of_ada.read().await;
    of_ada.write(answer(1, "1"));
    of_ada.write(answer(3, "3"));
    of_bob.write(answer(2, "2"));
    for call in [ada, bob, again] {
        call.await.unwrap().unwrap();
    }
    assert!(fake.has_no_further_peer());
}

#[tokio::test]
async fn credentials_do_not_travel_with_messages_whatever_their_header() {
    let mut fake = Fake::new(Subscriptions);
    let mut secret = call(1);
    let mut value = HeaderValue::from_static("secret");
    value.set_sensitive(true);
    secret.headers.insert("x-api-key", value);
    let call = fake.send(secret);
    let mut peer = fake.peer().await;
    assert_eq!(peer.headers["x-api-key"], "secret");
    assert_eq!(peer.read().await, r#"{"jsonrpc":"2.0","method":"a","id":1}"#);
    call.abort();
}

#[tokio::test]
async fn answer_without_an_id_belongs_to_the_only_call_that_waits() {
    let mut fake = Fake::new(RpcV1);
    let refusal = r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"m"},"id":null}"#;
    let (one, two) = (fake.send(call(1)), fake.send(call(2)));
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.read().await;
    peer.write(refusal);
    peer.write(answer(1, "1"));
    assert_eq!(text(one.await.unwrap().unwrap()).await, answer(1, "1"), "it cannot be told whose it is");
    peer.write("nonsense");
    assert_eq!(text(two.await.unwrap().unwrap()).await, "nonsense", "the client says what is wrong with it");
}

#[tokio::test]
async fn calls_of_the_server_are_refused() {
    let mut fake = Fake::new(RpcV1);
    let call = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.write(r#"{"jsonrpc":"2.0","method":"client.ask","id":1}"#);
    let refused = r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}"#;
    assert_eq!(peer.read().await, refused);
    peer.write(answer(1, "1"));
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test]
async fn message_that_is_too_large_is_the_failure_of_the_only_call() {
    for (ids, is_known) in [(1..2, true), (1..3, false)] {
        let mut fake = Fake::new(RpcV1);
        let calls: Vec<_> = ids.map(|id| fake.send(call(id))).collect();
        let mut peer = fake.peer().await;
        for _ in &calls {
            peer.read().await;
        }
        peer.end(PipeEnd::TooLarge(7));
        for call in calls {
            let failure = call.await.unwrap().unwrap_err();
            assert_eq!((failure.is_too_large(), failure.is_transport()), (is_known, !is_known));
        }
    }
}

#[tokio::test]
async fn connection_closes_once_nothing_needs_it() {
    let mut fake = Fake::new(RpcV1);
    let request = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    let Fake { transport, .. } = fake;
    drop(transport);
    peer.write(answer(1, "1"));
    assert!(request.await.unwrap().is_ok(), "a request under way keeps its connection");
    assert!(peer.is_closed().await);
}

#[tokio::test]
async fn probe_asks_for_the_announcement_beside_calls() {
    let mut fake = Fake::new(RpcV1);
    let call = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    let probe = with_header(request(""), "rpc-idempotency", "scope");
    let probe = tokio::spawn(fake.transport.probe(probe));
    let asked: serde_json::Value = serde_json::from_str(&peer.read().await).unwrap();
    assert_eq!((&asked["method"], &asked["rpc"]["rpc-idempotency"]), (&"rpc.announce".into(), &"scope".into()));
    let id = &asked["id"];
    peer.write(format!(r#"{{"rpc":{{"rpc-idempotency":"store=a"}},"jsonrpc":"2.0","result":null,"id":{id}}}"#));
    let reply = probe.await.unwrap().unwrap();
    assert_eq!((reply.headers.len(), &reply.headers["rpc-idempotency"]), (1, &"store=a".parse().unwrap()));
    peer.write(answer(1, "7"));
    assert!(call.await.unwrap().is_ok() && fake.has_no_further_peer());
}

#[tokio::test]
async fn probe_for_a_connection_and_probe_of_the_older_form_write_nothing() {
    for (protocol, purpose) in
        [(RpcV1, ProbePurpose::Connection), (Subscriptions, ProbePurpose::Connection), (Subscriptions, Announcement)]
    {
        let mut fake = Fake::new(protocol);
        for _ in 0..2 {
            let probe = Request { purpose, ..request("") };
            assert!(fake.transport.probe(probe).await.unwrap().headers.is_empty());
        }
        assert!(fake.peer().await.is_silent() && fake.has_no_further_peer());
    }
}

#[tokio::test]
async fn attempt_that_timed_out_is_given_up_and_a_dropped_call_is_cancelled() {
    let call = |keys| with_header(call(1), "rpc-idempotency", keys);
    for (request, times_out, given_up) in [
        (call("keys=a;store=b"), true, r#"{"id":1,"retry":true}"#),
        (call("keys=a;store=b"), false, r#"{"id":1}"#),
        (call("keys=a;store=b;scope=none"), false, r#"{"id":1,"retry":true}"#),
    ] {
        let mut fake = Fake::new(RpcV1);
        let progress = request.progress.clone();
        let call = fake.send(request);
        let mut peer = fake.peer().await;
        peer.read().await;
        if times_out {
            progress.time_out();
        }
        call.abort();
        assert_eq!(peer.read().await, format!(r#"{{"jsonrpc":"2.0","method":"rpc.cancel","params":{given_up}}}"#));
    }
}

#[tokio::test]
async fn connections_whose_requests_left_before_they_were_open_make_room_for_others() {
    let mut fake = Fake::new(RpcV1);
    for id in 0..33_u64 {
        let mut request = call(id);
        request.headers.insert("authorization", id.into());
        assert!(now(fake.transport.send(request)).is_none());
        settle().await;
    }
    let mut peers = Vec::new();
    for _ in 0..33 {
        peers.push(fake.peer().await);
    }
    assert!(peers[0].is_closed().await, "the oldest one made room");
    let mut call = call(99);
    call.headers.insert("authorization", 1_u64.into());
    let call = fake.send(call);
    assert!(peers[1].read().await.contains("99"), "an open connection is used");
    peers[1].write(answer(99, "1"));
    assert!(call.await.unwrap().is_ok() && fake.has_no_further_peer());
}

#[tokio::test]
async fn proof_of_refusal_in_an_answer_without_an_id_is_kept() {
    let mut fake = Fake::new(RpcV1);
    let call = fake.send(call(1));
    let mut peer = fake.peer().await;
    peer.read().await;
    let error = r#"{"code":-32700,"message":"Parse error"}"#;
    peer.write(format!(r#"{{"rpc":{{"rpc-refused":"all"}},"jsonrpc":"2.0","error":{error},"id":null}}"#));
    assert_eq!(call.await.unwrap().unwrap().headers["rpc-refused"], "all");
}

#[tokio::test]
async fn servers_that_never_answer_calls_that_were_given_up_lose_their_connection() {
    let mut fake = Fake::new(Subscriptions);
    let mut peer = None;
    for id in 0..1024 {
        let call = fake.send(call(id));
        let peer = match &mut peer {
            Some(peer) => peer,
            none => none.insert(fake.peer().await),
        };
        peer.read().await;
        call.abort();
        settle().await;
    }
    let next = fake.send(call(5000));
    fake.peer().await.read().await;
    assert!(peer.unwrap().is_closed().await);
    next.abort();
}

#[tokio::test]
async fn client_retries_what_the_end_of_a_connection_kept_from_being_sent() {
    #[derive(Debug)]
    struct Shared(super::super::Multiplexed);
    impl crate::Transport for Shared {
        fn send(
            &self,
            request: crate::transport::Request,
        ) -> rpc_core::BoxFuture<Result<crate::transport::Reply, Failure>> {
            self.0.send(request)
        }
    }
    let mut fake = Fake::new(RpcV1);
    let client = Client::builder().transport(Shared(fake.transport.clone())).build().unwrap();
    let first = tokio::spawn(client.call::<u64>("first", ()).into_future());
    let mut peer = fake.peer().await;
    peer.read().await;
    peer.has_room(false);
    let second = tokio::spawn(client.call::<u64>("second", ()).into_future());
    settle().await;
    peer.end(PipeEnd::Closed(None));
    let mut peer = fake.peer().await;
    let retried = peer.read().await;
    assert!(retried.contains(r#""method":"second""#) && retried.contains(r#""rpc-attempt":"2""#), "{retried}");
    peer.write(answer(2, "7"));
    assert_eq!(second.await.unwrap().unwrap(), 7);
    assert_eq!(first.await.unwrap().unwrap_err().outcome(), Outcome::Unknown);
}
