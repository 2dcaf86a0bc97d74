//! Layers around a client's deliveries.

mod attempts;
mod outcomes;
mod tower_layers;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use rpc::client_middleware::{EntryAnswer, Next, Request, from_fn};
use rpc::{Client, Context, Effect, Error, Failure, Retry, Server, transport};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use support::{clients_of, serve};
use uuid::Uuid;

type Noted = Arc<Mutex<Vec<String>>>;

fn note(noted: &Noted, text: impl Into<String>) {
    noted.lock().unwrap().push(text.into());
}

fn take(noted: &Noted) -> Vec<String> {
    std::mem::take(&mut *noted.lock().unwrap())
}

/// Returns a server with methods that return their params and the tenant.
fn server() -> Server {
    Server::builder()
        .method("echo", |params: Box<RawValue>| async move { params })
        .method("tenant", |cx: Context| async move {
            cx.headers().get("x-tenant").map(|value| value.to_str().unwrap().to_owned())
        })
        .build()
}

#[tokio::test]
async fn a_layer_sees_a_call_a_notification_and_a_batch_once() {
    let (noted, url) = (Noted::default(), format!("http://{}", serve(&server()).await));
    let notes = Arc::clone(&noted);
    let look = from_fn(move |request: Request, next: Next| {
        let entries: Vec<_> = request.entries().map(|entry| format!("{entry:?} {:?}", entry.params())).collect();
        note(&notes, format!("{} {}", request.is_batch(), entries.join(", ")));
        next.run(request)
    });
    let client = Client::builder().endpoint(url).layer(look).build().unwrap();
    let echo = |value: Value| client.call::<Value>("echo", value);
    assert_eq!(echo(json!([1])).await.unwrap(), json!([1]));
    client.notify("tenant", ()).await.unwrap();
    let (one, ()) = client.batch((echo(json!({ "a": [",\"params\":"] })), ())).await.unwrap();
    assert_eq!(one.unwrap(), json!({ "a": [",\"params\":"] }));
    let (one, two) = client.batch((echo(json!([1])), client.notify("tenant", ()))).await.unwrap();
    assert_eq!((one.unwrap(), two.unwrap()), (json!([1]), ()));
    let expected = [
        r#"false RequestEntry { method: "echo", .. } Some("[1]")"#,
        r#"false RequestEntry { method: "tenant", .. } None"#,
        r#"true RequestEntry { method: "echo", .. } Some("{\"a\":[\",\\\"params\\\":\"]}")"#,
        r#"true RequestEntry { method: "echo", .. } Some("[1]"), RequestEntry { method: "tenant", .. } None"#,
    ];
    assert_eq!(take(&noted), expected);
}

