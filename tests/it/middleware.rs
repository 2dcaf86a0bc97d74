//! Layers around calls: what passes through them, in which order, and what they may do.

mod from_fn;
mod lives;
mod panics;
mod refusals;
mod tower;

use std::sync::{Arc, Mutex};

use rpc::middleware::{CallLayer, Next, Request, Response, from_fn};
use rpc::{Client, Server};
use serde_json::{Value, json};
use support::raw_http::{exchange, post};
use support::{clients_of, serve};

#[rpc::service(namespace = "probe")]
trait Probe {
    #[rpc(readonly)]
    async fn get(&self, id: u64) -> u64;
    #[rpc(alias = "write")]
    async fn set(&self, id: u64) -> u64;
    /// A synchronous method, whose future needs no box.
    fn now(&self) -> u64;
}

#[rpc::service(namespace = "other")]
trait Other {
    async fn get(&self) -> u64;
}

#[derive(Clone)]
struct Echo;

impl Probe for Echo {
    async fn get(&self, id: u64) -> u64 {
        tokio::task::yield_now().await;
        id
    }
    async fn set(&self, id: u64) -> u64 {
        id
    }
    fn now(&self) -> u64 {
        7
    }
}

impl Other for Echo {
    async fn get(&self) -> u64 {
        8
    }
}

/// Records what passes through its layers, on the way in and on the way out.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn layer(&self, name: &'static str) -> impl CallLayer + use<> {
        let log = self.clone();
        from_fn(move |request: Request, next: Next| {
            let log = log.clone();
            async move {
                let kind = if request.is_notification() { "note" } else { "call" };
                let method = request.method().to_owned();
                log.push(format!("{name}> {kind} {method} {}", request.params().unwrap_or("-")));
                let response = next.run(request).await;
                log.push(format!("<{name} {method} {}", show(&response)));
                response
            }
        })
    }

    fn push(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Takes the records in alphabetical order, because the entries of a batch run concurrently.
    fn sorted(&self) -> Vec<String> {
        let mut lines = self.take();
        lines.sort();
        lines
    }
}

fn show(response: &Response) -> String {
    match response.error_object() {
        Some(error) => error.code().to_string(),
        None => response.result_json().unwrap().to_owned(),
    }
}

fn probe(log: &Log) -> Server {
    Server::builder().service(ProbeServer::new(Echo)).layer(log.layer("a")).build()
}

