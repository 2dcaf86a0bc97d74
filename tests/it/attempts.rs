//! What each attempt sends on the wire, and what callers and hooks get to know about it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc::{Attempt, Call, Client, ErrorKind, Outcome, Retry, Server};
use serde_json::Value;
use support::{Answer, Peer, Received, array, error, http, result, serve};

use crate::contained::Bomb;

fn retry(attempts: u32) -> Retry {
    Retry::exponential().max_attempts(attempts).base(Duration::from_millis(1))
}

/// Starts a peer that answers requests with these answers in order, and all later requests with the last one.
async fn scripted(answers: &'static [fn(&Received) -> Vec<u8>]) -> Peer {
    let next = AtomicUsize::new(0);
    Peer::start(move |request| {
        let number = next.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
        Answer::Bytes(answers[number](request))
    })
    .await
}

fn ok(request: &Received) -> Vec<u8> {
    http("200 OK", &[], &result(&request.id(), 1))
}

fn bad_gateway(_: &Received) -> Vec<u8> {
    http("502 Bad Gateway", &[], "")
}

fn limited(_: &Received) -> Vec<u8> {
    http("429 Too Many Requests", &[], "")
}

fn cut(_: &Received) -> Vec<u8> {
    Vec::new()
}

fn garbage(_: &Received) -> Vec<u8> {
    http("200 OK", &[], "<html>")
}

/// Summarizes attempts: number, outcome and kind of error.
fn met(attempts: &[Attempt]) -> Vec<(u32, Outcome, Option<ErrorKind>)> {
    let kind = |attempt: &Attempt| attempt.error.as_ref().map(|error| error.kind);
    attempts.iter().map(|attempt| (attempt.number, attempt.outcome, kind(attempt))).collect()
}

fn look(client: &Client) -> Call<Value> {
    client.call("look", ()).readonly()
}

#[tokio::test]
async fn an_error_says_what_each_attempt_has_met() {
    let peer = scripted(&[limited, cut, garbage, bad_gateway]).await;
    let client = peer.builder().retry(retry(3)).build().unwrap();
    // A call that must run at most once, at a server without a store, is retried only after proof that it did not run.
    let error = client.call::<Value>("buy", ()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    let limited = (1, Outcome::Refused, Some(ErrorKind::RateLimited));
    let cut = (2, Outcome::Unknown, Some(ErrorKind::Network));
    assert_eq!(met(error.attempts()), [limited, cut]);

    let error = look(&client).await.unwrap_err();
    let garbage = (1, Outcome::Unknown, Some(ErrorKind::Internal));
    let unavailable = |number| (number, Outcome::Unknown, Some(ErrorKind::Unavailable));
    assert_eq!(met(error.attempts()), [garbage, unavailable(2), unavailable(3)]);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.attempts().iter().all(|attempt| !attempt.error.as_ref().unwrap().message.is_empty()));
}

#[tokio::test]
async fn a_call_that_was_never_tried_has_no_attempts() {
    let peer = scripted(&[ok]).await;
    let error = look(&peer.client()).header("bad name", "1").await.unwrap_err();
    assert_eq!((error.outcome(), error.attempts().len()), (Outcome::NotSent, 0));
}

#[tokio::test]
async fn each_entry_of_a_batch_says_what_its_own_attempts_have_met() {
    let answers: &[fn(&Received) -> Vec<u8>] = &[
        // Of three calls, the first is answered, the second is refused, and the answer to the third is missing.
        |batch| {
            let ids = batch.ids();
            let answers = array([result(&ids[0], 1), error(&ids[1], -32092, "")]);
            http("200 OK", &["rpc-refused: 1"], &answers)
        },
        // Of the two retried calls, the first is answered.
        |batch| http("200 OK", &[], &array([result(&batch.ids()[0], 2)])),
        bad_gateway,
    ];
    let peer = scripted(answers).await;
    let client = peer.builder().retry(retry(3)).build().unwrap();
    let seen = client.batch(vec![look(&client), look(&client), look(&client)]).await.unwrap();
    assert_eq!((seen[0].as_ref().unwrap(), seen[1].as_ref().unwrap()), (&Value::from(1), &Value::from(2)));
    let missing = |number| (number, Outcome::Unknown, Some(ErrorKind::Internal));
    let last = (3, Outcome::Unknown, Some(ErrorKind::Unavailable));
    assert_eq!(met(seen[2].as_ref().unwrap_err().attempts()), [missing(1), missing(2), last]);
    let sizes: Vec<_> = peer.requests().iter().map(|request| request.ids().len()).collect();
    assert_eq!(sizes, [3, 2, 1]);
}

#[tokio::test]
async fn a_hook_sees_every_attempt_of_every_call_successes_too() {
    let events = Arc::<Mutex<Vec<_>>>::default();
    let seen = Arc::clone(&events);
    let peer = scripted(&[bad_gateway, ok]).await;
    let client = peer.builder().retry(retry(3)).on_attempt(move |event| {
        let attempt = met(std::slice::from_ref(event.attempt))[0];
        seen.lock().unwrap().push((event.method.to_owned(), attempt, event.retry_in.is_some()));
    });
    let client = client.build().unwrap();
    look(&client).await.unwrap();
    client.call::<Value>("buy", ()).await.unwrap();
    let done = |number| (number, Outcome::Executed, None);
    let expected = [
        ("look".to_owned(), (1, Outcome::Unknown, Some(ErrorKind::Unavailable)), true),
        ("look".to_owned(), done(2), false),
        ("buy".to_owned(), done(1), false),
    ];
    assert_eq!(*events.lock().unwrap(), expected);
}

