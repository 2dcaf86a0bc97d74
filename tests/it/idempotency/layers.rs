//! Keys and middleware: a key is looked up before any layer sees the call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use rpc::middleware::{Next, Refusal, Request, Response, from_fn};
use rpc::{ErrorCode, ErrorObject};
use serde_json::json;

use super::store::TestStore;
use super::till::{PayError, Till, UUIDS, call, ids};

/// Serves behind a layer that counts calls and answers the first ones instead of the handler.
async fn till(answers: impl Fn(usize) -> Option<Response> + Send + Sync + 'static) -> (Till, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let (counted, answers) = (Arc::clone(&seen), Arc::new(answers));
    let layer = from_fn(move |request: Request, next: Next| {
        let answer = answers(counted.fetch_add(1, Ordering::Relaxed));
        async move {
            match answer {
                Some(answer) => answer,
                None => next.run(request).await,
            }
        }
    });
    (Till::serve_with(|builder| builder.idempotency_store(TestStore::new()).layer(layer)).await, seen)
}

#[tokio::test]
async fn a_kept_result_does_not_reach_the_layers_again() {
    let (till, seen) = till(|_| None).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    let first = till.send(&body, &ids([UUIDS[0]])).await;
    let again = till.send(&body, &ids([UUIDS[0]])).await;
    assert_eq!((first.status, &again.body), (200, &first.body));
    assert_eq!((till.payments(), seen.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test]
async fn the_key_reaches_the_handler_through_layers() {
    let (till, _) = till(|_| None).await;
    let reply = till.send(&call("till.key", json!([]), UUIDS[0]), &ids([UUIDS[0]])).await;
    assert!(reply.text().contains(&format!("\"result\":\"{}\"", UUIDS[0])), "{}", reply.text());
}

#[tokio::test]
async fn a_refusal_releases_the_key() {
    let (till, _) = till(|calls| (calls == 0).then(|| Refusal::overloaded().into())).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    let refused = till.send(&body, &ids([UUIDS[0]])).await;
    assert_eq!((refused.status, refused.header("rpc-refused")), (503, Some("all")));
    for _ in 0..2 {
        let paid = till.send(&body, &ids([UUIDS[0]])).await;
        assert_eq!((paid.status, paid.header("rpc-status")), (200, Some("0")));
    }
    assert_eq!(till.payments(), 1);
}

#[tokio::test]
async fn an_error_that_is_no_refusal_is_kept() {
    let (till, seen) = till(|calls| (calls == 0).then(|| ErrorObject::new(1234, "no").into())).await;
    let body = call("till.pay", json!([5]), UUIDS[0]);
    for _ in 0..2 {
        let reply = till.send(&body, &ids([UUIDS[0]])).await;
        assert_eq!((reply.status, reply.header("rpc-status")), (200, Some("1234")));
    }
    assert_eq!((till.payments(), seen.load(Ordering::Relaxed)), (0, 1));
}

/// Serves a handler that does not end, behind a layer that gives it up. Calls it twice under one key.
async fn given_up(answer: Response) -> ([String; 2], usize) {
    let begun = Arc::new(AtomicUsize::new(0));
    let begins = Arc::clone(&begun);
    let hang = move || {
        begins.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<Result<u8, PayError>>()
    };
    let layer = from_fn(move |request: Request, next: Next| {
        let answer = answer.clone();
        async move { next.run(request).now_or_never().unwrap_or(answer) }
    });
    let till =
        Till::serve_with(|builder| builder.idempotency_store(TestStore::new()).try_method("hang", hang).layer(layer))
            .await;
    let body = call("hang", json!([]), UUIDS[0]);
    let mut statuses = [String::new(), String::new()];
    for status in &mut statuses {
        let reply = till.send(&body, &ids([UUIDS[0]])).await;
        *status = reply.header("rpc-status").unwrap().to_owned();
    }
    (statuses, begun.load(Ordering::Relaxed))
}

#[tokio::test]
async fn an_error_for_a_handler_that_goes_on_leaves_the_outcome_unknown() {
    let timed_out = ErrorObject::new(ErrorCode::HANDLER_TIMEOUT, "Handler timed out");
    let answers = [
        ("1503", Response::error(PayError::Busy)),
        ("-32602", Response::error(ErrorObject::new(ErrorCode::INVALID_PARAMS, "no"))),
        ("-32093", Refusal::new(timed_out).into()),
        ("-32092", Refusal::overloaded().into()),
    ];
    for (code, answer) in answers {
        let (statuses, begun) = given_up(answer).await;
        assert_eq!((statuses, begun), ([code.to_owned(), "-32097".to_owned()], 1));
    }
}

#[tokio::test]
async fn a_result_in_the_place_of_a_handler_that_goes_on_is_kept() {
    let (statuses, begun) = given_up(Response::result("queued")).await;
    assert_eq!((statuses, begun), (["0".to_owned(), "0".to_owned()], 1));
}
