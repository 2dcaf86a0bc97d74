//! A fallback that answers calls of unknown methods.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc::auth::Bearer;
use rpc::health::Health;
use rpc::middleware::{self, Next, Request};
use rpc::{Client, Context, ErrorObject, Limits, Params, Principal, RpcError, Server, ServerBuilder};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use support::raw_http::{exchange, post, post_with};
use support::{clients_of, panic_of, serve};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;
use uuid::Uuid;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("no {0} here")]
#[rpc(code = 1001)]
struct Missing(String);

/// Answers with the method and the params of the call.
async fn tell(params: Params, cx: Context) -> Result<Value, Missing> {
    match cx.method() {
        "missing" => Err(Missing(cx.method().to_owned())),
        name => Ok(json!({ "name": name, "params": params.as_json() })),
    }
}

fn builder() -> ServerBuilder {
    Server::builder().method("ping", || async { "pong" }).fallback(tell)
}

#[tokio::test]
async fn it_answers_what_no_method_does_alone_and_in_batches() {
    for (name, client) in clients_of(&builder().build()).await {
        assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong", "{name}");
        let told = json!({ "name": "sum", "params": "[1,2]" });
        assert_eq!(client.call::<Value>("sum", [1, 2]).await.unwrap(), told, "{name}");
        let error = client.call::<Value>("missing", ()).await.unwrap_err();
        assert!(error.to_string().contains("no missing here"), "{name}: {error}");
        let batch = client.batch((
            client.call::<String>("ping", ()),
            client.call::<Value>("sum", [1, 2]),
            client.call::<Value>("a.b", ()),
        ));
        let (pong, sum, other) = batch.await.unwrap();
        assert_eq!((pong.unwrap(), sum.unwrap()), ("pong".to_owned(), told), "{name}");
        assert_eq!(other.unwrap()["name"], "a.b", "{name}");
    }
}

