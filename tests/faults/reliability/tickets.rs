//! A caller that dies after it has sent a call, while the server may be killed. In another process, the caller
//! continues with the ticket that it has kept.

use std::env;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rpc::{Client, Error, Outcome, Retry, Ticket};
use support::child::{self, Child};
use support::postgres::Postgres;
use uuid::Uuid;

use crate::reliability::child::Process;
use crate::reliability::plan::{Fault, Plan};
use crate::reliability::proxy::Proxy;
use crate::reliability::server::{EffectError, EffectsClient};
use crate::reliability::{restarts, storm};

/// The address for the child to call. Only a child has this variable.
const URL: &str = "RPC_TEST_TICKET_URL";
const TICKET: &str = "ticket ";
const NUMBER: u64 = 7;

fn effects(url: &str) -> EffectsClient {
    EffectsClient::new(Client::builder().endpoint(url).retry(Retry::never()).build().unwrap())
}

#[tokio::test]
#[ignore = "is the child process of the tests below, which start it"]
async fn keeps_a_ticket_and_dies_without_an_answer() {
    let Ok(url) = env::var(URL) else { return };
    let mut call = effects(&url).once(NUMBER);
    child::say(format_args!("{TICKET}{}", call.ticket().await.unwrap()));
    assert_eq!(call.await.unwrap_err().outcome(), Outcome::Unknown);
    std::process::abort();
}

/// Lets another process make the call without getting its answer. Returns the ticket that the process has printed.
async fn sent_by_another_process(process: &Process) -> Ticket {
    let plan = Plan::script([None, Some(Fault::DropResponse)]);
    let proxy = Proxy::start(process.addr(), plan).await;
    let mut command = child::command(module_path!(), "keeps_a_ticket_and_dies_without_an_answer");
    command.env(URL, proxy.url());
    let mut child = Child::spawn(command);
    let ticket = child.line(TICKET).await.parse().unwrap();
    assert!(!child.ended().await.success(), "it was to die");
    assert_eq!(process.ledger().count(NUMBER), 1);
    ticket
}

/// Redeems the ticket twice: with a client that does not retry, and with one that does.
async fn redeem(process: &Process, ticket: &Ticket) -> [Result<u64, Error<EffectError>>; 2] {
    let url = format!("http://{}", process.addr());
    let once = effects(&url).once(NUMBER).redeem(ticket.clone()).await;
    let again = EffectsClient::new(Client::new(&url).unwrap()).once(NUMBER).redeem(ticket.clone()).await;
    [once, again]
}

#[tokio::test]
async fn a_ticket_is_redeemed_by_another_process_while_the_server_lives() {
    let process = Process::start().await;
    let ticket = sent_by_another_process(&process).await;
    assert_eq!(redeem(&process, &ticket).await.map(Result::unwrap), [NUMBER; 2]);
    process.drain().await;
    assert_eq!(process.ledger().count(NUMBER), 1);
}

#[tokio::test]
async fn a_ticket_ends_as_unknown_after_a_restart_of_a_server_with_a_memory_store() {
    let process = Process::start().await;
    let ticket = sent_by_another_process(&process).await;
    process.restart().await;
    for outcome in redeem(&process, &ticket).await {
        let error = outcome.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
    }
    process.drain().await;
    assert_eq!(process.ledger().count(NUMBER), 1);
}

#[tokio::test]
async fn a_ticket_outlives_a_restart_of_a_server_with_a_shared_store() {
    let test = "a_ticket_outlives_a_restart_of_a_server_with_a_shared_store";
    let Some(postgres) = Postgres::start(test) else { return };
    let process = Process::on(&postgres).await;
    let ticket = sent_by_another_process(&process).await;
    process.restart().await;
    assert_eq!(redeem(&process, &ticket).await.map(Result::unwrap), [NUMBER; 2]);
    process.drain().await;
    assert_eq!(process.ledger().count(NUMBER), 1);
}