#[tokio::test]
async fn requests_say_which_attempt_they_are_and_how_much_time_is_left() {
    let peer = scripted(&[bad_gateway, bad_gateway, ok]).await;
    let client = peer.builder().retry(retry(3)).deadline(Duration::from_secs(20)).build().unwrap();
    look(&client).await.unwrap();
    look(&client).deadline(Duration::from_secs(5)).await.unwrap();
    let requests = peer.requests();
    let numbers: Vec<_> = requests.iter().map(|request| request.header("rpc-attempt")).collect();
    assert_eq!(numbers, [None, Some("2"), Some("3"), None]);
    let left = requests.iter().map(|request| request.header("rpc-timeout-ms").unwrap().parse().unwrap());
    let left: Vec<u64> = left.collect();
    // The header has the time left for the whole call, not for the attempt.
    assert!(left[0] == 20_000 && left[1] <= left[0] && left[2] <= left[1] && left[2] > 10_000, "{left:?}");
    assert!((4_000..=5_000).contains(&left[3]), "{left:?}");
}

#[tokio::test]
async fn the_policy_of_a_call_goes_before_those_of_its_batch_and_its_method_and_its_client() {
    let peer = scripted(&[bad_gateway]).await;
    let client = peer.builder().retry(retry(2)).method_retry("known", retry(3));
    let client = client.retry_budget(rpc::RetryBudget::unlimited()).build().unwrap();
    let other = || look(&client);
    let known = || client.call::<Value>("known", ()).readonly();
    let attempts = |ended: Result<Value, rpc::Error>| ended.unwrap_err().attempts().len();
    assert_eq!(attempts(other().await), 2);
    assert_eq!(attempts(known().await), 3);
    assert_eq!(attempts(known().retry(retry(5)).await), 5);
    assert_eq!(attempts(known().retry(Retry::never()).await), 1);

    let (a, b) = client.batch((other(), known())).await.unwrap();
    assert_eq!((attempts(a), attempts(b)), (2, 3));
    let (a, b) = client.batch((known(), known().retry(retry(5)))).retry(retry(4)).await.unwrap();
    assert_eq!((attempts(a), attempts(b)), (4, 5));
}

#[tokio::test]
async fn what_a_server_says_not_to_send_again_is_not_sent_again() {
    let answers: [fn(&Received) -> Vec<u8>; 3] = [
        |_| http("429 Too Many Requests", &["rpc-retry: no"], ""),
        |_| http("503 Service Unavailable", &["rpc-refused: all", "rpc-retry: no"], ""),
        |call| http("200 OK", &["rpc-refused: all", "rpc-retry: no"], &error(&call.id(), -32092, "")),
    ];
    for answer in answers {
        let peer = Peer::start(move |request| Answer::Bytes(answer(request))).await;
        let client = peer.builder().retry(retry(3)).build().unwrap();
        assert_eq!(look(&client).await.unwrap_err().attempts().len(), 1);
        let error = client.call::<Value>("buy", ()).await.unwrap_err();
        assert_eq!((error.attempts().len(), error.outcome()), (1, Outcome::Refused));
        assert_eq!(peer.requests().len(), 2);
    }
}

#[rpc::service(namespace = "front")]
trait Front {
    #[rpc(readonly)]
    async fn look(&self, deadline: u64) -> u64;
    async fn buy(&self, deadline: u64) -> u64;
}

/// A service that calls another server for each of its own calls.
struct Asking(Client);

impl Asking {
    async fn ask(&self, deadline: u64) -> u64 {
        self.0.call("inner", ()).deadline(Duration::from_millis(deadline)).await.unwrap()
    }
}

impl Front for Asking {
    async fn look(&self, deadline: u64) -> u64 {
        self.ask(deadline).await
    }
    async fn buy(&self, deadline: u64) -> u64 {
        self.ask(deadline).await
    }
}

#[tokio::test]
async fn a_call_within_a_handler_has_what_is_left_of_its_callers_time_or_of_the_handlers() {
    const LIMIT: u64 = 20_000;
    let peer = scripted(&[ok]).await;
    let mut limits = rpc::Limits::default();
    limits.handler_timeout = Duration::from_millis(LIMIT);
    let server = Server::builder().service(FrontServer::new(Asking(peer.client()))).limits(limits).build();
    let client = Client::new(format!("http://{}", serve(&server).await)).unwrap();
    let front = FrontClient::new(client);
    let (caller, long, short) = (Duration::from_millis(8_000), 60_000, 3_000);
    for (call, at_most) in [
        (front.look(long), 8_000),
        (front.look(short), short),
        // A handler with an effect continues without its caller, and so do the calls that it makes.
        (front.buy(long), LIMIT),
        (front.buy(short), short),
    ] {
        call.deadline(caller).await.unwrap();
        let left: u64 = peer.requests().last().unwrap().header("rpc-timeout-ms").unwrap().parse().unwrap();
        assert!(left <= at_most && left > at_most / 2, "{left} ms of {at_most}");
    }
}

#[tokio::test]
async fn a_panic_in_the_hook_takes_no_answer_away() {
    let peer = Peer::answering(|request| result(&request.id(), 7)).await;
    let panics = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&panics);
    let client = peer.builder().on_attempt(move |_| {
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            panic!("as the test wants it");
        }
        // The panic's payload can be of any type.
        std::panic::panic_any(Bomb)
    });
    let client = client.build().unwrap();
    for number in 1..4 {
        assert_eq!(client.call::<u64>("any", ()).await.unwrap(), 7);
        assert_eq!(panics.load(Ordering::Relaxed), number);
    }
}