#[tokio::test]
async fn params_and_results_may_be_raw() {
    let server = Server::builder()
        .fallback(|params: Params| async move {
            let text = params.as_json().unwrap_or("null").to_owned();
            RawValue::from_string(text).map_err(|_| ErrorObject::internal())
        })
        .build();
    let addr = serve(&server).await;
    for (params, result) in [(r#","params":{"a": 1.50}"#, r#"{"a": 1.50}"#), ("", "null")] {
        let reply = exchange(addr, &post(format!(r#"{{"jsonrpc":"2.0","method":"m"{params},"id":1}}"#))).await;
        assert_eq!(reply.text(), format!(r#"{{"jsonrpc":"2.0","result":{result},"id":1}}"#));
    }
}

#[tokio::test]
async fn names_that_are_reserved_never_get_to_it() {
    let log = middleware::from_fn(|request: Request, next: Next| next.run(request));
    for server in [builder().health(Health::new()).build(), builder().health(Health::new()).layer(log).build()] {
        let client = Client::in_process(&server);
        assert_eq!(client.call::<Value>("rpc.health", ()).await.unwrap()["status"], "ready");
        let error = client.call::<Value>("rpc.discover", ()).await.unwrap_err();
        assert!(error.to_string().contains("-32601"), "{error}");
        assert_eq!(client.call::<Value>("rpcx", ()).await.unwrap()["name"], "rpcx");
    }
}

#[tokio::test]
async fn a_call_runs_once_under_its_key_and_a_key_belongs_to_one_name() {
    for layered in [false, true] {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let mut builder = Server::builder().fallback(move |cx: Context| {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            async move { Ok::<_, ErrorObject>(format!("{} {run}", cx.method())) }
        });
        if layered {
            builder = builder.layer(middleware::from_fn(|request: Request, next: Next| next.run(request)));
        }
        for (name, client) in clients_of(&builder.build()).await {
            runs.store(0, Ordering::Relaxed);
            let key = Uuid::new_v4();
            for _ in 0..2 {
                let told = client.call::<String>("pay", ()).idempotency_key(key).await.unwrap();
                assert_eq!(told, "pay 0", "{name}");
            }
            let error = client.call::<String>("refund", ()).idempotency_key(key).await.unwrap_err();
            assert!(error.to_string().contains("-32096"), "{name}: {error}");
            assert_eq!(runs.load(Ordering::Relaxed), 1, "{name}");
        }
    }
}

#[tokio::test]
async fn layers_see_its_calls_under_their_names_and_as_unknown() {
    let (seen, mut sees) = unbounded_channel();
    let layer = middleware::from_fn(move |request: Request, next: Next| {
        seen.send((request.method().to_owned(), request.is_known())).unwrap();
        next.run(request)
    });
    let client = Client::in_process(&builder().layer(layer).build());
    client.call::<Value>("sum", ()).await.unwrap();
    client.call::<Value>("ping", ()).await.unwrap();
    client.notify("gone", ()).await.unwrap();
    for name in ["sum", "ping", "gone"] {
        assert_eq!(sees.recv().await.unwrap(), (name.to_owned(), name == "ping"));
    }
}

#[tokio::test(start_paused = true)]
async fn its_time_and_its_calls_are_limited() {
    let hang = |_: Params| std::future::pending::<Result<(), ErrorObject>>();
    let limits = Limits::default().handler_timeout(Duration::from_secs(7));
    let client = Client::in_process(&Server::builder().limits(limits).fallback(hang).build());
    let error = client.call::<()>("slow", ()).await.unwrap_err();
    assert!(error.to_string().contains("-32093"), "{error}");

    let limits = Limits::default().max_calls_in_flight(0);
    let client = Client::builder().retry(rpc::Retry::never());
    let server = Server::builder().limits(limits).fallback(tell).build();
    let reply = client.in_process(&server).build().unwrap().call::<()>("any", ()).await.unwrap_err();
    assert!(reply.to_string().contains("-32092"), "{reply}");
}

#[tokio::test]
async fn callers_are_known_to_it() {
    let server = Server::builder()
        .authenticate(Bearer::new().token("s3cr3t", Principal::new("ada")))
        .fallback(|cx: Context| async move {
            Ok::<_, ErrorObject>(cx.principal().map(|principal| principal.subject().to_owned()))
        })
        .build();
    let addr = serve(&server).await;
    let call = r#"{"jsonrpc":"2.0","method":"who","id":1}"#;
    let reply = exchange(addr, &post_with(&[("authorization", "Bearer s3cr3t")], call)).await;
    assert_eq!(reply.json::<Value>()["result"], "ada");
    assert_eq!(exchange(addr, &post_with(&[("authorization", "Bearer wrong")], call)).await.status, 401);
}

#[tokio::test]
async fn its_calls_may_have_effects_and_go_on_without_their_callers() {
    let (begins, mut begun) = unbounded_channel();
    let server = Server::builder()
        .fallback(move |_: Params| {
            let (end, ends) = oneshot::channel::<()>();
            let (done, is_done) = oneshot::channel::<()>();
            begins.send((end, is_done)).unwrap();
            async move {
                let _ = ends.await;
                let _ = done.send(());
                Ok::<_, ErrorObject>(())
            }
        })
        .build();
    let client = Client::in_process(&server);
    let call = tokio::spawn(client.call::<()>("pay", ()).into_future());
    let (end, is_done) = begun.recv().await.unwrap();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    end.send(()).unwrap();
    is_done.await.unwrap();
}

#[test]
fn a_description_does_not_list_it() {
    let server = builder().openrpc(rpc::openrpc::Info::new("Test", "1.0.0")).build();
    let document = server.openrpc().unwrap().to_string();
    assert!(document.contains("ping") && !document.contains("_OTHER"), "{document}");
}

#[test]
fn there_is_only_one() {
    let (message, _) = panic_of(|| builder().fallback(tell));
    assert_eq!(message, "fallback: there is one already, and there can be only one");
}
