//! [`Timed`]: a server whose calls take as long as they say, on a paused clock.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use rpc_core::BoxFuture;
use rpc_core::headers::{RPC_REFUSED, Refused};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::transport::{Reply, Request, Transport};
use crate::{Client, ClientBuilder, Coalesce, Failure};

/// A server that keeps the requests that it got. A call takes 20 ms, except `wait`.
///
/// - `wait` takes as many milliseconds as its first param says, and returns its params;
/// - `refused` is refused in the first attempt at a batch;
/// - `limited` is refused there, too, and may be retried after 10 s;
/// - `failing` is answered with an error;
/// - `long` returns a text with as many bytes as its first param says.
#[derive(Debug, Default)]
pub(super) struct Timed {
    requests: Mutex<Vec<(HeaderMap, Value)>>,
    cancelled: Arc<AtomicUsize>,
    panics_at_batches: AtomicBool,
}

impl Timed {
    /// Makes a client that coalesces calls.
    pub(super) fn client(self: &Arc<Self>, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
        let builder = Client::builder().transport(Arc::clone(self)).coalesce(Coalesce::default());
        set(builder).build().unwrap()
    }

    /// Takes the requests so far: for each the first params of its calls, in a list if it was a batch.
    pub(super) fn take(&self) -> Vec<Value> {
        let first = |call: &Value| call["params"][0].clone();
        let requests = std::mem::take(&mut *self.requests.lock().unwrap());
        let brief = |(_, body): (HeaderMap, Value)| match body {
            Value::Array(calls) => Value::Array(calls.iter().map(first).collect()),
            call => first(&call),
        };
        requests.into_iter().map(brief).collect()
    }

    pub(super) fn take_whole(&self) -> Vec<(HeaderMap, Value)> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }

    /// Panics at each batch from now on.
    pub(super) fn panic_at_batches(&self) {
        self.panics_at_batches.store(true, Ordering::Relaxed);
    }

    /// Returns the number of requests that the client has cancelled.
    pub(super) fn cancelled(&self) -> usize {
        self.cancelled.load(Ordering::Relaxed)
    }
}

impl Transport for Timed {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let is_retry = request.headers.get("rpc-attempt").is_some();
        self.requests.lock().unwrap().push((request.headers, body.clone()));
        let calls = body.as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
        assert!(!body.is_array() || !self.panics_at_batches.load(Ordering::Relaxed), "this transport panics");
        let mut guard = CancelGuard(Some(Arc::clone(&self.cancelled)));
        Box::pin(async move {
            let time = |call: &Value| if call["method"] == "wait" { call["params"][0].as_u64().unwrap() } else { 20 };
            sleep(Duration::from_millis(calls.iter().map(time).max().unwrap())).await;
            guard.disarm();
            let answers: Vec<Value> = calls.iter().map(|call| answer(call, is_retry || !body.is_array())).collect();
            let code = |place: &usize| answers[*place]["error"]["code"].as_i64();
            let is_refused = |place: &usize| matches!(code(place), Some(-32092 | -32099));
            let mut refused = Refused::default();
            (0..answers.len()).filter(is_refused).for_each(|place| refused.add(place));
            let body = if body.is_array() { json!(answers).to_string() } else { answers[0].to_string() };
            let mut reply = Reply::new(Bytes::from(body));
            reply.headers.insert("x-calls", answers.len().into());
            reply.headers.extend(refused.to_value().map(|refused| (RPC_REFUSED, refused)));
            Ok(reply)
        })
    }
}

fn answer(call: &Value, is_accepted: bool) -> Value {
    let (id, params) = (&call["id"], &call["params"]);
    match call["method"].as_str().unwrap() {
        "refused" if !is_accepted => {
            json!({ "jsonrpc": "2.0", "error": { "code": -32092, "message": "Server overloaded" }, "id": id })
        }
        "limited" if !is_accepted => {
            let data = json!({ "retryAfterMs": 10_000 });
            json!({ "jsonrpc": "2.0", "error": { "code": -32099, "message": "slower", "data": data }, "id": id })
        }
        "failing" => json!({ "jsonrpc": "2.0", "error": { "code": 7, "message": "no" }, "id": id }),
        "long" => {
            let text = "x".repeat(usize::try_from(params[0].as_u64().unwrap()).unwrap());
            json!({ "jsonrpc": "2.0", "result": text, "id": id })
        }
        _ => json!({ "jsonrpc": "2.0", "result": params, "id": id }),
    }
}

/// Counts a request whose future is dropped before its answer.
struct CancelGuard(Option<Arc<AtomicUsize>>);

impl CancelGuard {
    fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        if let Some(cancelled) = &self.0 {
            cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }
}
