//! A transport that answers as the test says, and records the calls.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use rpc_core::{BoxFuture, ErrorObject};
use serde_json::{Value, json};

use crate::transport::{Reply, ReplyBody, Request, Transport};
use crate::{Client, Failure};

/// A part of the body of a stream.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// An item whose cursor is the item itself.
    Item(u64),
    /// An item with these members in its params.
    Params(Value),
    /// Any text.
    Text(String),
    /// The answer that ends the stream.
    Answer(Result<(), ErrorObject>),
    /// The connection breaks.
    Break,
    /// Nothing more comes.
    Hang,
}

/// What the transport does with a call.
#[derive(Debug)]
pub(super) enum Play {
    /// Accepts it as a stream with these parts. The body ends behind them.
    Stream(Vec<Part>),
    /// As `Stream`, with this heartbeat in milliseconds.
    Beating(u64, Vec<Part>),
    /// Answers it with an error.
    Error(ErrorObject),
    /// Answers it with a result.
    Result(Value),
    Fail(Failure),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Script(Arc<ScriptState>);

#[derive(Debug, Default)]
struct ScriptState {
    plays: Mutex<VecDeque<Play>>,
    calls: Mutex<Vec<(Value, HeaderMap)>>,
    closed: Arc<AtomicUsize>,
}

impl Script {
    pub(super) fn new(plays: impl IntoIterator<Item = Play>) -> Self {
        let script = Self::default();
        script.0.plays.lock().unwrap().extend(plays);
        script
    }

    pub(super) fn client(&self) -> Client {
        Client::builder().transport(self.clone()).build().unwrap()
    }

    /// Returns the params of the calls so far.
    pub(super) fn params(&self) -> Vec<Value> {
        self.0.calls.lock().unwrap().iter().map(|(call, _)| call["params"].clone()).collect()
    }

    /// Returns the headers of the calls so far.
    pub(super) fn headers(&self) -> Vec<HeaderMap> {
        self.0.calls.lock().unwrap().iter().map(|(_, headers)| headers.clone()).collect()
    }

    /// Returns how many bodies were dropped or have ended.
    pub(super) fn closed(&self) -> usize {
        self.0.closed.load(Ordering::Relaxed)
    }
}

impl Transport for Script {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let call: Value = serde_json::from_slice(&request.body).unwrap();
        let id = call["id"].clone();
        self.0.calls.lock().unwrap().push((call, request.headers));
        // A transport without further plays cannot be reached.
        let play = self.0.plays.lock().unwrap().pop_front().unwrap_or(Play::Fail(Failure::connect("refused")));
        let closed = Arc::clone(&self.0.closed);
        Box::pin(async move {
            let answer = |member: &str, value: Value| {
                Bytes::from(json!({ "jsonrpc": "2.0", member: value, "id": id }).to_string())
            };
            match play {
                Play::Stream(parts) => Ok(reply(&id, parts, closed)),
                Play::Beating(millis, parts) => {
                    let mut reply = reply(&id, parts, closed);
                    reply.headers.insert("rpc-heartbeat-ms", millis.into());
                    Ok(reply)
                }
                Play::Error(error) => Ok(Reply::new(answer("error", json!(error)))),
                Play::Result(result) => Ok(Reply::new(answer("result", result))),
                Play::Fail(failure) => Err(failure),
            }
        })
    }
}

fn reply(id: &Value, parts: Vec<Part>, closed: Arc<AtomicUsize>) -> Reply {
    let chunks: Vec<_> = parts.into_iter().map(|part| part.chunk(id)).collect();
    let chunks = stream::iter(chunks).then(async |chunk| match chunk {
        Some(chunk) => chunk,
        None => std::future::pending().await,
    });
    let mut reply = Reply::new(ReplyBody::from_stream(Closing { chunks: Box::pin(chunks), closed }));
    reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static("Text/Event-Stream; charset=utf-8"));
    reply
}

impl Part {
    /// Returns the next chunk, or `None` if nothing more comes.
    fn chunk(self, id: &Value) -> Option<Result<Bytes, Failure>> {
        let text = match self {
            Self::Item(n) => item(id, &json!({ "cursor": n, "result": n })),
            Self::Params(params) => item(id, &params),
            Self::Text(text) => text,
            Self::Answer(Ok(())) => event(&json!({ "jsonrpc": "2.0", "result": null, "id": id })),
            Self::Answer(Err(error)) => event(&json!({ "jsonrpc": "2.0", "error": error, "id": id })),
            Self::Break => return Some(Err(Failure::transport("connection reset"))),
            Self::Hang => return None,
        };
        Some(Ok(text.into()))
    }
}

/// Writes the event of an item.
pub(super) fn item(id: &Value, params: &Value) -> String {
    let mut params = params.clone();
    let own = params.as_object_mut().unwrap();
    own.entry("subscription").or_insert_with(|| id.clone());
    event(&json!({ "jsonrpc": "2.0", "method": "count", "params": params }))
}

fn event(message: &Value) -> String {
    format!("data: {message}\n\n")
}

/// Counts when the body is dropped.
struct Closing {
    chunks: Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>,
    closed: Arc<AtomicUsize>,
}

impl Stream for Closing {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.as_mut().poll_next(cx)
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }
}
