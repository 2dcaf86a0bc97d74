//! Batches answered by an untrustworthy server: the result never has fewer entries, and values never shift.

use rpc::{Call, Client, Error, Failure, Outcome};
use serde_json::{Value, json};
use support::{Answer, Peer, Received, array, error, http, result};

type Answers = Vec<Result<u64, Error>>;

fn calls(client: &Client, count: u64) -> Vec<Call<u64>> {
    (0..count).map(|number| client.call("method", [number])).collect()
}

/// Sends a batch of this many calls to a peer. `answer` returns the text of its answer from the ids of the calls.
async fn batch(count: u64, answer: impl Fn(&[Value]) -> String + Send + Sync + 'static) -> Answers {
    let peer = Peer::answering(move |request: &Received| answer(&request.ids())).await;
    let client = peer.client();
    let answers = client.batch(calls(&client, count)).await.unwrap();
    assert_eq!(answers.len() as u64, count);
    assert_eq!(peer.requests().len(), 1);
    answers
}

#[track_caller]
fn failure(answer: &Result<u64, Error>) -> &Failure {
    answer.as_ref().unwrap_err().failure().unwrap()
}

#[track_caller]
fn assert_uncertain(answer: &Result<u64, Error>) {
    let failure = failure(answer);
    assert!(failure.is_protocol(), "{failure:?}");
    assert_eq!(failure.outcome(), Outcome::Unknown);
}

#[track_caller]
fn assert_is(answer: &Result<u64, Error>, expected: u64) {
    assert_eq!(*answer.as_ref().unwrap(), expected);
}

#[tokio::test]
async fn a_missing_entry_is_the_failure_of_its_own_call() {
    let answers = batch(3, |ids| array([result(&ids[0], 10), result(&ids[2], 12)])).await;
    assert_is(&answers[0], 10);
    assert_uncertain(&answers[1]);
    assert_is(&answers[2], 12);
}

#[tokio::test]
async fn an_empty_array_is_no_answer_to_any_call() {
    let answers = batch(2, |_| "[]".to_owned()).await;
    answers.iter().for_each(assert_uncertain);
}

#[tokio::test]
async fn a_doubled_entry_is_trusted_in_neither_form() {
    let doubled = |ids: &[Value]| array([result(&ids[0], 10), result(&ids[1], 11), result(&ids[0], 10)]);
    let answers = batch(2, doubled).await;
    assert_uncertain(&answers[0]);
    assert_is(&answers[1], 11);

    let contradiction = |ids: &[Value]| array([result(&ids[0], 10), error(&ids[0], 1, ""), result(&ids[1], 11)]);
    let answers = batch(2, contradiction).await;
    assert_uncertain(&answers[0]);
    assert_is(&answers[1], 11);
}

#[tokio::test]
async fn a_foreign_entry_is_no_calls_answer() {
    for foreign in [json!(u64::MAX), json!(-1), json!("1"), json!(1.0), Value::Null, json!([1])] {
        let answers =
            batch(3, move |ids| array([result(&ids[0], 10), result(&foreign, 99), result(&ids[2], 12)])).await;
        assert_is(&answers[0], 10);
        assert_uncertain(&answers[1]);
        assert_is(&answers[2], 12);
    }
}

#[tokio::test]
async fn a_surplus_entry_takes_nothing_from_the_others() {
    let answers = batch(2, |ids| array([result(&json!(0), 99), result(&ids[0], 10), result(&ids[1], 11)])).await;
    assert_is(&answers[0], 10);
    assert_is(&answers[1], 11);
}

