//! The spans of servers' calls.

use std::sync::Arc;

use futures_util::FutureExt;
use rpc::{Client, ErrorObject, Limits, Server, ServerBuilder, Telemetry};
use serde_json::json;
use support::raw_http::{Connection, exchange, post, post_with};
use support::serve;
use tokio::sync::{Semaphore, mpsc};
use tracing::info;

use super::capture::{Told, until};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn server() -> ServerBuilder {
    Server::builder()
        .method("ping", || async { "pong" })
        .try_method("fail", || async { Err::<(), _>(ErrorObject::new(1001, "sold out")) })
        .method("explode", || async {
            if true {
                panic!("of the handler")
            }
        })
        .telemetry(Telemetry::default())
}

#[tokio::test]
async fn a_call_has_a_span_with_the_names_of_opentelemetry() {
    let (told, _guard) = Told::begin();
    let addr = serve(&server().build()).await;
    let body = r#"{"jsonrpc":"2.0","method":"ping","id":"seven"}"#;
    let answer = exchange(addr, &post_with(&[("traceparent", PARENT)], body)).await;
    assert_eq!(answer.status, 200);
    let [span] = &told.spans()[..] else { panic!("{:?}", told.spans()) };
    assert_eq!((span.name, span.target, span.closed), ("rpc.server", "rpc::server", true));
    for (name, value) in [
        ("otel.name", "ping"),
        ("otel.kind", "server"),
        ("rpc.system.name", "jsonrpc"),
        ("rpc.method", "ping"),
        ("jsonrpc.protocol.version", "2.0"),
        ("jsonrpc.request.id", "seven"),
        ("network.peer.address", "127.0.0.1"),
        ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("parent_id", "00f067aa0ba902b7"),
    ] {
        assert_eq!(span.fields.get(name), Some(value), "{name}");
    }
    assert_eq!(span.fields.get("span_id").unwrap().len(), 16);
    for name in ["rpc.status_code", "error.type", "otel.status_code", "rpc.method_original"] {
        assert_eq!(span.fields.get(name), None, "{name}");
    }
}

#[tokio::test]
async fn each_entry_of_a_batch_has_a_span_of_its_own() {
    let (told, _guard) = Told::begin();
    let client = Client::in_process(&server().build());
    let (ping, fail) = (client.call::<String>("ping", ()), client.call::<()>("fail", ()));
    let (ping, fail, sent) = client.batch((ping, fail, client.notify("ping", ()))).await.unwrap();
    assert!(ping.is_ok() && fail.is_err() && sent.is_ok());
    let spans = told.spans();
    let methods: Vec<_> = spans.iter().map(|span| span.fields.get("rpc.method").unwrap()).collect();
    assert_eq!(methods, ["ping", "fail", "ping"]);
    let ids: Vec<_> = spans.iter().map(|span| span.fields.get("jsonrpc.request.id").is_some()).collect();
    assert_eq!(ids, [true, true, false]);
    assert!(spans.iter().all(|span| span.closed));
    assert!(spans.iter().all(|span| span.fields.get("network.peer.address").is_none()));
}

#[tokio::test]
async fn a_failed_call_has_its_code_on_its_span() {
    let (told, _guard) = Told::begin();
    let client = Client::in_process(&server().build());
    for (method, code) in [("fail", "1001"), ("explode", "-32603")] {
        client.call::<()>(method, ()).await.unwrap_err();
        let span = told.spans().pop().unwrap();
        assert_eq!(span.fields.get("rpc.method"), Some(method));
        assert_eq!(span.fields.get("rpc.status_code"), Some(code));
        assert_eq!(span.fields.get("error.type"), Some(code));
        assert_eq!(span.fields.get("otel.status_code"), Some("ERROR"));
    }
    client.call::<()>("ping", json!({ "unknown": 1 })).await.unwrap_err();
    assert_eq!(told.spans().pop().unwrap().fields.get("rpc.status_code"), Some("-32602"));
}

#[tokio::test]
async fn a_method_that_there_is_not_keeps_its_name_apart() {
    let (told, _guard) = Told::begin();
    let mut limits = Limits::default();
    limits.max_method_bytes = 2000;
    let client = Client::in_process(&server().limits(limits).build());
    let name = "ü".repeat(1000);
    client.call::<()>(name.clone(), ()).await.unwrap_err();
    let [span] = &told.spans()[..] else { panic!("{:?}", told.spans()) };
    assert_eq!(span.fields.get("rpc.method"), Some("_OTHER"));
    assert_eq!(span.fields.get("otel.name"), Some("jsonrpc"));
    assert_eq!(span.fields.get("rpc.method_original"), Some(&*"ü".repeat(256)));
    assert_eq!(span.fields.get("rpc.status_code"), Some("-32601"));
}

