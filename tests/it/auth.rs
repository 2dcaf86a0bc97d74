//! Authentication of callers, and what they may call.

mod requires;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::{Extension, Router};
use futures_util::FutureExt;
use rpc::auth::{Authenticate, Bearer, Denied};
use rpc::{
    BoxFuture, Client, Context, ErrorKind, Limits, Outcome, Principal, RequestContext, Retry, Server, ServerBuilder,
};
use rpc_core::InheritedTimeLimit;
use serde_json::{Value, json};
use support::raw_http::{Reply, exchange, post_with};
use support::{clients_of, serve, serve_app};

fn bearer() -> Bearer {
    Bearer::new()
        .token("ada's", Principal::new("ada").with_role("admin"))
        .token("ada's next", Principal::new("ada").with_role("admin"))
        .token("bob's", Principal::new("bob"))
}

fn builder() -> ServerBuilder {
    Server::builder()
        .method("whoami", |cx: Context| async move { cx.principal().map(|principal| principal.subject().to_owned()) })
}

/// Serves the server, and posts a message to it by hand.
async fn ask(server: &Server, headers: &[(&str, &str)], body: &str) -> Reply {
    exchange(serve(server).await, &post_with(headers, body)).await
}

const WHOAMI: &str = r#"{"jsonrpc":"2.0","method":"whoami","id":7}"#;

#[tokio::test]
async fn a_token_says_who_calls_and_without_one_nobody_does() {
    let server = builder().authenticate(bearer()).build();
    for (way, client) in clients_of(&server).await {
        let whoami = || client.call::<Option<String>>("whoami", ());
        assert_eq!(whoami().await.unwrap(), None, "{way}");
        for (token, subject) in [("ada's", "ada"), ("ada's next", "ada"), ("bob's", "bob")] {
            let answer = whoami().header("authorization", format!("Bearer {token}")).await;
            assert_eq!(answer.unwrap().as_deref(), Some(subject), "{way}");
        }
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_whatever_the_method_requires() {
    let server = builder().authenticate(bearer()).build();
    for (way, client) in clients_of(&server).await {
        let error =
            client.call::<Option<String>>("whoami", ()).header("authorization", "Bearer guess").await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Authentication, Outcome::Refused), "{way}");
        assert_eq!(error.attempts().len(), 1, "{way}: a wrong token remains wrong");
        let batch = client
            .batch((client.call::<Value>("whoami", ()), client.call::<Value>("whoami", ())))
            .header("authorization", "Bearer guess");
        let (one, other) = batch.await.unwrap();
        assert_eq!(one.unwrap_err().kind(), ErrorKind::Authentication, "{way}");
        assert_eq!(other.unwrap_err().kind(), ErrorKind::Authentication, "{way}");
    }
}