#[tokio::test]
async fn a_call_passes_once_whichever_way_it_comes() {
    let log = Log::default();
    for (name, client) in clients_of(&probe(&log)).await {
        let probe = ProbeClient::new(client);
        assert_eq!(probe.get(5).await.unwrap(), 5, "{name}");
        assert_eq!(log.take(), [r#"a> call probe.get {"id":5}"#, "<a probe.get 5"], "{name}");
        assert_eq!(probe.now().await.unwrap(), 7, "{name}");
        assert_eq!(log.take(), ["a> call probe.now -", "<a probe.now 7"], "{name}");
    }
}

#[tokio::test]
async fn each_entry_of_a_batch_passes_once() {
    let log = Log::default();
    for (name, client) in clients_of(&probe(&log)).await {
        let probe = ProbeClient::new(client.clone());
        let unknown = client.call::<Value>("probe.none", ());
        let calls = (probe.get(1), probe.get(2), probe.set(3).notify(), unknown);
        let (one, two, note, unknown) = client.batch(calls).await.unwrap();
        assert_eq!((one.unwrap(), two.unwrap()), (1, 2), "{name}");
        note.unwrap();
        assert!(unknown.is_err(), "{name}");
        let expected = [
            "<a probe.get 1",
            "<a probe.get 2",
            "<a probe.none -32601",
            "<a probe.set 3",
            r#"a> call probe.get {"id":1}"#,
            r#"a> call probe.get {"id":2}"#,
            "a> call probe.none -",
            r#"a> note probe.set {"id":3}"#,
        ];
        assert_eq!(log.sorted(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_notification_passes_with_its_result_though_nobody_is_told() {
    let log = Log::default();
    for (name, client) in clients_of(&probe(&log)).await {
        // A WebSocket has no answer to a notification for which the client could wait.
        if name == "WebSocket" {
            continue;
        }
        ProbeClient::new(client).set(5).notify().await.unwrap();
        assert_eq!(log.take(), [r#"a> note probe.set {"id":5}"#, "<a probe.set 5"], "{name}");
    }
}

#[tokio::test]
async fn messages_that_are_no_calls_do_not_pass() {
    let log = Log::default();
    let addr = serve(&probe(&log)).await;
    for body in ["{", "[]", r#"{"method":"probe.get"}"#, r#"[{"jsonrpc":"2.0","method":1,"id":1}]"#] {
        exchange(addr, &post(body)).await;
    }
    assert!(log.take().is_empty());
}

#[tokio::test]
async fn params_that_do_not_fit_are_seen_to_fail() {
    let log = Log::default();
    let client = Client::in_process(&probe(&log));
    client.call::<Value>("probe.get", json!(["x"])).await.unwrap_err();
    assert_eq!(log.take(), [r#"a> call probe.get ["x"]"#, "<a probe.get -32602"]);
}

#[tokio::test]
async fn an_alias_has_the_methods_own_name() {
    let log = Log::default();
    let client = Client::in_process(&probe(&log));
    assert_eq!(client.call::<u64>("probe.write", [5]).await.unwrap(), 5);
    assert_eq!(log.take(), ["a> call probe.set [5]", "<a probe.set 5"]);
}

#[tokio::test]
async fn layers_of_the_server_come_first_then_those_of_the_service_then_those_of_the_method() {
    let log = Log::default();
    let server = Server::builder()
        .method_layer("probe.get", log.layer("method 1"))
        .layer(log.layer("server 1"))
        .service(ProbeServer::new(Echo).layer(log.layer("service 1")).layer(log.layer("service 2")))
        .method_layer("probe.get", log.layer("method 2"))
        .layer(log.layer("server 2"))
        .build();
    let client = Client::in_process(&server);
    assert_eq!(ProbeClient::new(client).get(5).await.unwrap(), 5);
    let names = ["server 1", "server 2", "service 1", "service 2", "method 1", "method 2"];
    let inwards = names.iter().map(|name| format!("{name}> call probe.get {{\"id\":5}}"));
    let outwards = names.iter().rev().map(|name| format!("<{name} probe.get 5"));
    assert_eq!(log.take(), inwards.chain(outwards).collect::<Vec<_>>());
}

#[tokio::test]
async fn layers_of_a_service_see_its_calls_alone_and_those_of_a_method_its_own() {
    let log = Log::default();
    let server = Server::builder()
        .service(ProbeServer::new(Echo).layer(log.layer("service")))
        .service(OtherServer::new(Echo))
        .method("ping", || async { "pong" })
        .method_layer("ping", log.layer("ping"))
        .build();
    let client = Client::in_process(&server);
    let (probe, other) = (ProbeClient::new(client.clone()), OtherClient::new(client.clone()));
    let (got, answer, pong) = client.batch((probe.now(), other.get(), client.call::<Value>("ping", ()))).await.unwrap();
    assert_eq!((got.unwrap(), answer.unwrap(), pong.unwrap()), (7, 8, json!("pong")));
    client.call::<Value>("none", ()).await.unwrap_err();
    let expected = ["<ping ping \"pong\"", "<service probe.now 7", "ping> call ping -", "service> call probe.now -"];
    assert_eq!(log.sorted(), expected);
}

#[tokio::test]
async fn layers_of_a_server_see_methods_that_it_does_not_have() {
    let log = Log::default();
    let noted = log.clone();
    let server = Server::builder()
        .service(ProbeServer::new(Echo))
        .layer(from_fn(move |request: Request, next: Next| {
            noted.push(format!("{} {} {}", request.method(), request.context().method(), request.is_known()));
            next.run(request)
        }))
        .build();
    let client = Client::in_process(&server);
    let error = client.call::<Value>("no such", json!({ "a": 1 })).await.unwrap_err();
    assert!(matches!(error, rpc::Error::Rpc(error) if error == rpc::ErrorObject::method_not_found()));
    assert_eq!(ProbeClient::new(client).now().await.unwrap(), 7);
    assert_eq!(log.take(), ["no such no such false", "probe.now probe.now true"]);
}

#[tokio::test]
async fn answers_have_the_calls_own_ids() {
    let addr = serve(&probe(&Log::default())).await;
    for id in ["7", "\"seven\"", "1e30", "null", "-0.5"] {
        let reply = exchange(addr, &post(format!(r#"{{"jsonrpc":"2.0","method":"probe.now","id":{id}}}"#))).await;
        assert_eq!(reply.text(), format!(r#"{{"jsonrpc":"2.0","result":7,"id":{id}}}"#));
    }
}

#[test]
#[should_panic(expected = "method_layer: there is no method \"prob.get\"")]
fn a_layer_of_a_method_that_there_is_not_is_refused() {
    let log = Log::default();
    Server::builder().service(ProbeServer::new(Echo)).method_layer("prob.get", log.layer("a")).build();
}