#[tokio::test]
async fn what_is_no_call_has_a_span_too() {
    let (told, _guard) = Told::begin();
    let addr = serve(&server().build()).await;
    let answer = exchange(addr, &post(r#"[{"jsonrpc":"1.0","method":"ping","id":null},{"id":3}]"#)).await;
    assert_eq!(answer.status, 200);
    let spans = told.spans();
    assert_eq!(spans.len(), 2);
    for span in spans {
        assert_eq!(span.fields.get("rpc.method"), Some("_OTHER"));
        assert_eq!(span.fields.get("rpc.method_original"), None);
        assert_eq!(span.fields.get("rpc.status_code"), Some("-32600"));
    }
}

#[tokio::test]
async fn an_expired_call_has_a_span_although_nothing_runs() {
    let (told, _guard) = Told::begin();
    let addr = serve(&server().build()).await;
    let call = r#"{"jsonrpc":"2.0","method":"ping","id":1}"#;
    assert_eq!(exchange(addr, &post_with(&[("rpc-timeout-ms", "0")], call)).await.header("rpc-status"), Some("-32095"));
    assert_eq!(told.spans().pop().unwrap().fields.get("rpc.status_code"), Some("-32095"));
}

#[tokio::test]
async fn a_handler_is_in_its_span_whenever_it_is_polled_and_nobody_else_is() {
    let (told, _guard) = Told::begin();
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let server = server().method("wait", move || {
        info!("begun");
        let gate = Arc::clone(&opened);
        async move {
            gate.acquire().await.unwrap().forget();
            info!("woken");
        }
    });
    let client = Client::in_process(&server.build());
    let both = client.batch((client.call::<()>("wait", ()), client.call::<()>("wait", ())));
    let wake = async {
        tokio::task::yield_now().await;
        info!("between");
        gate.add_permits(2);
    };
    let (both, ()) = tokio::join!(both, wake);
    assert!(both.is_ok_and(|(first, second)| first.is_ok() && second.is_ok()));
    assert_eq!(told.span_of("between").map(|span| span.name), None);
    let in_spans: Vec<_> =
        told.logs().iter().map(|log| (log.fields.get("message").unwrap().to_owned(), log.span)).collect();
    let of =
        |message: &str| in_spans.iter().filter(|(said, _)| said == message).map(|(_, span)| *span).collect::<Vec<_>>();
    assert_eq!(of("begun"), [Some(0), Some(1)]);
    assert_eq!(of("woken"), [Some(0), Some(1)]);
}

#[tokio::test]
async fn a_handler_that_goes_on_without_its_caller_stays_in_its_span() {
    let (told, _guard) = Told::begin();
    let (gate, (began, mut begun), (ended, mut end)) =
        (Arc::new(Semaphore::new(0)), mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let opened = Arc::clone(&gate);
    let server = server().method("write", move || {
        let (gate, began, ended) = (Arc::clone(&opened), began.clone(), ended.clone());
        async move {
            began.send(()).unwrap();
            gate.acquire().await.unwrap().forget();
            info!("written");
            ended.send(()).unwrap();
        }
    });
    let addr = serve(&server.build()).await;
    let mut connection = Connection::open(addr).await;
    connection.send(&post(r#"{"jsonrpc":"2.0","method":"write","id":1}"#)).await;
    begun.recv().await.unwrap();
    drop(connection);
    // By the time the server has noticed, it has detached the handler. Otherwise the handler would be dropped without a
    // log line.
    until(|| told.text().contains("connection ended")).await;
    gate.add_permits(1);
    end.recv().await.unwrap();
    let span = told.span_of("written").unwrap();
    assert_eq!((span.name, span.fields.get("rpc.method")), ("rpc.server", Some("write")));
    until(|| told.spans()[0].closed).await;
    assert_eq!(told.spans()[0].fields.get("error.type"), None);
}

#[tokio::test]
async fn a_call_that_is_dropped_with_its_request_was_cancelled() {
    #[rpc::service]
    trait Reads {
        #[rpc(readonly)]
        async fn read(&self);
    }
    struct Reader;
    impl Reads for Reader {
        async fn read(&self) {
            std::future::pending().await
        }
    }
    let (told, _guard) = Told::begin();
    let server = server().service(ReadsServer::new(Reader)).build();
    let reads = ReadsClient::new(Client::in_process(&server));
    let mut call = Box::pin(reads.read().into_future());
    assert!((&mut call).now_or_never().is_none());
    assert_eq!(told.spans()[0].fields.get("error.type"), None);
    drop(call);
    let [span] = &told.spans()[..] else { panic!("{:?}", told.spans()) };
    assert_eq!((span.fields.get("error.type"), span.closed), (Some("cancelled"), true));
}

#[tokio::test]
async fn a_server_that_is_told_nothing_tells_nothing() {
    let (told, _guard) = Told::begin();
    let server = Server::builder().method("ping", || async { rpc::TraceContext::current().is_none() }).build();
    assert!(Client::in_process(&server).call::<bool>("ping", ()).await.unwrap());
    let mut telemetry = Telemetry::default();
    telemetry.spans = false;
    let server = Server::builder().method("ping", |cx: rpc::Context| async move { cx.trace().is_none() });
    let client = Client::in_process(&server.telemetry(telemetry).build());
    assert!(client.call::<bool>("ping", ()).await.unwrap());
    assert!(told.spans().is_empty());
}
