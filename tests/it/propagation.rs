//! Headers that calls copy from the request of their handler.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use rpc::{Batch, Client, ClientBuilder, Context, MethodSpec, RawCall, RequestContext, Server};
use serde_json::Value;
use support::serve;
use tokio::sync::mpsc;
use tower::ServiceExt;

type Seen = BTreeMap<String, Vec<String>>;

const NAMES: [&str; 4] = ["x-tenant", "x-via", "x-request-id", "x-secret"];

/// Returns which of the headers a request has, with all their values.
fn seen(cx: &Context) -> Seen {
    let values = |name: &str| {
        let all = cx.headers().get_all(name).iter();
        all.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    NAMES.iter().map(|name| ((*name).to_owned(), values(name))).filter(|(_, values)| !values.is_empty()).collect()
}

fn of(all: &[(&str, &[&str])]) -> Seen {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    all.iter().map(|(name, values)| ((*name).to_owned(), owned(values))).collect()
}

/// Serves `seen`, which returns the headers of its request, and `note`, which sends them to the channel.
async fn behind() -> (SocketAddr, mpsc::UnboundedReceiver<Seen>) {
    let (told, tells) = mpsc::unbounded_channel();
    let note = move |cx: Context| {
        told.send(seen(&cx)).unwrap();
        async {}
    };
    let server = Server::builder().method("seen", |cx: Context| async move { seen(&cx) }).method("note", note);
    (serve(&server.build()).await, tells)
}

fn client(addr: SocketAddr) -> ClientBuilder {
    Client::builder().endpoint(format!("http://{addr}"))
}

/// Returns the context of a call with a tenant, two values of `x-via`, and a secret.
fn caller() -> Context {
    let mut request = RequestContext::default();
    for (name, value) in [("x-tenant", "a"), ("x-via", "1"), ("x-via", "2"), ("x-secret", "s")] {
        request.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Context::new(MethodSpec::new("front"), None, Arc::new(request))
}

const LIST: [&str; 3] = ["x-tenant", "x-via", "x-request-id"];

#[tokio::test]
async fn header_on_the_list_reaches_the_second_server_and_others_do_not() {
    let (addr, _) = behind().await;
    let to_second = client(addr).propagate_headers(LIST).build().unwrap();
    let first = Server::builder().method("front", move |cx: Context| {
        let (plain, copied) =
            (to_second.call::<Seen>("seen", ()), to_second.call::<Seen>("seen", ()).headers_from(&cx));
        async move { (plain.await.unwrap(), copied.await.unwrap()) }
    });
    let first = client(serve(&first.build()).await).header("x-tenant", "a").header("x-secret", "s").build().unwrap();
    let (plain, copied) = first.call::<(Seen, Seen)>("front", ()).await.unwrap();
    assert_eq!(plain, of(&[]));
    assert_eq!(copied, of(&[("x-tenant", &["a"])]));
}

#[tokio::test]
async fn all_values_are_copied_and_a_header_of_the_call_itself_wins() {
    let (addr, _) = behind().await;
    let client = client(addr).propagate_headers(LIST).header("x-tenant", "client").build().unwrap();
    let (call, cx) = (|| client.call::<Seen>("seen", ()), caller());
    let copied = of(&[("x-tenant", &["a"]), ("x-via", &["1", "2"])]);
    assert_eq!(call().headers_from(&cx).await.unwrap(), copied);
    assert_eq!(call().await.unwrap(), of(&[("x-tenant", &["client"])]));
    let own = of(&[("x-tenant", &["own"]), ("x-via", &["1", "2"])]);
    assert_eq!(call().header("x-tenant", "own").headers_from(&cx).await.unwrap(), own);
    assert_eq!(call().headers_from(&cx).header("x-tenant", "own").await.unwrap(), own);
}

#[tokio::test]
async fn client_without_a_list_copies_nothing() {
    let (addr, _) = behind().await;
    let client = client(addr).build().unwrap();
    assert_eq!(client.call::<Seen>("seen", ()).headers_from(&caller()).await.unwrap(), of(&[]));
}

#[tokio::test]
async fn batch_copies_headers_for_all_its_calls_and_a_call_for_itself() {
    async fn send<B: Batch>(client: &Client, calls: B) -> B::Output {
        client.batch(calls).headers_from(&caller()).header("x-request-id", "7").await.unwrap()
    }
    let (addr, _) = behind().await;
    let client = client(addr).propagate_headers(LIST).build().unwrap();
    let call = || client.call::<Seen>("seen", ());
    let (one, own) = send(&client, (call(), call().header("x-tenant", "own"))).await;
    assert_eq!(one.unwrap(), of(&[("x-tenant", &["a"]), ("x-via", &["1", "2"]), ("x-request-id", &["7"])]));
    assert_eq!(own.unwrap(), of(&[("x-tenant", &["own"]), ("x-via", &["1", "2"]), ("x-request-id", &["7"])]));
    let (copied, plain) = client.batch((call().headers_from(&caller()), call())).await.unwrap();
    assert_eq!(copied.unwrap(), of(&[("x-tenant", &["a"]), ("x-via", &["1", "2"])]));
    assert_eq!(plain.unwrap(), of(&[]));
}

#[tokio::test]
async fn notifications_raw_calls_and_pinned_clients_copy_headers() {
    let (addr, mut tells) = behind().await;
    let client = client(addr).propagate_headers(LIST).build().unwrap();
    let copied = of(&[("x-tenant", &["a"]), ("x-via", &["1", "2"])]);
    client.notify("note", ()).headers_from(&caller()).await.unwrap();
    assert_eq!(tells.recv().await.unwrap(), copied);
    let raw = RawCall::new("seen").headers_from(&caller());
    let answer = client.clone().oneshot(raw.clone()).await.unwrap();
    assert_eq!(serde_json::from_str::<Seen>(answer.get()).unwrap(), copied);
    let own = client.clone().oneshot(raw.header("x-via", "own")).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(own.get()).unwrap()["x-via"], serde_json::json!(["own"]));
    assert_eq!(client.pinned().call::<Seen>("seen", ()).headers_from(&caller()).await.unwrap(), copied);
}

#[tokio::test]
async fn list_with_a_header_of_one_request_fails_the_build() {
    let (addr, _) = behind().await;
    for name in ["host", "rpc-timeout-ms", "content-type", "x tenant"] {
        let failure = client(addr).propagate_headers(["x-tenant", name]).build().unwrap_err();
        assert!(failure.is_builder(), "{name}: {failure:?}");
    }
}
