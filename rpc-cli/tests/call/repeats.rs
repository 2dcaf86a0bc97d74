//! Calls whose outcome is unknown, and their repeats without a second effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpc::{KeyRefusal, Limits, Server};
use serde_json::{Value, json};
use support::{Answer, Peer, http};
use tokio::process::Command;
use tokio::sync::{Notify, Semaphore};

use crate::binary::{Ended, rpc};

/// A server whose method `pay` waits until the test lets it end.
struct Bank {
    url: String,
    begun: Arc<Notify>,
    may_end: Arc<Semaphore>,
    payments: Arc<AtomicU64>,
}

impl Bank {
    async fn open() -> Self {
        let (begun, may_end) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let payments = Arc::new(AtomicU64::new(0));
        let of_handler = (Arc::clone(&begun), Arc::clone(&may_end), Arc::clone(&payments));
        let pay = move |(cents,): (u64,)| {
            let (begun, may_end, payments) = of_handler.clone();
            async move {
                payments.fetch_add(cents, Ordering::Relaxed);
                begun.notify_one();
                may_end.acquire().await.expect("it is never closed").forget();
                cents
            }
        };
        let server = Server::builder().method("pay", pay).limits(Limits::default()).build();
        Self { url: format!("http://{}", support::serve(&server).await), begun, may_end, payments }
    }

    fn paid(&self) -> u64 {
        self.payments.load(Ordering::Relaxed)
    }
}

/// Returns the ticket that an error shows.
fn ticket(stderr: &str) -> &str {
    let (_, rest) = stderr.split_once("--ticket '").unwrap_or_else(|| panic!("no ticket: {stderr}"));
    rest.split_once('\'').unwrap().0
}

async fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().await.unwrap().success());
}

#[tokio::test]
async fn the_ticket_of_a_call_with_an_unknown_outcome_gets_its_answer() {
    let bank = Bank::open().await;
    let ended = rpc(&["call", &bank.url, "pay", "[100]", "--deadline", "3s"]).run().await;
    assert_eq!((ended.exit, ended.stdout.as_str()), (6, ""), "{}", ended.stderr);
    assert_eq!(bank.paid(), 100);
    bank.may_end.add_permits(1);
    let again = rpc(&["call", &bank.url, "pay", "[100]", "--ticket", ticket(&ended.stderr)]).run().await;
    assert_eq!(again, Ended { exit: 0, stdout: "100\n".to_owned(), stderr: String::new() });
    assert_eq!(bank.paid(), 100);
}

#[tokio::test]
async fn the_ticket_is_a_member_of_the_error_in_json() {
    let bank = Bank::open().await;
    let ended = rpc(&["call", &bank.url, "pay", "[1]", "--deadline", "3s", "--json"]).run().await;
    let error: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!((ended.exit, error["outcome"].as_str(), error["exit"].as_u64()), (6, Some("unknown"), Some(6)));
    let (ticket, key) = (error["ticket"].as_str().unwrap(), error["key"].as_str().unwrap());
    assert!(ticket.starts_with(&format!("keys={key};")), "{ticket}");
}

#[tokio::test]
async fn a_call_with_a_key_of_the_user_names_the_key() {
    let bank = Bank::open().await;
    let key = "01890a5d-ac96-774b-bcce-b302099a8057";
    let ended = rpc(&["call", &bank.url, "pay", "[1]", "--deadline", "500ms", "--key", key]).run().await;
    assert_eq!(ended.exit, 6);
    assert!(ended.stderr.contains(&format!("--key {key}\n")), "{}", ended.stderr);
    bank.may_end.add_permits(1);
    let again = rpc(&["call", &bank.url, "pay", "[1]", "--key", key]).run().await;
    assert_eq!((again.exit, again.stdout.as_str()), (0, "1\n"), "{}", again.stderr);
    assert_eq!(bank.paid(), 1);
}

#[tokio::test]
async fn ctrl_c_and_sigterm_show_the_ticket() {
    for name in ["INT", "TERM"] {
        let bank = Bank::open().await;
        let child = rpc(&["call", &bank.url, "pay", "[100]"]).spawn();
        bank.begun.notified().await;
        signal(child.id().unwrap(), name).await;
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(6));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with("error: interrupted\nThe call may have run."), "{stderr}");
        bank.may_end.add_permits(1);
        let again = rpc(&["call", &bank.url, "pay", "[100]", "--ticket", ticket(&stderr)]).run().await;
        assert_eq!((again.exit, again.stdout.as_str()), (0, "100\n"), "{}", again.stderr);
        assert_eq!(bank.paid(), 100);
    }
}

#[tokio::test]
async fn ctrl_c_ends_a_readonly_call_as_it_ends_any_program() {
    use std::os::unix::process::ExitStatusExt;
    let bank = Bank::open().await;
    let child = rpc(&["call", &bank.url, "pay", "[1]", "--readonly"]).spawn();
    bank.begun.notified().await;
    signal(child.id().unwrap(), "INT").await;
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.signal(), Some(2));
    assert!(output.stderr.is_empty());
}

#[tokio::test]
async fn a_server_without_a_store_gives_no_ticket() {
    let peer = Peer::start(|_| Answer::Bytes(Vec::new())).await;
    let ended = rpc(&["call", &peer.url(), "pay", "[100]"]).run().await;
    assert_eq!(ended.exit, 6);
    let note = "The call may have run. A repeat may have a second effect, since there is no ticket for it";
    assert!(ended.stderr.contains(note), "{}", ended.stderr);
    assert!(!ended.stderr.contains("--key"), "{}", ended.stderr);
    // One question is enough, and foreign servers get numbers as ids.
    assert_eq!(peer.heads(), 1);
    let requests = peer.requests();
    assert_eq!(requests.len(), 1, "a call with an effect is not repeated");
    assert!(requests[0].id().is_u64(), "{}", requests[0].id());
}

#[tokio::test]
async fn a_ticket_of_another_store_does_not_run_the_call() {
    let (bank, other) = (Bank::open().await, Bank::open().await);
    let ended = rpc(&["call", &bank.url, "pay", "[1]", "--deadline", "3s"]).run().await;
    let ticket = ticket(&ended.stderr);
    let again = rpc(&["call", &other.url, "pay", "[1]", "--ticket", ticket]).run().await;
    assert_eq!(again.exit, 6, "{}", again.stderr);
    assert!(again.stderr.contains(ticket), "{}", again.stderr);
    assert_eq!(other.paid(), 0);
}

#[tokio::test]
async fn a_call_whose_ticket_meets_another_store_is_made_without_one() {
    let store = |number: u32| {
        format!("rpc-idempotency: store=00000000-0000-4000-8000-00000000000{number};ttl=120;now=5;scope=none")
    };
    let refused = ["rpc-refused: all".to_owned(), store(2)];
    let peer = Peer::start_with(http("200 OK", &[&store(1)], ""), move |call| {
        let relies_on_first = call.header("rpc-idempotency").is_some_and(|keys| keys.contains("-000000000001;"));
        let answer =
            |member: &str, value: Value| json!({ "jsonrpc": "2.0", "id": call.id(), member: value }).to_string();
        let headers = refused.each_ref().map(String::as_str);
        Answer::Bytes(if relies_on_first {
            http("200 OK", &headers, &answer("error", json!(KeyRefusal::OtherStore.to_error_object())))
        } else {
            http("200 OK", &[], &answer("result", json!(1)))
        })
    })
    .await;
    let ended = rpc(&["call", &peer.url(), "pay", "[1]"]).run().await;
    assert_eq!(ended, Ended { exit: 0, stdout: "1\n".to_owned(), stderr: String::new() });
}
