//! Many clients of a dead server: each sends its reserve of retries once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use rpc::transport::{Reply, Request, Transport};
use rpc::{BoxFuture, Client, ClientBuilder, Failure, RetryBudget};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;

const CLIENTS: u64 = 500;

/// How often each client begins a call. A call needs two retries, or none if its outcome is unknown and it has an
/// effect.
const INTERVAL: Duration = Duration::from_millis(400);

/// How many calls a client begins until its reserve of retries is spent, and how many after that.
const WHILE_SPENT: u64 = 125;
const AFTERWARDS: u64 = 25;

/// In which way a server is down.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Death {
    /// No socket listens.
    Refuses,
    /// Connections are accepted and closed.
    Closes,
    /// The server refuses every request.
    Overloaded,
}

/// A server that is down. It counts the requests.
#[derive(Debug)]
struct Down {
    death: Death,
    posts: AtomicU64,
    heads: AtomicU64,
}

impl Transport for Down {
    fn send(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.fail(&self.posts)
    }

    fn probe(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.fail(&self.heads)
    }
}

impl Down {
    fn fail(&self, count: &AtomicU64) -> BoxFuture<Result<Reply, Failure>> {
        count.fetch_add(1, Ordering::Relaxed);
        let reply = match self.death {
            Death::Refuses => Err(Failure::connect("refused")),
            Death::Closes => Err(Failure::transport("closed")),
            Death::Overloaded => {
                let mut reply = Reply::new(bytes::Bytes::new());
                reply.status = Some(StatusCode::SERVICE_UNAVAILABLE);
                reply.headers.insert("rpc-refused", HeaderValue::from_static("all"));
                Ok(reply)
            }
        };
        Box::pin(std::future::ready(reply))
    }
}

/// How many requests arrived: the HEAD requests, and the others.
#[derive(Clone, Copy)]
struct Asked {
    heads: u64,
    posts: u64,
}

impl Down {
    fn asked(&self) -> Asked {
        Asked { heads: self.heads.load(Ordering::Relaxed), posts: self.posts.load(Ordering::Relaxed) }
    }
}

/// Runs calls from this many clients. Returns the requests until the reserves were spent, and those until the end.
async fn ask(death: Death, clients: u64, build: fn(ClientBuilder) -> ClientBuilder) -> [Asked; 2] {
    let down = Arc::new(Down { death, posts: AtomicU64::new(0), heads: AtomicU64::new(0) });
    let mut calling = JoinSet::new();
    for _ in 0..clients {
        let client = build(Client::builder()).transport(Arc::clone(&down)).build().unwrap();
        calling.spawn(async move {
            let mut calls = JoinSet::new();
            for number in 0..WHILE_SPENT + AFTERWARDS {
                let call = client.call::<Value>("any", ());
                calls.spawn(if number % 2 == 0 { call.readonly() } else { call }.into_future());
                sleep(INTERVAL).await;
            }
            calls.join_all().await
        });
    }
    // This is just before the next calls begin.
    sleep(INTERVAL * u32::try_from(WHILE_SPENT).unwrap() - Duration::from_millis(1)).await;
    let spent = down.asked();
    let ended = calling.join_all().await;
    assert!(ended.iter().flatten().all(Result::is_err));
    [spent, down.asked()]
}

#[tokio::test(start_paused = true)]
async fn a_fleet_of_a_dead_server_sends_its_reserve_of_retries_once_and_then_next_to_nothing() {
    for death in [Death::Refuses, Death::Closes, Death::Overloaded] {
        let asked = ask(death, CLIENTS, |builder| builder).await;
        // If not even a HEAD gets through, the client sends nothing else for its call.
        let [spent, end] =
            asked.map(|Asked { heads, posts }| if death == Death::Refuses { heads + posts } else { posts });
        let extra = (spent - CLIENTS * WHILE_SPENT) / CLIENTS;
        // The reserve of 100, and one retry more for each 10 s.
        assert!((100..=105).contains(&extra), "{death:?}: {extra} retries for each client");
        let later = (end - spent - CLIENTS * AFTERWARDS) / CLIENTS;
        assert!(later <= 1, "{death:?}: {later} retries for each client within 10 s");
        if death != Death::Refuses {
            // A client does not repeat a failed HEAD for five seconds.
            assert!(asked[1].heads <= CLIENTS * 12, "{death:?}: {} requests for headers", asked[1].heads);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_a_server_that_is_down_is_asked_three_times_as_often() {
    let [_, asked] = ask(Death::Overloaded, 10, |builder| builder.retry_budget(RetryBudget::unlimited())).await;
    assert_eq!(asked.posts, 10 * (WHILE_SPENT + AFTERWARDS) * 3);
}
