//! One fault at a time: what the client sends again, under which key, and what the caller is told in the end.

use std::sync::Arc;
use std::time::Duration;

use rpc::{Client, ClientBuilder, Error, ErrorObject, Outcome, Retry, Server, ServerBuilder};
use serde_json::Value;

use crate::reliability::plan::{Fault, Plan};
use crate::reliability::proxy::http::Message;
use crate::reliability::proxy::{Options, Proxy};
use crate::reliability::server::{self, Counter, EffectError, EffectsClient, EffectsServer, Gate, Ledger};
use crate::reliability::storm;

/// A server behind a proxy. The test sets the fault of each request, in order.
struct Rig {
    ledger: Ledger,
    proxy: Proxy,
    client: Client,
    effects: EffectsClient,
}

impl Rig {
    /// Starts with a client that has already sent its HEAD, if it sends one.
    async fn new(faults: &[Option<Fault>]) -> Self {
        let ledger = Ledger::in_memory();
        let server = server::builder(&ledger);
        Self::with(ledger, server, storm::builder(), faults).await
    }

    async fn with(ledger: Ledger, server: ServerBuilder, client: ClientBuilder, faults: &[Option<Fault>]) -> Self {
        let server = server.build().bind("127.0.0.1:0").await.unwrap().spawn();
        let plan = Plan::script(faults.iter().copied());
        let options = Options { records: true, ..Options::default() };
        let proxy = Proxy::with_options(server.local_addr(), plan, options).await;
        let client = client.endpoint(proxy.url()).build().unwrap();
        Self { ledger, effects: EffectsClient::new(client.clone()), proxy, client }
    }

    /// Returns the requests that reached the server, without the HEAD requests.
    fn posts(&self) -> Vec<Message> {
        self.proxy.forwarded().into_iter().filter(|request| request.method() == "POST").collect()
    }
}

fn ids(request: &Message) -> Vec<Value> {
    match serde_json::from_slice(&request.body).unwrap() {
        Value::Array(entries) => entries.iter().map(|entry| entry["id"].clone()).collect(),
        entry => vec![entry["id"].clone()],
    }
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_answered_with_what_the_store_keeps() {
    let rig = Rig::new(&[None, Some(Fault::DropResponse)]).await;
    assert_eq!(rig.effects.once(1).await.unwrap(), 1);
    assert_eq!(rig.ledger.count(1), 1);

    let sent = rig.proxy.forwarded();
    let methods: Vec<_> = sent.iter().map(Message::method).collect();
    assert_eq!(methods, ["HEAD", "POST", "POST"]);
    assert_eq!(ids(&sent[1]), ids(&sent[2]));
    // The first attempt names the store. The second one relies on it.
    assert!(sent[1].header("rpc-idempotency").unwrap().contains(";store="));
    assert_eq!(sent[1].header("rpc-idempotency"), sent[2].header("rpc-idempotency"));
    assert_eq!((sent[1].header("rpc-attempt"), sent[2].header("rpc-attempt")), (None, Some("2")));
    let left = |request: &Message| request.header("rpc-timeout-ms").unwrap().parse::<u64>().unwrap();
    assert!(left(&sent[2]) <= left(&sent[1]) && left(&sent[1]) <= 2000);
}

#[tokio::test]
async fn a_server_that_announces_nothing_is_not_sent_a_call_again_whose_outcome_is_unknown() {
    for fault in [Fault::DropResponse, Fault::Cut, Fault::GarbageJson, Fault::Hang { forwarded: true }] {
        let ledger = Ledger::in_memory();
        let server = server::builder(&ledger).without_idempotency();
        let rig = Rig::with(ledger, server, storm::builder(), &[None, Some(fault)]).await;
        let error = rig.effects.once(1).deadline(Duration::from_millis(500)).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{fault:?}");
        assert_eq!(error.attempts().len(), 1, "{fault:?}");
        assert_eq!(rig.ledger.count(1), 1, "{fault:?}");
        assert!(rig.posts()[0].header("rpc-idempotency").is_none_or(|keys| !keys.contains("store=")));
    }
}

#[tokio::test]
async fn of_a_batch_to_a_server_that_announces_nothing_only_what_may_run_twice_goes_again() {
    // The first answer is missing, or all answers are.
    for fault in [Fault::Missing, Fault::DropResponse] {
        let ledger = Ledger::in_memory();
        let server = server::builder(&ledger).without_idempotency();
        let rig = Rig::with(ledger, server, storm::builder(), &[None, Some(fault)]).await;
        let (once, set, read) =
            rig.client.batch((rig.effects.once(1), rig.effects.set(2), rig.effects.read(3))).await.unwrap();
        let error = once.unwrap_err();
        assert_eq!((error.outcome(), error.attempts().len()), (Outcome::Unknown, 1), "{fault:?}");
        assert_eq!((set.unwrap(), read.unwrap()), (2, 3), "{fault:?}");
        assert_eq!(rig.ledger.count(1), 1, "{fault:?}");
        let sizes: Vec<_> = rig.posts().iter().map(|post| ids(post).len()).collect();
        assert_eq!(sizes, if fault == Fault::Missing { vec![3] } else { vec![3, 2] }, "{fault:?}");
    }
}

#[tokio::test]
async fn a_server_that_announces_nothing_is_sent_a_call_again_that_it_never_saw() {
    let ledger = Ledger::in_memory();
    let server = server::builder(&ledger).without_idempotency();
    let limited = Fault::Status { status: 429, retry_after: Some(0), forwarded: false };
    let rig = Rig::with(ledger, server, storm::builder(), &[None, Some(limited)]).await;
    assert_eq!(rig.effects.once(1).await.unwrap(), 1);
    assert_eq!(rig.ledger.count(1), 1);
}

#[tokio::test]
async fn of_a_batch_only_the_entry_goes_again_whose_answer_is_missing() {
    let rig = Rig::new(&[None, Some(Fault::Missing)]).await;
    let calls: Vec<_> = (1..=3).map(|number| rig.effects.once(number)).collect();
    let answers: Vec<_> = rig.client.batch(calls).await.unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [1, 2, 3]);
    let posts = rig.posts();
    assert_eq!((ids(&posts[0]).len(), ids(&posts[1]).len()), (3, 1));
    assert_eq!(ids(&posts[0])[0], ids(&posts[1])[0]);
    assert!([1, 2, 3].into_iter().all(|number| rig.ledger.count(number) == 1));
}

