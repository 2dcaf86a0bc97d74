//! What a handler can read about its call.

use std::net::SocketAddr;

use rpc::{Client, Context, Id, Server};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use support::raw_http::{exchange, post};
use support::{client_of, clients_of, serve};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a handler read about its call.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    method: String,
    id: Option<Value>,
    tenant: Option<String>,
    peer: Option<SocketAddr>,
}

impl Seen {
    fn of(cx: &Context) -> Self {
        Self {
            method: cx.method().to_owned(),
            id: cx.id().map(|id: &Id| serde_json::to_value(id).unwrap()),
            tenant: cx.headers().get("x-tenant").map(|tenant| tenant.to_str().unwrap().to_owned()),
            peer: cx.peer_addr(),
        }
    }
}

#[rpc::service(namespace = "see")]
trait Seeing {
    #[rpc(alias = "behold", alias = "espy")]
    async fn look(&self, #[rpc(context)] cx: &Context) -> Seen;
    fn glance(&self, number: u8, #[rpc(context)] cx: &Context, text: String) -> (u8, String, Seen);
    async fn tell(&self, #[rpc(context)] cx: &Context, text: Option<String>);
    async fn describe(&self, #[rpc(context)] cx: &Context) -> (String, usize);
}

struct Eyes(UnboundedSender<Seen>);

impl Seeing for Eyes {
    async fn look(&self, cx: &Context) -> Seen {
        // The context is still available after the handler has waited.
        tokio::task::yield_now().await;
        Seen::of(cx)
    }
    fn glance(&self, number: u8, cx: &Context, text: String) -> (u8, String, Seen) {
        (number, text, Seen::of(cx))
    }
    async fn tell(&self, cx: &Context, _: Option<String>) {
        self.0.send(Seen::of(cx)).unwrap();
    }
    async fn describe(&self, cx: &Context) -> (String, usize) {
        (cx.spec().name.to_string(), cx.spec().params.len())
    }
}

fn server() -> (Server, UnboundedReceiver<Seen>) {
    let (told, tells) = unbounded_channel();
    (Server::builder().service(SeeingServer::new(Eyes(told))).build(), tells)
}

#[tokio::test]
async fn a_handler_sees_method_id_and_headers() {
    for (way, client) in clients_of(&server().0).await {
        let seeing = SeeingClient::new(client);
        let first = seeing.look().header("x-tenant", "a").await.unwrap();
        let (number, text, second) = seeing.glance(7, "text").await.unwrap();
        assert_eq!((number, text.as_str()), (7, "text"));
        assert_eq!((first.method.as_str(), second.method.as_str()), ("see.look", "see.glance"), "{way}");
        assert_eq!((first.tenant.as_deref(), second.tenant.as_deref()), (Some("a"), None), "{way}");
        assert!(first.id.is_some() && second.id.is_some() && first.id != second.id, "{way}");
    }
}

#[tokio::test]
async fn a_handler_sees_the_peers_address_where_there_is_one() {
    for (way, client) in clients_of(&server().0).await {
        let peer = SeeingClient::new(client).look().await.unwrap().peer;
        assert_eq!(peer.map(|peer| peer.ip().is_loopback()), (way != "in process").then_some(true), "{way}");
    }
}

#[tokio::test]
async fn a_notification_has_no_id_alone_and_in_a_batch() {
    let (server, mut tells) = server();
    for (way, client) in clients_of(&server).await {
        let seeing = SeeingClient::new(client.clone());
        seeing.tell(None).header("x-tenant", "a").notify().await.unwrap();
        let alone = tells.recv().await.unwrap();
        assert_eq!((alone.method.as_str(), alone.id, alone.tenant.as_deref()), ("see.tell", None, Some("a")), "{way}");

        let (note, call) = client.batch((seeing.tell(None).notify(), seeing.tell(None))).await.unwrap();
        assert!(note.is_ok() && call.is_ok(), "{way}");
        assert_eq!(tells.recv().await.unwrap().id, None, "{way}");
        assert!(tells.recv().await.unwrap().id.is_some(), "{way}");
    }
}

#[tokio::test]
async fn a_call_by_an_alias_has_the_methods_own_name() {
    let client = client_of(&server().0).await;
    for name in ["see.look", "see.behold", "see.espy"] {
        assert_eq!(client.call::<Seen>(name, ()).await.unwrap().method, "see.look");
    }
    let unknown = client.call::<Seen>("behold", ()).await.unwrap_err();
    assert_eq!(unknown.error_object().unwrap().code().get(), -32601, "an alias is in the namespace, too");
}

#[tokio::test]
async fn a_handler_sees_its_methods_description_without_the_context() {
    let (name, params) = SeeingClient::new(client_of(&server().0).await).describe().await.unwrap();
    assert_eq!((name.as_str(), params), ("see.describe", 0));
}

#[tokio::test]
async fn the_context_is_no_parameter_on_the_wire() {
    let client = client_of(&server().0).await;
    let (number, text, _): (u8, String, Value) = client.call("see.glance", (7, "text")).await.unwrap();
    assert_eq!((number, text.as_str()), (7, "text"));
    let error = client.call::<Value>("see.look", json!({ "cx": 1 })).await.unwrap_err();
    assert_eq!(error.error_object().unwrap().code().get(), -32602);
}

#[tokio::test]
async fn an_id_of_any_kind_reaches_the_handler_and_comes_back_as_it_was() {
    let addr = serve(&server().0).await;
    for id in ["-1", "\"text\"", "\"\\u0061\"", "1.50", "1e30", "18446744073709551616", "null"] {
        let body = format!(r#"{{"jsonrpc":"2.0","method":"see.look","id":{id}}}"#);
        let reply = exchange(addr, &post(&body)).await;
        let answer = reply.text();
        assert!(answer.ends_with(&format!(r#","id":{id}}}"#)), "{answer}");
        assert!(answer.contains(r#"{"method":"see.look","id":"#), "{answer}");
    }
}

#[tokio::test]
async fn the_entries_of_a_batch_share_the_headers_of_their_request() {
    let client: Client = client_of(&server().0).await;
    let seeing = SeeingClient::new(client.clone());
    let calls = [seeing.look(), seeing.look().header("x-tenant", "b"), seeing.look()];
    let seen = client.batch(calls).header("x-tenant", "a").await.unwrap().map(Result::unwrap);
    assert_eq!(seen.each_ref().map(|seen| seen.tenant.as_deref()), [Some("a"), Some("b"), Some("a")]);
}