/// A key names no store. The documentation of `Call::idempotency_key` describes the consequence.
#[tokio::test]
async fn a_key_alone_runs_again_after_a_restart_of_a_server_with_a_memory_store_and_not_with_a_shared_one() {
    let process = Process::start().await;
    let key = Uuid::now_v7();
    let call = async |process: &Process| {
        let client = Client::new(format!("http://{}", process.addr())).unwrap();
        EffectsClient::new(client).once(NUMBER).idempotency_key(key).await.unwrap()
    };
    for effects in [1, 1] {
        assert_eq!(call(&process).await, NUMBER);
        assert_eq!(process.ledger().count(NUMBER), effects);
    }
    process.restart().await;
    assert_eq!(call(&process).await, NUMBER);
    process.drain().await;
    assert_eq!(process.ledger().count(NUMBER), 2);

    let test = "a_key_alone_runs_again_after_a_restart_of_a_server_with_a_memory_store_and_not_with_a_shared_one";
    let Some(postgres) = Postgres::start(test) else { return };
    let process = Process::on(&postgres).await;
    assert_eq!(call(&process).await, NUMBER);
    process.restart().await;
    assert_eq!(call(&process).await, NUMBER);
    process.drain().await;
    assert_eq!(process.ledger().count(NUMBER), 1);
}

/// The number of calls in a storm.
const CALLS: u64 = 120;

/// Makes a call under a ticket through faults and kills. Redeems the ticket until the outcome is known, each time with
/// a new client.
async fn insist(url: &str, number: u64) -> Outcome {
    let client = |retry: Retry, deadline| {
        let client = storm::builder().deadline(deadline).retry(retry).endpoint(url);
        EffectsClient::new(client.build().unwrap())
    };
    let (never, short) = (Retry::never(), Duration::from_millis(500));
    // Long enough for a process to start on a busy machine.
    let (patient, long) = (Retry::exponential().max_attempts(8), Duration::from_secs(5));
    let mut call = client(never, short).once(number);
    let ticket = loop {
        match call.ticket().await {
            Ok(ticket) => break ticket,
            Err(failure) => assert_eq!(failure.outcome(), Outcome::NotSent, "{failure:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let outcome =
        |answer: Result<u64, Error<EffectError>>| answer.map_or_else(|error| error.outcome(), |_| Outcome::Executed);
    let mut came = outcome(call.await);
    for (retry, deadline) in [(never, short), (never, short), (patient, long), (patient, long)] {
        if came != Outcome::Unknown {
            return came;
        }
        came = outcome(client(retry, deadline).once(number).redeem(ticket.clone()).await);
        assert!([Outcome::Unknown, Outcome::Executed].contains(&came), "{came:?} of call {number}");
    }
    came
}

/// Makes many calls at once by [`insist`], and returns how many outcomes stay unknown.
async fn insist_all(process: &Process, seed: u64) -> usize {
    let faults = storm::faults().into_iter().chain([(Fault::Kill, 150)]);
    let proxy = restarts::killing(process, Plan::seeded(seed, faults)).await;
    let url = proxy.url();
    let outcomes = stream::iter(0..CALLS).map(|number| {
        let url = &url;
        async move { (number, insist(url, number).await) }
    });
    let outcomes: Vec<_> = outcomes.buffer_unordered(8).collect().await;
    process.drain().await;
    let effects = process.ledger().counts();
    for (number, outcome) in &outcomes {
        let effects = effects.get(number).copied().unwrap_or(0);
        let told = match outcome {
            Outcome::Executed => effects == 1,
            Outcome::Unknown => effects <= 1,
            _ => effects == 0,
        };
        assert!(
            told,
            "call {number} had {effects} effects and ended as {outcome:?}: {}",
            proxy.plan().story_of(*number)
        );
    }
    outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Unknown).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_runs_twice_whose_ticket_is_redeemed_through_faults_and_kills() {
    let forgotten = insist_all(&Process::start().await, 1).await;
    let Some(postgres) = Postgres::start("no_call_runs_twice_whose_ticket_is_redeemed_through_faults_and_kills") else {
        return;
    };
    let remembered = insist_all(&Process::on(&postgres).await, 1).await;
    println!("unknown: {remembered} with the shared store, {forgotten} with stores of the processes");
    assert!(forgotten.max(remembered) < CALLS as usize / 10, "nearly all outcomes become known");
}