#[tokio::test]
async fn a_repeat_waits_for_the_first_call_that_still_runs() {
    let (ledger, gate) = (Ledger::in_memory(), Arc::<Gate>::default());
    let counter = Counter::new(ledger.clone(), Arc::clone(&gate));
    let server = Server::builder().service(EffectsServer::new(counter));
    let client = storm::builder().attempt_timeout(Duration::from_millis(100));
    let rig = Rig::with(ledger, server, client, &[]).await;
    let call = tokio::spawn(rig.effects.once_held(1).deadline(Duration::from_secs(20)).into_future());
    gate.entered.notified().await;
    // The second attempt begins while the first one still runs.
    while rig.posts().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    gate.open.notify_one();
    assert_eq!(call.await.unwrap().unwrap(), 1);
    assert_eq!(rig.ledger.count(1), 1);
}

#[tokio::test]
async fn an_error_that_a_method_declares_is_kept_like_a_result() {
    let rig = Rig::new(&[None, Some(Fault::DropResponse)]).await;
    let error = rig.effects.declined(1).await.unwrap_err();
    assert!(matches!(error, Error::Method(EffectError::Declined { number: 1 })), "{error:?}");
    assert_eq!((rig.posts().len(), rig.ledger.count(1)), (2, 1));
}

#[tokio::test]
async fn an_error_that_leaves_no_effect_gives_the_key_free() {
    let rig = Rig::new(&[]).await;
    assert_eq!(rig.effects.busy_once(1).await.unwrap(), 1);
    assert_eq!((rig.posts().len(), rig.ledger.count(1)), (2, 1));
    assert_eq!(ids(&rig.posts()[0]), ids(&rig.posts()[1]));
}

#[tokio::test]
async fn a_call_that_panicked_is_never_run_again_and_its_outcome_is_unknown() {
    let rig = Rig::new(&[None, Some(Fault::DropResponse)]).await;
    let error = rig.effects.panics(1).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
    assert_eq!(rig.ledger.count(1), 1);
}

#[tokio::test]
async fn an_overload_that_a_handler_relays_is_the_answer_of_its_call() {
    for with_store in [true, false] {
        let ledger = Ledger::in_memory();
        let server = server::builder(&ledger);
        let server = if with_store { server } else { server.without_idempotency() };
        let rig = Rig::with(ledger, server, storm::builder(), &[]).await;
        let error: Error<ErrorObject> = rig.effects.relay_overload(1).await.unwrap_err();
        assert!(matches!(&error, Error::Rpc(error) if error.code().get() == -32092), "{error:?}");
        assert_eq!(error.outcome(), Outcome::Executed);
        assert_eq!(rig.ledger.count(1), 1, "with a store: {with_store}");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_that_of_a_call_that_ran() {
    let rig = Rig::new(&[None, Some(Fault::Huge)]).await;
    let error = rig.effects.once(1).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Executed);
    assert_eq!((rig.posts().len(), rig.ledger.count(1)), (1, 1));
}

#[tokio::test]
async fn a_refusal_after_an_uncertain_attempt_leaves_the_outcome_unknown() {
    let declined = Fault::Status { status: 503, retry_after: None, forwarded: false };
    let rig = Rig::new(&[None, Some(Fault::DropResponse), Some(declined)]).await;
    let retry = Retry::exponential().max_attempts(2).base(Duration::from_millis(1)).bare_503_is_refusal();
    let error = rig.effects.once(1).retry(retry).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    let met: Vec<_> = error.attempts().iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(met, [Outcome::Unknown, Outcome::Refused]);
    assert_eq!(rig.ledger.count(1), 1);
}

#[tokio::test]
async fn a_server_that_hangs_leaves_time_for_another_attempt() {
    for forwarded in [false, true] {
        let rig = Rig::new(&[None, Some(Fault::Hang { forwarded })]).await;
        assert_eq!(rig.effects.once(1).await.unwrap(), 1);
        assert_eq!(rig.ledger.count(1), 1);
    }
}

#[tokio::test]
async fn an_entry_whose_first_run_does_not_end_keeps_no_answer_from_the_rest_of_its_batch() {
    let (ledger, gate) = (Ledger::in_memory(), Arc::<Gate>::default());
    let server = Server::builder().service(EffectsServer::new(Counter::new(ledger.clone(), gate)));
    let client = storm::builder().attempt_timeout(Duration::from_millis(300));
    let rig = Rig::with(ledger, server, client, &[]).await;
    let (held, once, read) =
        rig.client.batch((rig.effects.once_held(1), rig.effects.once(2), rig.effects.read(3))).await.unwrap();
    assert_eq!(held.unwrap_err().outcome(), Outcome::Unknown);
    assert_eq!((once.unwrap(), read.unwrap()), (2, 3));
    assert_eq!((rig.ledger.count(1), rig.ledger.count(2)), (1, 1));
}