#[tokio::test]
async fn a_layer_sees_no_retries() {
    let (noted, server) = (Noted::default(), server());
    let notes = Arc::clone(&noted);
    let look = from_fn(move |request: Request, next: Next| {
        let notes = Arc::clone(&notes);
        async move {
            let response = next.run(request).await?;
            note(&notes, format!("{:?}", response.answers()[0].result_json()));
            Ok::<_, Failure>(response)
        }
    });
    let retry = Retry::exponential().base(Duration::from_millis(1));
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    let cut_two = from_fn(move |request: transport::Request, next: Next<transport::Request>| {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        async move { if number < 2 { Err(Failure::transport("cut")) } else { next.run(request).await } }
    });
    let client = Client::builder().in_process(&server).retry(retry).layer(look).attempt_layer(cut_two);
    let client = client.build().unwrap();
    assert_eq!(client.call::<Value>("echo", [2]).readonly().await.unwrap(), json!([2]));
    assert_eq!(take(&noted), [r#"Some("[2]")"#]);
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_layer_adds_headers_to_a_call_and_to_a_batch() {
    let server = server();
    let url = format!("http://{}", serve(&server).await);
    let tenant = from_fn(|mut request: Request, next: Next| {
        request.headers_mut().entry("x-tenant").or_insert(HeaderValue::from_static("of the layer"));
        next.run(request)
    });
    for builder in [Client::builder().endpoint(url), Client::builder().in_process(&server)] {
        let client = builder.layer(tenant.clone()).build().unwrap();
        let call = || client.call::<Option<String>>("tenant", ());
        assert_eq!(call().await.unwrap().as_deref(), Some("of the layer"));
        assert_eq!(call().header("x-tenant", "own").await.unwrap().as_deref(), Some("own"));
        let (one, two) = client.batch((call(), call().header("x-tenant", "own"))).await.unwrap();
        assert_eq!((one.unwrap().as_deref(), two.unwrap().as_deref()), (Some("of the layer"), Some("own")));
    }
}

#[tokio::test]
async fn the_first_layer_is_the_outermost() {
    let noted = Noted::default();
    let layer = |name: &'static str| {
        let notes = Arc::clone(&noted);
        from_fn(move |request: Request, next: Next| {
            let notes = Arc::clone(&notes);
            async move {
                note(&notes, format!("{name} in"));
                let response = next.run(request).await;
                note(&notes, format!("{name} out"));
                response
            }
        })
    };
    let client = Client::builder().in_process(&server()).layer(layer("first")).layer(layer("second")).build().unwrap();
    client.call::<Value>("tenant", ()).await.unwrap();
    assert_eq!(take(&noted), ["first in", "second in", "second out", "first out"]);
}

#[tokio::test]
async fn a_layer_answers_in_the_place_of_the_server() {
    #[derive(Debug, PartialEq, thiserror::Error, rpc::RpcError)]
    #[error("none left")]
    #[rpc(code = 7)]
    struct SoldOut;

    let cache = from_fn(|request: Request, next: Next| async move {
        if request.entries().any(|entry| entry.method() == "echo") {
            return next.run(request).await;
        }
        Ok(request.answer_each(|entry| match entry.method() {
            "error" => EntryAnswer::error(SoldOut),
            method => EntryAnswer::result(&format!("cached {method}")),
        }))
    });
    let client = Client::builder().in_process(&server()).layer(cache).build().unwrap();
    let call = |method: &'static str| client.call::<String>(method, ());
    assert_eq!(call("tenant").await.unwrap(), "cached tenant");
    assert_eq!(client.call::<[u8; 1]>("echo", [1]).await.unwrap(), [1]);
    let (one, two) = client.batch((call("one"), call("error"))).await.unwrap();
    assert_eq!(one.unwrap(), "cached one");
    assert!(matches!(two, Err(Error::Rpc(error)) if error.code() == 7.into()));
    client.notify("one", ()).await.unwrap();
}

#[tokio::test]
async fn a_layer_reads_and_replaces_what_comes_back() {
    let mend = from_fn(|request: Request, next: Next| async move {
        let mut response = next.run(request).await?;
        for answer in response.answers_mut() {
            if answer.error_object().is_some_and(|error| error.code() == rpc::ErrorCode::METHOD_NOT_FOUND) {
                *answer = EntryAnswer::result("nothing");
            }
        }
        Ok::<_, Failure>(response)
    });
    for (way, _) in clients_of(&server()).await {
        let client = Client::builder().in_process(&server()).layer(mend.clone()).build().unwrap();
        assert_eq!(client.call::<String>("unknown", ()).await.unwrap(), "nothing", "{way}");
    }
}

#[tokio::test]
async fn a_layer_knows_what_repeating_a_call_means_and_the_key_that_its_caller_gave() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let look = from_fn(move |request: Request, next: Next| {
        let entries = request.entries().map(|entry| {
            assert_eq!(entry.spec().name, entry.method());
            (entry.effect(), entry.is_notification(), entry.idempotency_key())
        });
        notes.lock().unwrap().extend(entries);
        assert!(request.remaining() <= Duration::from_secs(7) && request.remaining() > Duration::from_secs(6));
        next.run(request)
    });
    let client = Client::builder().in_process(&server()).deadline(Duration::from_secs(7)).layer(look).build().unwrap();
    let call = || client.call::<Value>("tenant", ());
    let key = Uuid::from_u128(0xc0ffee);
    let calls = (call().idempotency_key(key), call(), call().readonly(), call().idempotent(), call().notify());
    let _ = client.batch(calls).await.unwrap();
    let expected = [
        (Effect::Once, false, Some(key)),
        (Effect::Once, false, None),
        (Effect::None, false, None),
        (Effect::Idempotent, false, None),
        (Effect::Once, true, None),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn all_values_of_a_header_that_a_layer_appends_are_sent() {
    let server =
        Server::builder().method("count", |cx: Context| async move { cx.headers().get_all("x-a").iter().count() });
    let append = from_fn(|mut request: Request, next: Next| {
        request.headers_mut().append("x-a", HeaderValue::from_static("1"));
        request.headers_mut().append("x-a", HeaderValue::from_static("2"));
        next.run(request)
    });
    let builder = Client::builder().in_process(&server.build()).header("x-a", "of the client");
    assert_eq!(builder.layer(append).build().unwrap().call::<usize>("count", ()).await.unwrap(), 2);
}