#[tokio::test]
async fn http_says_401_and_what_is_expected() {
    let server = builder().authenticate(bearer()).build();
    let wrong = [("authorization", "Bearer guess")];
    let reply = ask(&server, &wrong, WHOAMI).await;
    assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!((reply.header("rpc-status"), reply.header("rpc-refused")), (Some("-32098"), Some("all")));
    assert_eq!(reply.header("rpc-retry"), Some("no"));
    let error =
        r#"{"code":-32098,"message":"Unauthenticated","data":{"reason":"unauthenticated","detail":"unknown token"}}"#;
    assert_eq!(reply.text(), format!(r#"{{"jsonrpc":"2.0","error":{error},"id":7}}"#));
    let batch = ask(&server, &wrong, &format!("[{WHOAMI}]")).await;
    assert_eq!(batch.status, 401);
    assert!(batch.text().ends_with(r#""id":null}"#), "{}", batch.text());
    let notification = ask(&server, &wrong, r#"{"jsonrpc":"2.0","method":"whoami"}"#).await;
    assert_eq!((notification.status, notification.text()), (401, ""));
    let notifications = ask(&server, &wrong, r#"[{"jsonrpc":"2.0","method":"whoami"}]"#).await;
    assert_eq!((notifications.status, notifications.text()), (401, ""));
}

#[tokio::test]
async fn two_tokens_or_another_scheme_are_refused() {
    let server = builder().authenticate(bearer()).build();
    for headers in [
        &[("authorization", "Bearer ada's"), ("authorization", "Bearer ada's")][..],
        &[("authorization", "Basic YWRhOmE=")],
        &[("authorization", "Bearer")],
    ] {
        assert_eq!(ask(&server, headers, WHOAMI).await.status, 401, "{headers:?}");
    }
    assert_eq!(ask(&server, &[("authorization", "bearer bob's")], WHOAMI).await.status, 200);
}

/// Authenticates by the header `x-caller`. Some of its values make this fail.
async fn by_header(request: Arc<RequestContext>) -> Result<Option<Principal>, Denied> {
    match request.headers.get("x-caller").map(|caller| caller.to_str().unwrap().to_owned()).as_deref() {
        None => Ok(None),
        Some("banned") => Err(Denied::forbidden("banned until Monday")),
        Some("unknown") => Err(Denied::unavailable()),
        Some("crash") => panic!("the key is under the mat"),
        Some("slow") => std::future::pending().await,
        Some(caller) => Ok(Some(Principal::new(caller))),
    }
}

#[tokio::test]
async fn a_closure_tells_who_calls_or_why_nobody_may() {
    let server = builder().authenticate(by_header).build();
    // A WebSocket authenticates the request that opens it, and `x-caller` comes later, with each message.
    for (way, client) in clients_of(&server).await.into_iter().filter(|(way, _)| *way != "WebSocket") {
        let call = |caller: &'static str| {
            client.call::<Option<String>>("whoami", ()).retry(Retry::never()).header("x-caller", caller)
        };
        assert_eq!(call("eve").await.unwrap().as_deref(), Some("eve"), "{way}");
        let banned = call("banned").await.unwrap_err();
        assert_eq!((banned.kind(), banned.outcome()), (ErrorKind::Authorization, Outcome::Refused), "{way}");
        let unknown = call("unknown").await.unwrap_err();
        assert_eq!((unknown.kind(), unknown.outcome()), (ErrorKind::Unavailable, Outcome::Refused), "{way}");
        let crash = call("crash").await.unwrap_err();
        assert_eq!((crash.kind(), crash.outcome()), (ErrorKind::Unavailable, Outcome::Refused), "{way}");
        assert!(!format!("{crash:?}").contains("mat"), "{way}");
    }
    assert_eq!(ask(&server, &[("x-caller", "banned")], WHOAMI).await.status, 403);
    let unknown = ask(&server, &[("x-caller", "unknown")], WHOAMI).await;
    assert_eq!((unknown.status, unknown.header("retry-after")), (503, Some("1")));
}

#[tokio::test(start_paused = true)]
async fn authentication_has_the_time_that_handlers_have() {
    let mut limits = Limits::default();
    limits.handler_timeout = Duration::from_secs(3);
    let server = builder().authenticate(by_header).limits(limits).build();
    let client = Client::in_process(&server);
    let start = tokio::time::Instant::now();
    let call = client.call::<Value>("whoami", ()).retry(Retry::never()).header("x-caller", "slow");
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test]
async fn a_request_that_is_being_authenticated_counts_as_in_flight() {
    let mut limits = Limits::default();
    limits.max_calls_in_flight = 1;
    let server = builder().authenticate(by_header).limits(limits).build();
    let client = Client::in_process(&server);
    let mut slow = Box::pin(client.call::<Value>("whoami", ()).header("x-caller", "slow").into_future());
    assert!((&mut slow).now_or_never().is_none());
    let error = client.call::<Value>("whoami", ()).retry(Retry::never()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    drop(slow);
    assert!(client.call::<Value>("whoami", ()).await.is_ok());
}

#[tokio::test]
async fn a_full_server_finds_out_who_calls_for_few_requests_with_keys() {
    let mut limits = Limits::default();
    limits.max_calls_in_flight = 1;
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let slow = move |_: Arc<RequestContext>| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::future::pending()
    };
    let server = builder().authenticate(slow).limits(limits).build();
    let client = Client::in_process(&server);
    let call = || {
        let call = client.call::<Value>("whoami", ()).idempotency_key(uuid::Uuid::now_v7()).retry(Retry::never());
        Box::pin(call.into_future())
    };
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let mut call = call();
        if (&mut call).now_or_never().is_none() {
            waiting.push(call);
        }
    }
    // One request has the room, and the server admits one more, because the store may have its answer from an earlier
    // call.
    assert_eq!((waiting.len(), asked.load(std::sync::atomic::Ordering::Relaxed)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn what_authentication_asks_elsewhere_has_the_callers_time() {
    let inherited = Arc::new(std::sync::Mutex::new(None));
    let noted = Arc::clone(&inherited);
    let note = move |_: Arc<RequestContext>| {
        let noted = Arc::clone(&noted);
        async move {
            *noted.lock().unwrap() = Some(InheritedTimeLimit::current());
            Ok(None)
        }
    };
    let client = Client::in_process(&builder().authenticate(note).build());
    let until = tokio::time::Instant::now().into_std() + Duration::from_secs(2);
    client.call::<Value>("whoami", ()).deadline(Duration::from_secs(2)).await.unwrap();
    let inherited = inherited.lock().unwrap().take();
    assert!(matches!(inherited, Some(InheritedTimeLimit::Until(end)) if end == until), "{inherited:?}");
}

#[tokio::test]
async fn it_is_asked_once_for_all_calls_of_a_batch() {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = builder()
        .authenticate(move |_: Arc<RequestContext>| {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async { Ok(Some(Principal::new("ada"))) }
        })
        .build();
    let client = Client::in_process(&server);
    let calls: Vec<_> = (0..5).map(|_| client.call::<String>("whoami", ())).collect();
    let answers = client.batch(calls).await.unwrap();
    assert!(answers.into_iter().all(|answer| answer.unwrap() == "ada"));
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_authentication_of_ones_own_has_its_own_challenge() {
    struct Basic;
    impl Authenticate for Basic {
        fn authenticate(&self, _: Arc<RequestContext>) -> BoxFuture<Result<Option<Principal>, Denied>> {
            Box::pin(async { Err(Denied::unauthenticated("")) })
        }

        fn challenge(&self) -> http::HeaderValue {
            http::HeaderValue::from_static("Basic realm=\"users\"")
        }
    }
    let reply = ask(&builder().authenticate(Basic).build(), &[], WHOAMI).await;
    assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Basic realm=\"users\"")));
}

#[tokio::test]
async fn a_layer_around_the_router_may_say_who_calls() {
    async fn layer(mut request: Request, next: Next) -> axum::response::Response {
        request.extensions_mut().insert(Principal::new("layered"));
        next.run(request).await
    }
    let app =
        Router::new().merge(builder().build().into_router()).layer(middleware::from_fn(layer)).layer(Extension(1));
    let client = Client::new(format!("http://{}", serve_app(app).await)).unwrap();
    assert_eq!(client.call::<String>("whoami", ()).await.unwrap(), "layered");
}

#[tokio::test]
async fn a_principal_without_a_subject_names_nobody() {
    let server = builder().authenticate(by_header).build();
    let nameless = ask(&server, &[("x-caller", "")], WHOAMI).await;
    assert_eq!((nameless.status, nameless.header("rpc-refused")), (401, Some("all")));
    assert!(nameless.text().contains("the credentials name nobody"), "{}", nameless.text());

    async fn layer(mut request: Request, next: Next) -> axum::response::Response {
        request.extensions_mut().insert(Principal::new(""));
        next.run(request).await
    }
    let app = Router::new().merge(builder().build().into_router()).layer(middleware::from_fn(layer));
    let client = Client::new(format!("http://{}", serve_app(app).await)).unwrap();
    assert_eq!(client.call::<Option<String>>("whoami", ()).await.unwrap(), None);
}

#[test]
#[should_panic(expected = "a principal must have a subject")]
fn a_token_of_nobody_is_refused() {
    let _ = Bearer::new().token("s3cr3t", Principal::new(""));
}

#[tokio::test]
async fn a_call_whose_caller_has_no_time_left_for_authentication_is_expired_and_not_shed() {
    let server = builder().authenticate(by_header).build();
    for time in ["0", "20"] {
        let headers = [("x-caller", "slow"), ("rpc-timeout-ms", time)];
        let single = ask(&server, &headers, WHOAMI).await;
        assert_eq!(
            (single.status, single.header("rpc-status"), single.header("rpc-refused"), single.header("retry-after")),
            (200, Some("-32095"), Some("all"), None)
        );
        assert_eq!(serde_json::from_slice::<Value>(&single.body).unwrap()["id"], 7);
        let note = r#"{"jsonrpc":"2.0","method":"whoami"}"#;
        let batch = ask(&server, &headers, &format!("[{WHOAMI},{note},{WHOAMI}]")).await;
        assert_eq!((batch.status, batch.header("rpc-refused")), (200, Some("all")));
        let answers: Vec<Value> = batch.json();
        assert_eq!(answers.len(), 2);
        assert!(answers.iter().all(|answer| answer["error"]["code"] == -32095 && answer["id"] == 7), "{answers:?}");
        let notes = ask(&server, &headers, &format!("[{note}]")).await;
        assert_eq!((notes.status, notes.text()), (200, ""));
    }
    // A WebSocket authenticates the request that opens it, which has no deadline.
    for (way, client) in clients_of(&server).await.into_iter().filter(|(way, _)| *way != "WebSocket") {
        let call = client.call::<Value>("whoami", ()).deadline(Duration::from_millis(100)).header("x-caller", "slow");
        let error = call.await.unwrap_err();
        assert_ne!(error.kind(), ErrorKind::Unavailable, "{way}");
    }
}

#[tokio::test]
async fn a_key_belongs_to_its_callers_subject_and_not_to_a_token() {
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let server = Server::builder()
        .authenticate(bearer())
        .method("count", move || {
            let count = 1 + count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async move { count }
        })
        .build();
    let client = Client::new(format!("http://{}", serve(&server).await)).unwrap();
    let key = uuid::Uuid::now_v7();
    let call = async |token: &str| {
        let call =
            client.call::<usize>("count", ()).idempotency_key(key).header("authorization", format!("Bearer {token}"));
        call.await.unwrap()
    };
    assert_eq!(call("ada's").await, 1);
    assert_eq!(call("ada's next").await, 1, "the token was renewed");
    assert_eq!(call("bob's").await, 2, "another caller's key is another key");
}

#[test]
fn nothing_that_is_printed_holds_a_secret() {
    let builder = builder().authenticate(bearer());
    assert!(!format!("{builder:?}").contains("ada"));
    let denied = Denied::unauthenticated("expired");
    assert_eq!(
        (denied.to_string(), json!(Denied::unavailable().to_string())),
        ("unauthenticated: expired".to_owned(), json!("authentication is unavailable"))
    );
}
