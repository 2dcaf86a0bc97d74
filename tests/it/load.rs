//! Large loads: long strings, many calls, long batches.

use std::time::Duration;

use futures_util::future::join_all;
use rpc::{Client, Error, ErrorCode, Limits, Outcome, Retry, RpcError, Server};
use serde_json::Value;
use support::{client_of, clients_of, serve};

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
enum OddError {
    #[error("{number} is odd")]
    #[rpc(code = 1001)]
    Odd { number: u32 },
}

#[rpc::service]
trait Work {
    async fn echo(&self, text: String) -> String;
    fn repeat(&self, length: usize) -> String;
    async fn halve(&self, number: u32) -> Result<u32, OddError>;
    async fn square(&self, number: u64) -> u64;
}

struct Worker;

/// How long a call may take on a loaded machine.
const MINUTES: Duration = Duration::from_secs(300);

impl Work for Worker {
    async fn echo(&self, text: String) -> String {
        text
    }
    fn repeat(&self, length: usize) -> String {
        "x".repeat(length)
    }
    async fn halve(&self, number: u32) -> Result<u32, OddError> {
        if number.is_multiple_of(2) { Ok(number / 2) } else { Err(OddError::Odd { number }) }
    }
    async fn square(&self, number: u64) -> u64 {
        // Yielding lets calls overtake each other.
        tokio::task::yield_now().await;
        number * number
    }
}

fn server(limits: Limits) -> Server {
    Server::builder().service(WorkServer::new(Worker)).limits(limits).build()
}

#[tokio::test]
async fn strings_of_ten_megabytes_survive_where_limits_allow() {
    let mut limits = Limits::default();
    limits.max_request_bytes = 64 << 20;
    limits.max_response_bytes = 64 << 20;
    let url = format!("http://{}", serve(&server(limits)).await);
    let plain = "x".repeat(10 << 20);
    // Each of these characters takes more bytes in JSON, or several bytes in UTF-8.
    let escaped = "\0\"ü👍\\".repeat((10 << 20) / 9);
    for (http2, text) in [(false, &plain), (false, &escaped), (true, &plain)] {
        // The machine may be slow, and the answer to a repeat would only say that the call has run.
        let builder = Client::builder().endpoint(&url).max_response_bytes(64 << 20).retry(Retry::never());
        let builder = builder.deadline(MINUTES);
        let builder = if http2 { builder.http2_prior_knowledge() } else { builder };
        let echoed = WorkClient::new(builder.build().unwrap()).echo(text).await.unwrap();
        assert!(echoed == *text, "HTTP/2: {http2}, {} bytes instead of {}", echoed.len(), text.len());
    }
}

#[tokio::test]
async fn a_request_over_the_servers_limit_is_refused_and_the_next_one_served() {
    let work = WorkClient::new(client_of(&server(Limits::default())).await);
    for length in [2 << 20, 10 << 20] {
        let error = work.echo("x".repeat(length)).await.unwrap_err();
        let failure = error.failure().unwrap();
        assert!(failure.is_too_large(), "{failure:?}");
        assert_eq!(failure.status().unwrap(), 413);
        assert_eq!(failure.error_object().unwrap().code(), ErrorCode::REQUEST_TOO_LARGE);
        assert_eq!(work.echo("short").await.unwrap(), "short");
    }
}

#[tokio::test]
async fn an_answer_over_the_servers_limit_is_a_failure_of_a_call_that_ran() {
    let mut limits = Limits::default();
    limits.max_response_bytes = 1000;
    let work = WorkClient::new(client_of(&server(limits)).await);
    let failure = work.repeat(2000).await.unwrap_err();
    let failure = failure.failure().unwrap();
    assert!(failure.is_too_large());
    assert_eq!(failure.outcome(), Outcome::Executed);
    assert_eq!(failure.error_object().unwrap().code(), ErrorCode::RESPONSE_TOO_LARGE);
    assert_eq!(work.repeat(900).await.unwrap().len(), 900);
}

async fn assert_each_call_gets_its_own_answer(client: Client) {
    let work = WorkClient::new(client);
    let answers = join_all((0..10_000).map(|number| work.square(number).deadline(MINUTES).into_future())).await;
    for (number, answer) in (0..).zip(answers) {
        assert_eq!(answer.unwrap(), number * number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_at_once_each_get_their_own_answer() {
    assert_each_call_gets_its_own_answer(client_of(&server(Limits::default())).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_at_once_share_one_http2_connection() {
    let url = format!("http://{}", serve(&server(Limits::default())).await);
    let client = Client::builder().endpoint(url).http2_prior_knowledge().build().unwrap();
    assert_each_call_gets_its_own_answer(client).await;
}

#[tokio::test]
async fn every_second_declared_error_of_a_long_batch_is_its_own_entrys() {
    for (way, client) in clients_of(&server(Limits::default())).await {
        let work = WorkClient::new(client.clone());
        let answers = client.batch((0..1000).map(|number| work.halve(number)).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(answers.len(), 1000);
        for (number, answer) in (0..).zip(answers) {
            match answer {
                Ok(half) => assert_eq!(half * 2, number, "{way}"),
                Err(Error::Method(error)) => {
                    assert_eq!(number % 2, 1, "{way}");
                    assert_eq!(error, OddError::Odd { number });
                }
                Err(other) => panic!("{way}: {number}: {other}"),
            }
        }
    }
}

#[tokio::test]
async fn every_second_unknown_method_of_a_long_batch_is_its_own_entrys() {
    let client = client_of(&server(Limits::default())).await;
    let calls = (0..1000_u64).map(|number| {
        let method = if number % 2 == 0 { "square" } else { "cube" };
        client.call::<Value>(method, [number])
    });
    let answers = client.batch(calls.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(answers.len(), 1000);
    for (number, answer) in (0..).zip(answers) {
        match answer {
            Ok(square) => assert_eq!((number % 2, square.as_u64().unwrap()), (0, number * number)),
            Err(error) => {
                assert_eq!(number % 2, 1);
                assert!(matches!(error, Error::Rpc(error) if error.code() == ErrorCode::METHOD_NOT_FOUND));
            }
        }
    }
}

#[tokio::test]
async fn a_batch_over_the_servers_limit_fails_entry_by_entry_and_runs_nothing() {
    let client = client_of(&server(Limits::default().max_batch_entries(1000))).await;
    let work = WorkClient::new(client.clone());
    let answers = client.batch((0..1001).map(|number| work.halve(number)).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(answers.len(), 1001);
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(error.failure().unwrap().is_too_large());
        assert_eq!(error.error_object().unwrap().code(), ErrorCode::REQUEST_TOO_LARGE);
    }
}
