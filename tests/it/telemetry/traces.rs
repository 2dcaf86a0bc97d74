//! Traces across several services.

use std::sync::{Arc, Mutex};

use rpc::middleware::{Next, Request, from_fn};
use rpc::{Client, Context, Server, ServerBuilder, Telemetry, TraceContext};
use support::raw_http::{Connection, post_with};
use support::serve;
use tokio::sync::{Semaphore, mpsc};

use super::capture::{Span, Told};
use super::telling;

/// Serves a method that reports nothing itself. Its server does.
async fn back() -> String {
    let server = Server::builder().method("back", || async { 1 }).telemetry(Telemetry::default()).build();
    format!("http://{}", serve(&server).await)
}

/// Builds a server with a method that calls the next server.
fn front(back: &str) -> ServerBuilder {
    let client = telling(back).build().unwrap();
    let call = move || {
        let client = client.clone();
        async move { client.call::<i32>("back", ()).readonly().await.unwrap() + 1 }
    };
    Server::builder().method("front", call).telemetry(Telemetry::default())
}

/// Asserts that each of these spans is a child of the one before, all in one trace. Returns the trace.
#[track_caller]
fn in_a_row(spans: &[Span]) -> String {
    for pair in spans.windows(2) {
        assert_eq!(pair[1].fields.get("parent_id"), pair[0].fields.get("span_id"), "{pair:#?}");
        assert_eq!(pair[1].fields.get("trace_id"), pair[0].fields.get("trace_id"), "{pair:#?}");
        assert_ne!(pair[1].fields.get("span_id"), pair[0].fields.get("span_id"), "{pair:#?}");
    }
    spans[0].fields.get("trace_id").unwrap().to_owned()
}

const HOPS: [&str; 6] =
    ["rpc.client", "rpc.client.attempt", "rpc.server", "rpc.client", "rpc.client.attempt", "rpc.server"];

#[tokio::test]
async fn a_trace_goes_through_two_services_with_all_its_spans_in_a_row() {
    let (told, _guard) = Told::begin();
    let front = serve(&front(&back().await).build()).await;
    let client = telling(&format!("http://{front}")).build().unwrap();
    assert_eq!(client.call::<i32>("front", ()).await.unwrap(), 2);
    let spans = told.spans();
    assert_eq!(spans.iter().map(|span| span.name).collect::<Vec<_>>(), HOPS);
    let first = in_a_row(&spans);
    assert_eq!(spans[0].fields.get("parent_id"), None);
    assert!(spans.iter().all(|span| span.closed));
    // In `tracing` too, the client's spans are children of each other and of the handler's span.
    let tracing_parents: Vec<_> = spans.iter().map(|span| span.parent.is_some()).collect();
    assert_eq!(tracing_parents, [false, true, false, true, true, false]);
    // The next call starts another trace.
    assert_eq!(client.call::<i32>("front", ()).await.unwrap(), 2);
    assert_ne!(in_a_row(&told.spans()[6..]), first);
}

#[tokio::test]
async fn what_a_handler_spawns_in_its_scope_continues_its_trace() {
    let (told, _guard) = Told::begin();
    let client = telling(&back().await).build().unwrap();
    let call = move |cx: Context| {
        let client = client.clone();
        async move {
            tokio::spawn(cx.scope(client.call::<i32>("back", ()).readonly().into_future())).await.unwrap().unwrap()
        }
    };
    let front = serve(&Server::builder().method("front", call).telemetry(Telemetry::default()).build()).await;
    let client = telling(&format!("http://{front}")).build().unwrap();
    client.call::<i32>("front", ()).await.unwrap();
    let spans = told.spans();
    assert_eq!(spans.iter().map(|span| span.name).collect::<Vec<_>>(), HOPS);
    in_a_row(&spans);
    assert!(spans[3].parent.is_some(), "for `tracing`, too");
}

#[tokio::test]
async fn the_calls_of_each_entry_of_a_batch_continue_that_entry() {
    let (told, _guard) = Told::begin();
    let front = front(&back().await).build();
    let client = Client::builder().in_process(&front).telemetry(Telemetry::default()).build().unwrap();
    let calls = (client.call::<i32>("front", ()), client.call::<i32>("front", ()));
    let (first, second) = client.batch(calls).await.unwrap();
    assert_eq!((first.unwrap(), second.unwrap()), (2, 2));
    let (batch, attempt) = (told.named("rpc.client.batch").remove(0), told.named("rpc.client.attempt").remove(0));
    assert_eq!(batch.fields.get("rpc.batch.size"), Some("2"));
    let of = |name: &str, parent: &Span| {
        let spans = told.named(name).into_iter();
        spans.filter(|span| span.fields.get("parent_id") == parent.fields.get("span_id")).collect::<Vec<_>>()
    };
    let entries = of("rpc.server", &attempt);
    assert_eq!(entries.len(), 2);
    for entry in entries {
        let [call] = &of("rpc.client", &entry)[..] else { panic!("one call each: {:#?}", told.spans()) };
        let [sent] = &of("rpc.client.attempt", call)[..] else { panic!("one attempt each") };
        let [behind] = &of("rpc.server", sent)[..] else { panic!("one call behind each") };
        in_a_row(&[batch.clone(), attempt.clone(), entry, call.clone(), sent.clone(), behind.clone()]);
    }
}

