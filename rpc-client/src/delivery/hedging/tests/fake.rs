//! [`Fake`]: a server that answers after a time, or fails.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use rpc_core::BoxFuture;
use serde_json::Value;
use tokio::time::sleep;

use crate::transport::{Reply, Request, ServerAddress, Transport};
use crate::{Balancer, Candidates, Endpoint, EndpointState, Failure};

/// Chooses the first candidate.
#[derive(Debug)]
pub(super) struct First;

impl Balancer for First {
    fn choose<'a>(&self, candidates: &Candidates<'a>) -> &'a Arc<EndpointState> {
        candidates.first()
    }
}

/// What a server does with a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Does {
    AnswersAfter(Duration),
    /// Answers after a time with an exponential distribution and this mean.
    AnswersAtRandom(Duration),
    /// Answers after 10 ms, but one request in 33 after 200 ms.
    AnswersLateAtRandom,
    FailsAfter(Duration, fn() -> Failure),
    /// Refuses the first call of a request with -32092, and answers the second one unreadably.
    RefusesAfter(Duration),
    Hangs,
}

/// A server that answers each call with the server's number.
#[derive(Debug)]
pub(super) struct Fake {
    number: u16,
    does: Mutex<Does>,
    once: Mutex<Option<Does>>,
    requests: Mutex<Vec<Seen>>,
    ended: AtomicUsize,
    begun: AtomicUsize,
    in_flight: Arc<()>,
}

/// A request, as the server saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The header `Rpc-Attempt`.
    pub(super) attempt: Option<String>,
    pub(super) body: Bytes,
}

/// The transport to a server.
#[derive(Debug)]
struct FakeTransport(Arc<Fake>);

impl Fake {
    /// Makes a server that answers after 10 ms.
    pub(super) fn new(number: u16) -> Arc<Self> {
        Arc::new(Self {
            number,
            does: Mutex::new(Does::AnswersAfter(Duration::from_millis(10))),
            once: Mutex::default(),
            requests: Mutex::default(),
            ended: AtomicUsize::default(),
            begun: AtomicUsize::default(),
            in_flight: Arc::default(),
        })
    }

    pub(super) fn endpoint(self: &Arc<Self>) -> Endpoint {
        Endpoint::transport(FakeTransport(Arc::clone(self)))
    }

    /// Sets what the server does from now on.
    pub(super) fn does(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    /// Sets what the server does with the next request only.
    pub(super) fn does_once(&self, does: Does) {
        *self.once.lock().unwrap() = Some(does);
    }

    pub(super) fn requests(&self) -> Vec<Seen> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns how many requests were dropped before they had ended.
    pub(super) fn cancelled(&self) -> usize {
        let in_flight = Arc::strong_count(&self.in_flight) - 1;
        self.begun.load(Ordering::Relaxed) - self.ended.load(Ordering::Relaxed) - in_flight
    }

    fn next(&self) -> Does {
        self.once.lock().unwrap().take().unwrap_or(*self.does.lock().unwrap())
    }

    async fn answer(self: Arc<Self>, does: Does, body: Bytes) -> Result<Reply, Failure> {
        match does {
            Does::AnswersAfter(time) => sleep(time).await,
            Does::AnswersAtRandom(mean) => sleep(mean.mul_f64(-(1.0 - rand::random::<f64>()).ln())).await,
            Does::AnswersLateAtRandom => {
                sleep(Duration::from_millis(if rand::random_range(0..33) == 0 { 200 } else { 10 })).await;
            }
            Does::FailsAfter(time, failure) => {
                sleep(time).await;
                return Err(failure());
            }
            Does::RefusesAfter(time) => {
                sleep(time).await;
                return Ok(refusal(&body));
            }
            Does::Hangs => std::future::pending().await,
        }
        let answer = |call: &Value| format!(r#"{{"jsonrpc":"2.0","result":{},"id":{}}}"#, self.number, call["id"]);
        let text = match serde_json::from_slice(&body).unwrap() {
            Value::Array(calls) => {
                let calls = calls.iter().filter(|call| !call["id"].is_null());
                format!("[{}]", calls.map(answer).collect::<Vec<_>>().join(","))
            }
            call if call["id"].is_null() => String::new(),
            call => answer(&call),
        };
        Ok(Reply::new(Bytes::from(text)))
    }
}

fn refusal(body: &Bytes) -> Reply {
    let error = |call: &Value| {
        format!(r#"{{"jsonrpc":"2.0","error":{{"code":-32092,"message":"overloaded"}},"id":{}}}"#, call["id"])
    };
    let text = match serde_json::from_slice(body).unwrap() {
        Value::Array(calls) => format!(r#"[{},{{"jsonrpc":"2.0","id":{}}}]"#, error(&calls[0]), calls[1]["id"]),
        call => error(&call),
    };
    let mut reply = Reply::new(Bytes::from(text));
    reply.headers.insert("rpc-refused", HeaderValue::from_static("0"));
    reply
}

impl Transport for FakeTransport {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let (fake, does, in_flight) = (Arc::clone(&self.0), self.0.next(), Arc::clone(&self.0.in_flight));
        let attempt = request.headers.get("rpc-attempt").map(|number| number.to_str().unwrap().to_owned());
        fake.requests.lock().unwrap().push(Seen { attempt, body: request.body.clone() });
        fake.begun.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let _in_flight = in_flight;
            let answer = Arc::clone(&fake).answer(does, request.body).await;
            fake.ended.fetch_add(1, Ordering::Relaxed);
            answer
        })
    }

    fn server_address(&self) -> Option<ServerAddress> {
        Some(ServerAddress::new("fake", self.0.number))
    }
}