#[tokio::test]
async fn an_undecodable_entry_is_the_failure_of_its_own_call() {
    let answers = batch(4, |ids| {
        array([
            result(&ids[0], "\"ten\""),
            format!(r#"{{"jsonrpc":"2.0","id":{}}}"#, ids[1]),
            format!(r#"{{"jsonrpc":"2.0","result":1,"error":"no object","id":{}}}"#, ids[2]),
            result(&ids[3], 13),
        ])
    })
    .await;
    // The answer is there, so the call ran. Only its type is not the expected one.
    assert!(failure(&answers[0]).is_decode());
    assert_eq!(failure(&answers[0]).outcome(), Outcome::Executed);
    assert_uncertain(&answers[1]);
    assert_uncertain(&answers[2]);
    assert_is(&answers[3], 13);
}

#[tokio::test]
async fn entries_that_are_no_objects_are_no_answers() {
    let answers =
        batch(2, |ids| array(["7".to_owned(), "null".to_owned(), "[]".to_owned(), result(&ids[1], 11)])).await;
    assert_uncertain(&answers[0]);
    assert_is(&answers[1], 11);
}

#[tokio::test]
async fn reordered_entries_find_their_calls() {
    let answers = batch(100, |ids| array(ids.iter().enumerate().rev().map(|(index, id)| result(id, index)))).await;
    for (index, answer) in (0..).zip(&answers) {
        assert_is(answer, index);
    }
}

#[tokio::test]
async fn one_error_for_the_whole_batch_is_every_calls_error() {
    let answers = batch(3, |_| error(&Value::Null, -32600, "")).await;
    for answer in answers {
        assert!(matches!(answer, Err(Error::Rpc(error)) if error.code().get() == -32600));
    }
    let answers = batch(3, |_| error(&Value::Null, -32092, "")).await;
    for answer in &answers {
        assert_eq!(failure(answer).error_object().unwrap().code().get(), -32092);
    }
}

#[tokio::test]
async fn one_result_for_the_whole_batch_is_its_own_calls_answer_alone() {
    let answers = batch(3, |ids| result(&ids[1], 11)).await;
    assert_uncertain(&answers[0]);
    assert_is(&answers[1], 11);
    assert_uncertain(&answers[2]);
    for foreign in [Value::Null, json!("1"), json!(u64::MAX)] {
        let answers = batch(2, move |_| result(&foreign, 10)).await;
        answers.iter().for_each(assert_uncertain);
    }
}

#[tokio::test]
async fn garbage_is_no_calls_answer() {
    for garbage in ["", " ", "<html>", "null", "17", "[", "[}", "[1,2", "\u{feff}[]"] {
        let answers = batch(2, move |_| garbage.to_owned()).await;
        answers.iter().for_each(assert_uncertain);
    }
}

#[tokio::test]
async fn a_batch_that_breaks_off_is_no_calls_answer() {
    let answers = batch(2, |ids| array([result(&ids[0], 10), result(&ids[1], 11)]).replace("}]", "")).await;
    answers.iter().for_each(assert_uncertain);
}

#[tokio::test]
async fn the_error_of_an_entry_without_id_is_kept_for_the_calls_without_answer() {
    let answers = batch(2, |ids| array([error(&Value::Null, -32600, ""), result(&ids[1], 11)])).await;
    assert_uncertain(&answers[0]);
    assert_eq!(failure(&answers[0]).error_object().unwrap().code().get(), -32600);
    assert_is(&answers[1], 11);
}

#[tokio::test]
async fn every_call_of_a_batch_keeps_the_http_answer_that_failed_it() {
    let peer = Peer::start(|_| Answer::Bytes(http("502 Bad Gateway", &["x-proxy: edge"], "no upstream"))).await;
    let client = peer.client();
    let answers = client.batch(calls(&client, 2)).await.unwrap();
    for answer in &answers {
        let failure = failure(answer);
        assert_eq!(failure.status().unwrap(), 502);
        assert_eq!(failure.headers().unwrap()["x-proxy"], "edge");
        assert_eq!(failure.body_start().unwrap(), b"no upstream");
        assert_eq!(failure.outcome(), Outcome::Unknown);
    }
}

#[tokio::test]
async fn notifications_among_the_calls_shift_no_answer() {
    let peer = Peer::answering(|request| {
        let ids: Vec<Value> = request.ids().into_iter().filter(|id| !id.is_null()).collect();
        array([result(&ids[1], 11), result(&ids[0], 10)])
    })
    .await;
    let client = peer.client();
    let call = || client.call::<u64>("method", ());
    let (a, b, c, d) = client.batch((call().notify(), call(), call().notify(), call())).await.unwrap();
    assert_eq!((b.unwrap(), d.unwrap()), (10, 11));
    assert!(a.is_ok() && c.is_ok());
}

#[tokio::test]
async fn an_error_about_a_batch_of_notifications_is_each_ones_failure() {
    let peer = Peer::answering(|_| error(&Value::Null, -32600, "")).await;
    let client = peer.client();
    let notifications = calls(&client, 2).into_iter().map(Call::notify).collect::<Vec<_>>();
    for answer in client.batch(notifications).await.unwrap() {
        assert_eq!(answer.unwrap_err().error_object().unwrap().code().get(), -32600);
    }
}
