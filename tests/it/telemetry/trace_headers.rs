//! The headers that carry traces, as servers read them and clients write them.

use std::sync::{Arc, Mutex};

use http::HeaderMap;
use rpc::{Client, Context, Propagate, Retry, Server, Telemetry, TraceContext};
use support::raw_http::{exchange, post_with};
use support::{Answer, Peer, http, result, serve};
use tracing::Span;

use super::capture::Told;
use super::telling;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Sends a call with these headers to a server with a method that returns the trace of its call. Returns that trace.
async fn traced(telemetry: Telemetry, headers: &[(&str, &str)]) -> String {
    let trace = |cx: Context| async move { cx.trace().map(|trace| trace.trace_id().to_string()) };
    let server = Server::builder().method("trace", trace).telemetry(telemetry).build();
    let reply =
        exchange(serve(&server).await, &post_with(headers, r#"{"jsonrpc":"2.0","method":"trace","id":1}"#)).await;
    reply.text().to_owned()
}

#[tokio::test]
async fn a_call_continues_the_trace_of_its_request() {
    assert!(traced(Telemetry::default(), &[("traceparent", PARENT)]).await.contains(TRACE));
}

#[tokio::test]
async fn a_header_that_is_no_trace_begins_a_new_one() {
    for headers in [
        &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01")][..],
        &[("traceparent", PARENT), ("traceparent", PARENT)],
        &[("tracestate", "a=1")],
        &[],
    ] {
        let answer = traced(Telemetry::default(), headers).await;
        assert!(answer.contains(r#""result":""#) && !answer.contains(TRACE), "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_continue_traces_begins_its_own() {
    let mut telemetry = Telemetry::default();
    telemetry.continue_traces = false;
    let answer = traced(telemetry, &[("traceparent", PARENT)]).await;
    assert!(answer.contains(r#""result":""#) && !answer.contains(TRACE), "{answer}");
}

#[tokio::test]
async fn a_server_without_spans_passes_the_trace_on_as_it_came() {
    let peer = Peer::answering(|request| result(&request.id(), 1)).await;
    let (mut telemetry, client) = (Telemetry::default(), peer.builder());
    telemetry.spans = false;
    let client = client.telemetry(telemetry.clone()).build().unwrap();
    let pass = move || {
        let client = client.clone();
        async move { client.call::<i32>("next", ()).await.unwrap() }
    };
    let server = Server::builder().method("pass", pass).telemetry(telemetry).build();
    let sent = [("traceparent", PARENT), ("tracestate", "a=1"), ("baggage", "b=2")];
    exchange(serve(&server).await, &post_with(&sent, r#"{"jsonrpc":"2.0","method":"pass","id":1}"#)).await;
    let request = peer.requests().remove(0);
    for (name, value) in sent {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn each_attempt_has_a_span_below_the_calls_and_says_so_on_the_wire() {
    let (told, _guard) = Told::begin();
    let peer = Peer::start(|request| match request.header("rpc-attempt") {
        None => Answer::Bytes(http("502 Bad Gateway", &[], "")),
        Some(_) => Answer::Bytes(http("200 OK", &[], &result(&request.id(), 1))),
    });
    let peer = peer.await;
    let client = telling(&peer.url()).retry(Retry::exponential()).build().unwrap();
    client.call::<i32>("shop.count", ()).readonly().await.unwrap();
    let call = told.named("rpc.client").remove(0);
    assert_eq!(call.fields.get("otel.name"), Some("shop.count"));
    assert_eq!(call.fields.get("otel.kind"), Some("client"));
    assert_eq!(call.fields.get("server.address"), Some("127.0.0.1"));
    assert_eq!(call.fields.get("error.type"), None);
    let attempts = told.named("rpc.client.attempt");
    let numbers: Vec<_> = attempts.iter().map(|span| span.fields.get("rpc.attempt").unwrap()).collect();
    assert_eq!(numbers, ["1", "2"]);
    assert_eq!(attempts[0].fields.get("error.type"), Some("unavailable"));
    assert_eq!(attempts[1].fields.get("error.type"), None);
    for (request, attempt) in peer.requests().iter().zip(&attempts) {
        assert_eq!(attempt.fields.get("parent_id"), call.fields.get("span_id"));
        let (trace, span) = (attempt.fields.get("trace_id").unwrap(), attempt.fields.get("span_id").unwrap());
        assert_eq!(request.header("traceparent").unwrap(), format!("00-{trace}-{span}-01"));
        assert!(attempt.closed);
    }
    assert_ne!(peer.requests()[0].header("traceparent"), peer.requests()[1].header("traceparent"));
}

#[tokio::test]
async fn a_client_that_is_told_nothing_sends_no_trace() {
    let peer = Peer::answering(|request| result(&request.id(), 1)).await;
    TraceContext::new().in_scope(peer.client().call::<i32>("next", ()).into_future()).await.unwrap();
    assert_eq!(peer.requests()[0].header("traceparent"), None);
}

/// A propagator that records the spans it gets, and writes a header.
#[derive(Clone, Default)]
struct Foreign(Arc<Mutex<Vec<Extracted>>>);

/// The name of a span, and the header that was read for it.
type Extracted = (&'static str, Option<String>);

impl Propagate for Foreign {
    fn extract(&self, headers: &HeaderMap, span: &Span) {
        let read = headers.get("x-trace").map(|value| value.to_str().unwrap().to_owned());
        self.0.lock().unwrap().push((span.metadata().unwrap().name(), read));
    }

    fn inject(&self, span: &Span, headers: &mut HeaderMap) {
        headers.insert("x-trace", span.metadata().unwrap().name().parse().unwrap());
    }
}

#[tokio::test]
async fn a_propagator_takes_the_place_of_the_frameworks_own_headers() {
    let (told, _guard) = Told::begin();
    let foreign = Foreign::default();
    let telemetry = Telemetry::default().propagate(foreign.clone());
    let look = |cx: Context| async move { cx.headers().contains_key("traceparent") || cx.trace().is_some() };
    let server = Server::builder().method("look", look).telemetry(telemetry.clone()).build();
    let client = Client::builder().in_process(&server).telemetry(telemetry).build().unwrap();
    assert!(!client.call::<bool>("look", ()).await.unwrap());
    assert_eq!(*foreign.0.lock().unwrap(), [("rpc.server", Some("rpc.client.attempt".to_owned()))]);
    assert_eq!(told.spans().len(), 3);
    assert!(told.spans().iter().all(|span| !span.fields.names().contains(&"trace_id")));
}
