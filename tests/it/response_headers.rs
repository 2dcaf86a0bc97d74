//! Headers that handlers set on their responses, and clients read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use rpc::client_middleware::{EntryAnswer, Next, Request as Delivered};
use rpc::middleware::{self, Request};
use rpc::{Client, Context, ErrorObject, ResponseHeaderError, Retry, Server};
use serde_json::Value;
use support::raw_http::{exchange, post};
use support::{Answer, Peer, array, clients_of, http, result, serve};
use tokio::sync::oneshot;

/// Returns a server whose methods set headers.
fn server() -> Server {
    Server::builder()
        .method("tag", |(tag, times): (String, usize), cx: Context| async move {
            // Later entries of a batch end earlier.
            for _ in 0..times {
                tokio::task::yield_now().await;
            }
            cx.response_header("x-tag", tag.as_str()).unwrap();
            tag
        })
        .method("plain", || async { 1 })
        .try_method("fails", |cx: Context| async move {
            cx.response_header("x-tag", "failed").unwrap();
            Err::<u8, _>(ErrorObject::new(1001, "no"))
        })
        .build()
}

fn tags(headers: &http::HeaderMap) -> Vec<&str> {
    // In the member `rpc` of a message, commas join them.
    headers.get_all("x-tag").iter().flat_map(|value| value.to_str().unwrap().split(", ")).collect()
}

#[tokio::test]
async fn a_handler_sets_headers_that_clients_read() {
    for (way, client) in clients_of(&server()).await {
        let answer = client.call::<String>("tag", ("a", 0)).with_meta().await.unwrap();
        assert_eq!((answer.value.as_str(), tags(answer.headers())), ("a", vec!["a"]), "{way}");
        // Only answers over HTTP have a status.
        let is_http = !matches!(way, "in process" | "WebSocket");
        assert_eq!(answer.status(), is_http.then_some(StatusCode::OK), "{way}");
        let plain = client.call::<u8>("plain", ()).with_meta().await.unwrap().map(u32::from);
        assert_eq!((plain.value, tags(plain.headers())), (1, vec![]), "{way}");
    }
}

#[tokio::test]
async fn an_error_and_a_notification_have_the_headers_of_their_handlers() {
    let addr = serve(&server()).await;
    for body in [r#"{"jsonrpc":"2.0","method":"fails","id":1}"#, r#"{"jsonrpc":"2.0","method":"fails"}"#] {
        let reply = exchange(addr, &post(body)).await;
        assert_eq!((reply.status, reply.header("x-tag")), (200, Some("failed")), "{body}");
    }
}

#[tokio::test]
async fn a_batch_has_the_headers_of_its_entries_in_their_order() {
    for (way, client) in clients_of(&server()).await {
        let tag = |tag: &'static str, times: usize| client.call::<String>("tag", (tag, times));
        let batch = (tag("a", 9).with_meta(), tag("b", 0), tag("c", 4).with_meta(), tag("d", 2).readonly());
        let (a, b, c, d) = client.batch(batch).await.unwrap();
        assert_eq!((b.unwrap().as_str(), d.unwrap().as_str()), ("b", "d"), "{way}");
        for answer in [a.unwrap(), c.unwrap()] {
            assert_eq!(tags(answer.headers()), ["a", "b", "c", "d"], "{way}");
        }
    }
}

#[tokio::test]
async fn a_retry_brings_the_headers_of_the_answer_that_counts() {
    let sent = AtomicUsize::new(0);
    let peer = Peer::start(move |request| {
        Answer::Bytes(if sent.fetch_add(1, Ordering::Relaxed) == 0 {
            http("502 Bad Gateway", &["x-tag: first"], "")
        } else {
            http("200 OK", &["x-tag: second"], &result(&request.id(), 1))
        })
    })
    .await;
    let client = peer.builder().retry(Retry::exponential().base(Duration::from_millis(1))).build().unwrap();
    let answer = client.call::<u8>("look", ()).readonly().with_meta().await.unwrap();
    assert_eq!(tags(answer.headers()), ["second"]);
}

#[tokio::test]
async fn each_entry_of_a_batch_has_the_head_of_the_response_that_brought_its_result() {
    let sent = AtomicUsize::new(0);
    let peer = Peer::start(move |request| {
        let ids = request.ids();
        let (tag, answers) = match sent.fetch_add(1, Ordering::Relaxed) {
            0 => ("x-tag: first", array([result(&ids[0], 1)])),
            _ => ("x-tag: second", array([result(&ids[0], 2)])),
        };
        Answer::Bytes(http("200 OK", &[tag], &answers))
    })
    .await;
    let client = peer.builder().retry(Retry::exponential().base(Duration::from_millis(1))).build().unwrap();
    let look = || client.call::<u8>("look", ()).readonly().with_meta();
    let (one, two) = client.batch((look(), look())).await.unwrap();
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.value, tags(one.headers())), (1, vec!["first"]));
    assert_eq!((two.value, tags(two.headers())), (2, vec!["second"]));
}