#[tokio::test]
async fn a_handler_that_goes_on_without_its_caller_stays_in_its_trace() {
    let (told, _guard) = Told::begin();
    let client = telling(&back().await).build().unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let (began, mut begun) = mpsc::unbounded_channel();
    let (ended, mut end) = mpsc::unbounded_channel();
    let opened = Arc::clone(&gate);
    let write = move |cx: Context| {
        let (client, gate, began, ended) = (client.clone(), Arc::clone(&opened), began.clone(), ended.clone());
        async move {
            began.send(()).unwrap();
            cx.cancelled().await;
            gate.acquire().await.unwrap().forget();
            client.call::<i32>("back", ()).readonly().await.unwrap();
            ended.send(cx.trace().cloned()).unwrap();
        }
    };
    let server = Server::builder().method("write", write).telemetry(Telemetry::default()).build();
    let mut connection = Connection::open(serve(&server).await).await;
    let parent = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    connection.send(&post_with(&[parent], r#"{"jsonrpc":"2.0","method":"write","id":1}"#)).await;
    begun.recv().await.unwrap();
    drop(connection);
    gate.add_permits(1);
    let trace = end.recv().await.unwrap().unwrap();
    assert!(!trace.is_sampled());
    let spans = told.spans();
    assert_eq!(spans.iter().map(|span| span.name).collect::<Vec<_>>(), HOPS[2..]);
    assert_eq!(in_a_row(&spans), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(spans[0].fields.get("span_id"), Some(&*trace.span_id().to_string()));
}

#[rpc::service(namespace = "ledger")]
trait Ledger {
    #[rpc(readonly, blocking)]
    fn trace(&self) -> Option<String>;
}

struct Books;

impl Ledger for Books {
    fn trace(&self) -> Option<String> {
        TraceContext::current().map(|trace| trace.trace_id().to_string())
    }
}

#[tokio::test]
async fn a_method_that_blocks_its_thread_stays_in_its_trace() {
    let server = Server::builder().service(LedgerServer::new(Books)).telemetry(Telemetry::default()).build();
    let ledger = LedgerClient::new(Client::in_process(&server));
    let trace = TraceContext::new();
    let call = ledger.trace().header("traceparent", format!("00-{}-{}-01", trace.trace_id(), trace.span_id()));
    assert_eq!(call.await.unwrap(), Some(trace.trace_id().to_string()));
}

#[tokio::test]
async fn a_method_stays_in_its_trace_in_a_task_that_a_layer_spawns() {
    let spawn = |request: Request, next: Next| async move { tokio::spawn(next.run(request)).await.unwrap() };
    let server = Server::builder()
        .service(LedgerServer::new(Books))
        .method("trace", || async { TraceContext::current().map(|trace| trace.trace_id().to_string()) })
        .layer(from_fn(spawn))
        .telemetry(Telemetry::default())
        .build();
    let trace = TraceContext::new();
    let client = Client::in_process(&server);
    for method in ["trace", "ledger.trace"] {
        let call = client.call::<Option<String>>(method, ());
        let call = call.header("traceparent", format!("00-{}-{}-01", trace.trace_id(), trace.span_id()));
        assert_eq!(call.await.unwrap(), Some(trace.trace_id().to_string()), "{method}");
    }
}

#[tokio::test]
async fn a_notification_continues_its_trace() {
    let (told, _guard) = Told::begin();
    let client = Client::builder().in_process(&front(&back().await).build()).telemetry(Telemetry::default());
    client.build().unwrap().notify("front", ()).await.unwrap();
    assert_eq!(told.spans().iter().map(|span| span.name).collect::<Vec<_>>(), HOPS);
    in_a_row(&told.spans());
}

#[tokio::test]
async fn a_task_continues_a_trace_that_it_takes_along() {
    let (told, _guard) = Told::begin();
    let back = telling(&back().await).build().unwrap();
    let spawn = move |cx: Context| {
        let back = back.clone();
        async move {
            let call = async move { back.call::<i32>("back", ()).readonly().await.unwrap() };
            tokio::spawn(cx.trace().unwrap().clone().in_scope(call)).await.unwrap()
        }
    };
    let server = Server::builder().method("spawn", spawn).telemetry(Telemetry::default()).build();
    Client::in_process(&server).call::<i32>("spawn", ()).await.unwrap();
    assert_eq!(told.spans().iter().map(|span| span.name).collect::<Vec<_>>(), HOPS[2..]);
    in_a_row(&told.spans());
}

#[tokio::test]
async fn a_trace_that_was_entered_is_continued_and_its_baggage_arrives() {
    let (_told, _guard) = Told::begin();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let see = move |cx: Context| {
        note.lock().unwrap().push(cx.trace().cloned().unwrap());
        async {}
    };
    let last = Server::builder().method("last", see).telemetry(Telemetry::default()).build();
    let client = telling(&format!("http://{}", serve(&last).await)).build().unwrap();
    let pass = move || {
        let client = client.clone();
        async move { client.call::<()>("last", ()).await.unwrap() }
    };
    let first = Server::builder().method("first", pass).telemetry(Telemetry::default()).build();
    let client = telling(&format!("http://{}", serve(&first).await)).build().unwrap();
    let trace = TraceContext::new().with_baggage("tenant", "a, b").unwrap();
    trace.clone().in_scope(client.call::<()>("first", ()).into_future()).await.unwrap();
    let seen = seen.lock().unwrap().pop().unwrap();
    assert_eq!(seen.trace_id(), trace.trace_id());
    assert_eq!(seen.baggage("tenant").as_deref(), Some("a, b"));
}
