//! What clients report about calls that share a request with calls of other callers.

use futures_util::future::join_all;
use rpc::{Client, Coalesce, Server, Telemetry};
use tokio::task::yield_now;

use super::capture::{Histogram, Metrics, Told};

const CALLS: usize = 30;

/// Makes a client in process that joins calls, and one call so that the client knows the method.
async fn client() -> Client {
    let ping = || async {
        for _ in 0..10 {
            yield_now().await;
        }
    };
    let server = Server::builder().method("ping", ping).build();
    let builder = Client::builder().in_process(&server).telemetry(Telemetry::default());
    let client = builder.coalesce(Coalesce::default()).build().unwrap();
    client.call::<()>("ping", ()).await.unwrap();
    client
}

#[tokio::test]
async fn each_joined_call_has_a_span_in_the_trace_of_its_caller_and_is_timed() {
    let (told, _guard) = Told::begin();
    let metrics = Metrics::begin();
    let client = client().await;
    let calls: Vec<_> = (0..CALLS).map(|_| tokio::spawn(client.call::<()>("ping", ()).into_future())).collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let (calls, batches) = (told.named("rpc.client"), told.named("rpc.client.batch"));
    assert_eq!(calls.len(), CALLS + 1);
    assert!(!batches.is_empty(), "calls were joined");
    let mut traces: Vec<_> = calls.iter().chain(&batches).map(|span| span.fields.get("trace_id").unwrap()).collect();
    traces.sort_unstable();
    traces.dedup();
    // Each caller has a trace of its own, and so has each joined request.
    assert_eq!(traces.len(), CALLS + 1 + batches.len());
    assert!(calls.iter().chain(&batches).all(|span| span.closed && span.fields.get("parent_id").is_none()));
    let metrics = metrics.now();
    let duration = "rpc.client.call.duration{rpc.method=ping,rpc.system.name=jsonrpc}";
    assert_eq!(metrics.get(duration), Some(&Histogram(CALLS + 1)), "{metrics:#?}");
}

#[tokio::test]
async fn joined_calls_of_one_handler_continue_its_trace() {
    let (told, _guard) = Told::begin();
    let client = client().await;
    let front = Server::builder().telemetry(Telemetry::default()).method("front", move || {
        let calls = (0..CALLS).map(|_| client.call::<()>("ping", ()).into_future());
        let calls = join_all(calls.collect::<Vec<_>>());
        async move { calls.await.into_iter().all(|answered| answered.is_ok()) }
    });
    assert!(Client::in_process(&front.build()).call::<bool>("front", ()).await.unwrap());
    let handler = told.named("rpc.server").pop().unwrap();
    let batches = told.named("rpc.client.batch");
    assert!(!batches.is_empty(), "calls were joined");
    for batch in batches {
        for (own, parents) in [("trace_id", "trace_id"), ("parent_id", "span_id")] {
            assert_eq!(batch.fields.get(own), handler.fields.get(parents));
        }
    }
}
