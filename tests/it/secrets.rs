//! Secrets never appear in logs: header values, and all of an address except scheme, host and port.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::time::Duration;

use rpc::Client;
use support::{Answer, Peer, http};

const SECRET: &str = "hunter2";

/// Collects everything that can be printed.
#[derive(Default)]
struct Printed(String);

impl Printed {
    fn add(&mut self, value: &dyn Debug) {
        self.0 += &format!("{value:?}\n{value:#?}\n");
    }

    fn add_error(&mut self, error: &(dyn StdError + 'static)) {
        for error in std::iter::successors(Some(error), |error| (*error).source()) {
            self.0 += &format!("{error}\n");
            self.add(&error);
        }
    }

    #[track_caller]
    fn assert_free_of_secrets(&self) {
        assert!(!self.0.is_empty());
        let found = self.0.lines().find(|line| line.contains(SECRET));
        assert!(found.is_none(), "{found:?}");
    }
}

fn builder(addr: &str) -> rpc::ClientBuilder {
    Client::builder()
        .endpoint(format!("http://user:{SECRET}@{addr}/{SECRET}?token={SECRET}"))
        .header("authorization", format!("Bearer {SECRET}"))
}

fn client(addr: &str) -> Client {
    builder(addr).build().unwrap()
}

#[tokio::test]
async fn clients_and_calls_print_no_secrets() {
    let client = client("127.0.0.1:1");
    let call = || client.call::<u8>("m", [1]).header("x-key", SECRET);
    let mut printed = Printed::default();
    printed.add(&builder("127.0.0.1:1"));
    printed.add(&client);
    printed.add(&call());
    printed.add(&call().notify());
    printed.add(&client.batch((call(), call().notify())).header("x-batch", SECRET));
    printed.add(&call().into_future());
    printed.assert_free_of_secrets();
    // The rest is enough to tell clients apart.
    assert!(printed.0.contains("127.0.0.1"));
}

/// Prints the errors of a call, and of a batch of one, to this address.
async fn print_failures(addr: &str) -> Printed {
    let client = client(addr);
    let call = || client.call::<u8>("m", [1]).header("x-key", SECRET).deadline(Duration::from_millis(300));
    let mut printed = Printed::default();
    printed.add_error(&call().await.unwrap_err());
    printed.add_error(&call().notify().await.unwrap_err());
    match client.batch([call()]).await {
        Ok([answer]) => printed.add_error(&answer.unwrap_err()),
        Err(failure) => printed.add_error(&failure),
    }
    printed
}

#[tokio::test]
async fn failures_print_no_secrets() {
    let cookie = format!("set-cookie: session={SECRET}");
    let refuses = Peer::start(move |_| Answer::Bytes(http("401 Unauthorized", &[&cookie], "who are you?"))).await;
    let silent = Peer::silent().await;
    let breaks_off = Peer::start(|_| Answer::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec())).await;
    for addr in ["127.0.0.1:1", &refuses.addr(), &silent.addr(), &breaks_off.addr()] {
        print_failures(addr).await.assert_free_of_secrets();
    }
}

#[test]
fn a_refused_address_prints_no_secrets() {
    for url in [format!("ftp://user:{SECRET}@host"), format!("http://user:{SECRET}@"), SECRET.to_owned()] {
        let mut printed = Printed::default();
        printed.add_error(&Client::new(&url).unwrap_err());
        printed.assert_free_of_secrets();
    }
}

#[test]
fn a_refused_header_prints_no_secrets() {
    let mut printed = Printed::default();
    let bad = builder("127.0.0.1:1").header("authorization", format!("{SECRET}\n"));
    printed.add(&bad);
    printed.add_error(&bad.build().unwrap_err());
    printed.assert_free_of_secrets();
}
