//! Many clients of a server that is down: all their retries together are a small part of what they ask anyway.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use rpc::transport::{Reply, Request, Transport};
use rpc::{BoxFuture, Client, ClientBuilder, Failure, RetryBudget};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;

const CLIENTS: u64 = 500;

/// So many calls, over so long, are fifty in ten seconds, of which ten may go again: more than the budget's floor of three.
const CALLS: u64 = 100;
const INTERVAL: Duration = Duration::from_millis(200);

/// How a server is down.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Death {
    /// Nobody listens.
    Refuses,
    /// Connections are accepted and closed.
    Closes,
    /// It says of each request that it is not going to run it.
    Overloaded,
}

/// Is a server that is down, and counts what it is asked.
#[derive(Debug)]
struct Down {
    death: Death,
    posts: AtomicU64,
    heads: AtomicU64,
}

impl Transport for Down {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let count = if request.method == Method::HEAD { &self.heads } else { &self.posts };
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

/// How many requests came, of those that are for headers alone and of the others.
struct Asked {
    heads: u64,
    posts: u64,
}

/// Lets so many clients call. The last calls end within the second in which they begin, as the budget counts by seconds.
async fn ask(death: Death, clients: u64, build: fn(ClientBuilder) -> ClientBuilder) -> Asked {
    let down = Arc::new(Down { death, posts: AtomicU64::new(0), heads: AtomicU64::new(0) });
    let mut calling = JoinSet::new();
    for _ in 0..clients {
        let client = build(Client::builder()).transport(Arc::clone(&down)).build().unwrap();
        calling.spawn(async move {
            let mut calls = JoinSet::new();
            sleep(Duration::from_millis(20)).await;
            for number in 0..CALLS {
                let call = client.call::<Value>("any", ());
                calls.spawn(if number % 2 == 0 { call.readonly() } else { call }.into_future());
                sleep(INTERVAL).await;
            }
            calls.join_all().await
        });
    }
    let ended = calling.join_all().await;
    assert!(ended.iter().flatten().all(Result::is_err));
    Asked { heads: down.heads.load(Ordering::Relaxed), posts: down.posts.load(Ordering::Relaxed) }
}

#[tokio::test(start_paused = true)]
async fn a_fleet_asks_a_server_that_is_down_at_most_a_fifth_more_often_than_it_would_without_retries() {
    let calls = CLIENTS * CALLS;
    for death in [Death::Refuses, Death::Closes, Death::Overloaded] {
        let Asked { heads, posts } = ask(death, CLIENTS, |builder| builder).await;
        // Where not even a HEAD gets through, nothing else is sent for its call.
        let asked = if death == Death::Refuses { heads + posts } else { posts };
        assert!(asked * 10 <= calls * 12, "{death:?}: {asked} requests of {calls} calls");
        assert!(
            asked * 10 >= calls * 11,
            "{death:?}: {asked} requests of {calls} calls are less than the budget allows"
        );
        if death != Death::Refuses {
            // A client whose HEAD has failed leaves it at that for five seconds.
            assert!(heads <= CLIENTS * 4, "{death:?}: {heads} requests for headers");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_a_server_that_is_down_is_asked_three_times_as_often() {
    let asked = ask(Death::Overloaded, 10, |builder| builder.retry_budget(RetryBudget::unlimited())).await;
    assert_eq!(asked.posts, 10 * CALLS * 3);
}