#[tokio::test]
async fn names_of_the_framework_and_of_http_are_refused() {
    let cx = Context::new(rpc::MethodSpec::new("m"), None, rpc::RequestContext::default());
    for name in [
        "rpc-refused",
        "Rpc-Status",
        "rpc-anything",
        "content-type",
        "Content-Length",
        "connection",
        "transfer-encoding",
        "date",
        "retry-after",
        "www-authenticate",
        "idempotency-key",
    ] {
        let error = cx.response_header(name, "x").unwrap_err();
        assert_eq!(error.to_string(), format!("handlers cannot set the header `{}`", name.to_lowercase()));
    }
    assert_eq!(cx.response_header("a b", "x").unwrap_err(), ResponseHeaderError::Name);
    assert_eq!(cx.response_header("x-a", "x\ny").unwrap_err(), ResponseHeaderError::Value);
    for name in ["set-cookie", "etag", "cache-control", "x-a", "server-timing"] {
        cx.response_header(name, "x").unwrap();
    }
}

#[tokio::test]
async fn a_response_takes_so_many_headers_and_no_more() {
    let fresh = || Context::new(rpc::MethodSpec::new("m"), None, rpc::RequestContext::default());
    let cx = fresh();
    for _ in 0..32 {
        cx.response_header("x-a", "x").unwrap();
    }
    assert_eq!(cx.clone().response_header("x-a", "x").unwrap_err(), ResponseHeaderError::TooMany);
    let cx = fresh();
    cx.response_header("x-a", "x".repeat((8 << 10) - 3)).unwrap();
    assert_eq!(cx.response_header("y", "").unwrap_err(), ResponseHeaderError::TooMany);
}

#[tokio::test]
async fn layers_of_the_server_set_headers_around_handlers_that_do() {
    let stamp = middleware::from_fn(|request: Request, next: middleware::Next| async move {
        let cx = request.context().clone();
        let response = next.run(request).await;
        cx.response_header("x-tag", "layer").unwrap();
        response
    });
    let server = Server::builder()
        .method("tag", |cx: Context| async move { cx.response_header("x-tag", "handler").unwrap() })
        .layer(stamp)
        .build();
    for (way, client) in clients_of(&server).await {
        let answer = client.call::<()>("tag", ()).with_meta().await.unwrap();
        assert_eq!(tags(answer.headers()), ["handler", "layer"], "{way}");
    }
}

#[tokio::test]
async fn a_kept_answer_has_no_headers() {
    let client = Client::in_process(&server());
    let mut call = client.call::<String>("tag", ("a", 0));
    let ticket = call.ticket().await.unwrap();
    assert_eq!(tags(call.with_meta().await.unwrap().headers()), ["a"]);
    let again = client.call::<String>("tag", ("a", 0)).redeem(ticket).with_meta().await.unwrap();
    assert_eq!((again.value.as_str(), tags(again.headers())), ("a", vec![]));
}

#[tokio::test]
async fn a_handler_whose_caller_is_gone_sets_headers_in_vain() {
    let (begin, begun) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let channels = Arc::new(std::sync::Mutex::new(Some((begin, end))));
    let server = Server::builder().method("late", move |cx: Context| {
        let (begin, end) = channels.lock().unwrap().take().unwrap();
        async move {
            begin.send(()).unwrap();
            cx.cancelled().await;
            end.send(cx.response_header("x-tag", "late")).unwrap();
        }
    });
    let server = server.build();
    let addr = serve(&server).await;
    let client = Client::builder().endpoint(format!("http://{addr}")).retry(Retry::never()).build().unwrap();
    let call = tokio::spawn(client.call::<()>("late", ()).into_future());
    begun.await.unwrap();
    call.abort();
    assert_eq!(ended.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn an_answer_of_a_layer_of_the_client_has_no_head() {
    let fake = rpc::client_middleware::from_fn(|request: Delivered, _: Next| async move {
        Ok::<_, rpc::Failure>(request.answer_each(|_| EntryAnswer::result(&1)))
    });
    let client = Client::builder().in_process(&server()).layer(fake).build().unwrap();
    let answer = client.call::<Value>("tag", ()).with_meta().await.unwrap();
    assert_eq!((answer.status(), answer.headers().len()), (None, 0));
    assert_eq!(answer.value, 1);
    let pass = rpc::client_middleware::from_fn(|request: Delivered, next: Next| next.run(request));
    let client = Client::builder().in_process(&server()).layer(pass).build().unwrap();
    let answer = client.call::<String>("tag", ("a", 0)).with_meta().await.unwrap();
    assert_eq!(tags(answer.headers()), ["a"]);
}
