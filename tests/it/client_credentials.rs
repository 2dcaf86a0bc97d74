//! Credentials that a client fetches, over servers that check them.

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use rpc::auth::Denied;
use rpc::client_middleware::{BoxError, Next, from_fn};
use rpc::transport::{self, Reply};
use rpc::{
    BoxFuture, Client, ClientBuilder, Context, Credential, Credentials, Error, ErrorKind, Failure, Outcome, Principal,
    RequestContext, Retry, Server,
};
use serde_json::Value;
use support::{Answer, Peer, Received, array, error, http, result, serve};
use tokio::sync::{Semaphore, mpsc};

/// Knows which token is good, and counts how many were issued.
#[derive(Clone, Default)]
struct Tokens(Arc<Issued>);

#[derive(Default)]
struct Issued {
    good: Mutex<String>,
    count: AtomicUsize,
}

impl Tokens {
    /// Issues a token, which is the good one from now on.
    fn issue(&self) -> String {
        let token = format!("token-{}", self.0.count.fetch_add(1, Ordering::Relaxed) + 1);
        token.clone_into(&mut self.0.good.lock().unwrap());
        token
    }

    fn revoke(&self) {
        self.0.good.lock().unwrap().clear();
    }

    fn count(&self) -> usize {
        self.0.count.load(Ordering::Relaxed)
    }

    fn provider(&self) -> impl Credentials + use<> {
        let tokens = self.clone();
        move || {
            let tokens = tokens.clone();
            async move { Ok::<_, BoxError>(Credential::bearer(tokens.issue())) }
        }
    }

    fn check(&self, request: &RequestContext) -> Result<Option<Principal>, Denied> {
        let Some(header) = request.headers.get("authorization") else { return Ok(None) };
        let good = self.0.good.lock().unwrap();
        let is_good = header.to_str().is_ok_and(|header| header.strip_prefix("Bearer ") == Some(&good));
        let principal = Principal::new("ada").with_role("admin");
        if is_good { Ok(Some(principal)) } else { Err(Denied::unauthenticated("unknown token")) }
    }

    /// Returns a server that takes the good token alone, and counts the calls that ran.
    fn server(&self) -> (Server, Arc<AtomicUsize>) {
        let (tokens, runs) = (self.clone(), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&runs);
        let server = Server::builder()
            .method("whoami", move |cx: Context| {
                counter.fetch_add(1, Ordering::Relaxed);
                async move { cx.principal().map(|principal| principal.subject().to_owned()) }
            })
            .authenticate(move |request: Arc<RequestContext>| {
                let tokens = tokens.clone();
                async move { tokens.check(&request) }
            });
        (server.build(), runs)
    }
}

/// Returns a builder for each way to the server, with its name. They retry nothing.
async fn builders(server: &Server) -> [(&'static str, ClientBuilder); 3] {
    let url = format!("http://{}", serve(server).await);
    [
        ("HTTP/1.1", Client::builder().endpoint(&url)),
        ("HTTP/2", Client::builder().endpoint(&url).http2_prior_knowledge()),
        ("in process", Client::builder().in_process(server)),
    ]
    .map(|(way, builder)| (way, builder.retry(Retry::never())))
}

async fn whoami(client: &Client) -> Option<String> {
    client.call("whoami", ()).await.unwrap()
}

#[tokio::test]
async fn a_token_is_fetched_once_and_again_when_it_is_refused() {
    let tokens = Tokens::default();
    let (server, runs) = tokens.server();
    for (way, builder) in builders(&server).await {
        let before = tokens.count();
        let client = builder.credentials(tokens.provider()).build().unwrap();
        for _ in 0..3 {
            assert_eq!(whoami(&client).await.as_deref(), Some("ada"), "{way}");
        }
        assert_eq!(tokens.count() - before, 1, "{way}");
        tokens.revoke();
        // Under `Retry::never`, and though the method may have an effect.
        assert_eq!(whoami(&client).await.as_deref(), Some("ada"), "{way}");
        assert_eq!(tokens.count() - before, 2, "{way}");
    }
    assert_eq!(runs.load(Ordering::Relaxed), 12);
}

#[tokio::test]
async fn a_batch_and_a_notification_are_sent_again_with_a_new_token() {
    let tokens = Tokens::default();
    let (server, runs) = tokens.server();
    let url = format!("http://{}", serve(&server).await);
    let client = Client::builder().endpoint(url).credentials(tokens.provider()).build().unwrap();
    whoami(&client).await;
    tokens.revoke();
    let call = || client.call::<Option<String>>("whoami", ());
    let (one, two, three) = client.batch((call(), call(), call().notify())).await.unwrap();
    assert_eq!((one.unwrap().as_deref(), two.unwrap().as_deref(), three.unwrap()), (Some("ada"), Some("ada"), ()));
    tokens.revoke();
    call().notify().await.unwrap();
    assert_eq!((tokens.count(), runs.load(Ordering::Relaxed)), (3, 5));
}

#[tokio::test]
async fn notifications_are_sent_again_with_a_new_token_whatever_the_way() {
    let tokens = Tokens::default();
    let (server, runs) = tokens.server();
    for (way, builder) in builders(&server).await {
        let client = builder.credentials(tokens.provider()).build().unwrap();
        let before = runs.load(Ordering::Relaxed);
        whoami(&client).await;
        tokens.revoke();
        client.notify("whoami", ()).await.unwrap();
        tokens.revoke();
        let (one, two) = client.batch((client.notify("whoami", ()), client.notify("whoami", ()))).await.unwrap();
        assert!(one.is_ok() && two.is_ok(), "{way}");
        assert_eq!(runs.load(Ordering::Relaxed) - before, 4, "{way}");
    }
}

#[tokio::test]
async fn entries_that_lack_credentials_are_sent_again_alone() {
    #[rpc::service]
    trait Mixed {
        async fn open(&self) -> u32;
        #[rpc(requires = "admin")]
        async fn closed(&self) -> u32;
    }
    struct Counting(AtomicUsize);
    impl Mixed for Counting {
        async fn open(&self) -> u32 {
            u32::try_from(self.0.fetch_add(1, Ordering::Relaxed)).unwrap()
        }
        async fn closed(&self) -> u32 {
            7
        }
    }
    // Whoever has no good token is nobody.
    let tokens = Tokens::default();
    let checked = tokens.clone();
    let server = Server::builder().service(MixedServer::new(Counting(AtomicUsize::new(0)))).authenticate(
        move |request: Arc<RequestContext>| {
            let tokens = checked.clone();
            async move { Ok(tokens.check(&request).unwrap_or_default()) }
        },
    );
    for (way, builder) in builders(&server.build()).await {
        let client = builder.credentials(tokens.provider()).build().unwrap();
        let mixed = MixedClient::new(client.clone());
        assert_eq!(mixed.closed().await.unwrap(), 7, "{way}");
        tokens.revoke();
        let (open, closed) = client.batch((mixed.open(), mixed.closed())).await.unwrap();
        assert_eq!(closed.unwrap(), 7, "{way}");
        tokens.revoke();
        assert_eq!(mixed.closed().await.unwrap(), 7, "{way}");
        assert_eq!(mixed.open().await.unwrap(), open.unwrap() + 1, "{way}: what ran is not sent again");
    }
}

#[tokio::test]
async fn fifty_callers_whose_token_is_refused_wait_for_one_fetch() {
    let tokens = Tokens::default();
    let (server, runs) = tokens.server();
    let url = format!("http://{}", serve(&server).await);
    let client = Client::builder().endpoint(url).credentials(tokens.provider()).build().unwrap();
    let all = || futures_util::future::join_all((0..50).map(|_| whoami(&client)));
    all().await;
    assert_eq!(tokens.count(), 1);
    tokens.revoke();
    all().await;
    assert_eq!((tokens.count(), runs.load(Ordering::Relaxed)), (2, 100));
}

#[tokio::test]
async fn a_second_refusal_is_the_end() {
    let tokens = Tokens::default();
    let (server, runs) = tokens.server();
    for (way, builder) in builders(&server).await {
        let fetched = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&fetched);
        let wrong = move || {
            counter.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, BoxError>(Credential::bearer("wrong")) }
        };
        let client = builder.retry(Retry::exponential()).credentials(wrong).build().unwrap();
        let error = client.call::<Value>("whoami", ()).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Authentication, Outcome::Refused), "{way}");
        assert_eq!((error.attempts().len(), fetched.load(Ordering::Relaxed)), (2, 2), "{way}");
        let (one, two) =
            client.batch((client.call::<Value>("whoami", ()), client.call::<Value>("whoami", ()))).await.unwrap();
        assert!(one.is_err() && two.is_err() && fetched.load(Ordering::Relaxed) == 3, "{way}");
    }
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn any_server_refuses_a_token_by_http_401() {
    let peer = Peer::start(|request| {
        let good = request.header("authorization") == Some("Bearer token-2");
        Answer::Bytes(if good {
            http("200 OK", &[], &result(&request.id(), 1))
        } else {
            http("401 Unauthorized", &[], "?")
        })
    })
    .await;
    let tokens = Tokens::default();
    let client = peer.builder().retry(Retry::never()).credentials(tokens.provider()).build().unwrap();
    assert_eq!(client.call::<u32>("pay", ()).await.unwrap(), 1);
    assert_eq!(tokens.count(), 2);
}

#[tokio::test]
async fn a_call_with_an_authorization_of_its_own_keeps_it() {
    let tokens = Tokens::default();
    let (server, _) = tokens.server();
    let client = Client::builder().in_process(&server).credentials(tokens.provider()).build().unwrap();
    let error = client.call::<Value>("whoami", ()).header("authorization", "Bearer own").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::Authentication, 1));
    assert_eq!(tokens.count(), 0);
}

#[tokio::test]
async fn credentials_come_before_a_header_of_the_client() {
    let tokens = Tokens::default();
    let (server, _) = tokens.server();
    let builder = Client::builder().in_process(&server).header("authorization", "Bearer old");
    assert_eq!(whoami(&builder.credentials(tokens.provider()).build().unwrap()).await.as_deref(), Some("ada"));
}

#[tokio::test]
async fn any_header_may_carry_a_credential() {
    let server = Server::builder().method("headers", |cx: Context| async move {
        let text = |name: &str| cx.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (text("x-api-key"), text("authorization"))
    });
    let server = server.build();
    for (credential, expected) in [
        (Credential::header("x-api-key", "k"), (Some("k"), None)),
        (Credential::basic("ada", "pass"), (None, Some("Basic YWRhOnBhc3M="))),
    ] {
        let provider = move || std::future::ready(Ok::<_, BoxError>(credential.clone()));
        let client = Client::builder().in_process(&server).credentials(provider).build().unwrap();
        let (key, authorization) = client.call::<(Option<String>, Option<String>)>("headers", ()).await.unwrap();
        assert_eq!((key.as_deref(), authorization.as_deref()), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_fetched_again_when_it_has_expired() {
    let tokens = Tokens::default();
    let (server, _) = tokens.server();
    let issuer = tokens.clone();
    let provider = move || {
        let token = Credential::bearer(issuer.issue()).expires_in(Duration::from_secs(60));
        std::future::ready(Ok::<_, BoxError>(token))
    };
    let client = Client::builder().in_process(&server).credentials(provider).build().unwrap();
    whoami(&client).await;
    tokio::time::advance(Duration::from_secs(59)).await;
    whoami(&client).await;
    assert_eq!(tokens.count(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    whoami(&client).await;
    assert_eq!(tokens.count(), 2);
}

#[tokio::test]
async fn a_provider_that_fails_is_the_source_of_a_call_that_was_not_sent() {
    #[derive(Debug, thiserror::Error)]
    #[error("the authority is closed")]
    struct Closed;

    let tokens = Tokens::default();
    let (server, runs) = tokens.server();
    let client = Client::builder()
        .in_process(&server)
        .retry(Retry::never())
        .credentials(|| async { Err::<Credential, _>(Closed) })
        .build()
        .unwrap();
    let error = client.call::<Value>("whoami", ()).await.unwrap_err();
    let failure = error.failure().unwrap();
    assert!(failure.is_credentials());
    assert_eq!((failure.kind(), failure.outcome()), (ErrorKind::Authentication, Outcome::NotSent));
    assert_eq!(failure.to_string(), "no credentials could be fetched for the call");
    assert_eq!(failure.source().unwrap().to_string(), "the authority is closed");
    let batch = client.batch([client.call::<Value>("whoami", ())]).await.unwrap_err();
    assert_eq!(batch.source().unwrap().to_string(), "the authority is closed");
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_provider_that_fails_at_first_is_asked_again() {
    let tokens = Tokens::default();
    let (server, _) = tokens.server();
    let (issuer, failed) = (tokens.clone(), AtomicUsize::new(0));
    let provider = move || {
        let fails = failed.fetch_add(1, Ordering::Relaxed) == 0;
        let token = if fails { Err(BoxError::from("busy")) } else { Ok(Credential::bearer(issuer.issue())) };
        std::future::ready(token)
    };
    let retry = Retry::exponential().base(Duration::from_millis(1));
    let client = Client::builder().in_process(&server).retry(retry).credentials(provider).build().unwrap();
    assert_eq!(whoami(&client).await.as_deref(), Some("ada"));
}

#[tokio::test]
async fn a_credential_that_cannot_be_sent_and_a_panic_fail_the_call() {
    struct Panics;
    impl Credentials for Panics {
        fn fetch(&self) -> BoxFuture<Result<Credential, BoxError>> {
            panic!("a planted panic")
        }
    }
    let (server, _) = Tokens::default().server();
    let builder = || Client::builder().in_process(&server).retry(Retry::never());
    let secret = || async { Ok::<_, BoxError>(Credential::bearer("se\ncret")) };
    for (builder, source) in [
        (builder().credentials(secret), "the credential cannot be the value of a header"),
        (builder().credentials(Panics), "the provider of credentials panicked"),
    ] {
        let error = builder.build().unwrap().call::<Value>("whoami", ()).await.unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), source);
        assert!(!format!("{error:?}").contains("cret\""));
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_call_bounds_its_wait_and_a_later_one_starts_anew() {
    let tokens = Tokens::default();
    let (server, _) = tokens.server();
    let (issuer, asked) = (tokens.clone(), AtomicUsize::new(0));
    let provider = move || {
        let (issuer, hangs) = (issuer.clone(), asked.fetch_add(1, Ordering::Relaxed) == 0);
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            Ok::<_, BoxError>(Credential::bearer(issuer.issue()))
        }
    };
    let client = Client::builder().in_process(&server).credentials(provider).build().unwrap();
    let begun = tokio::time::Instant::now();
    let error = client.call::<Value>("whoami", ()).deadline(Duration::from_secs(2)).await.unwrap_err();
    assert_eq!((error.is_timeout(), error.outcome()), (true, Outcome::NotSent));
    assert_eq!(begun.elapsed().as_secs(), 2);
    // The fetch is given up after 30 s.
    let waits = client.call::<Value>("whoami", ()).deadline(Duration::from_secs(60)).await;
    assert_eq!(waits.unwrap(), "ada");
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_end_the_fetch_of_others() {
    let tokens = Tokens::default();
    let (server, _) = tokens.server();
    let (gate, (asks, mut asked)) = (Arc::new(Semaphore::new(0)), mpsc::unbounded_channel());
    let (issuer, opened) = (tokens.clone(), Arc::clone(&gate));
    let provider = move || {
        let (issuer, opened) = (issuer.clone(), Arc::clone(&opened));
        asks.send(()).unwrap();
        async move {
            opened.acquire().await.unwrap().forget();
            Ok::<_, BoxError>(Credential::bearer(issuer.issue()))
        }
    };
    let client = Client::builder().in_process(&server).credentials(provider).build().unwrap();
    let first = tokio::spawn(client.call::<Value>("whoami", ()).into_future());
    asked.recv().await.unwrap();
    let second = tokio::spawn(client.call::<Value>("whoami", ()).into_future());
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.add_permits(1);
    assert_eq!(second.await.unwrap().unwrap(), "ada");
    assert_eq!(tokens.count(), 1);
}

#[test]
fn a_fetch_whose_runtime_has_ended_begins_anew() {
    let tokens = Tokens::default();
    let (server, _) = tokens.server();
    let (issuer, asked) = (tokens.clone(), AtomicUsize::new(0));
    let provider = move || {
        let (issuer, hangs) = (issuer.clone(), asked.fetch_add(1, Ordering::Relaxed) == 0);
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            Ok::<_, BoxError>(Credential::bearer(issuer.issue()))
        }
    };
    let client = Client::builder().in_process(&server).credentials(provider).build().unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let short = client.call::<Value>("whoami", ()).deadline(Duration::from_millis(20));
    assert!(runtime().block_on(short.into_future()).unwrap_err().is_timeout());
    assert_eq!(runtime().block_on(whoami(&client)).as_deref(), Some("ada"));
}

#[tokio::test]
async fn a_ticket_is_issued_with_a_new_token_and_redeemed() {
    let tokens = Tokens::default();
    let (server, _) = tokens.server();
    for (way, builder) in builders(&server).await {
        let client = builder.credentials(tokens.provider()).build().unwrap();
        whoami(&client).await;
        tokens.revoke();
        let mut call = client.call::<Option<String>>("whoami", ());
        let ticket = call.ticket().await.unwrap();
        tokens.revoke();
        assert_eq!(call.await.unwrap().as_deref(), Some("ada"), "{way}");
        tokens.revoke();
        let again = client.call::<Option<String>>("whoami", ()).redeem(ticket).await;
        assert_eq!(again.unwrap().as_deref(), Some("ada"), "{way}");
    }
}

#[tokio::test]
async fn nothing_prints_a_credential() {
    let credential = Credential::bearer("hidden").expires_in(Duration::from_secs(1));
    let tokens = Tokens::default();
    let (server, _) = tokens.server();
    let shown = credential.clone();
    let builder =
        Client::builder().in_process(&server).credentials(move || std::future::ready(Ok::<_, BoxError>(shown.clone())));
    let printed = format!("{credential:?} {builder:?}");
    let client = builder.build().unwrap();
    let error = client.call::<Value>("whoami", ()).await.unwrap_err();
    let printed = format!("{printed} {client:?} {error:?} {error}");
    assert!(!printed.contains("hidden"), "{printed}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_everything_does_not_lead_to_a_fetch_with_each_call() {
    let (server, _) = Tokens::default().server();
    let fetched = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&fetched);
    let wrong = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok::<_, BoxError>(Credential::bearer("wrong")))
    };
    let client = Client::builder().in_process(&server).retry(Retry::never()).credentials(wrong).build().unwrap();
    let count = async |calls| {
        for _ in 0..calls {
            let error = client.call::<Value>("whoami", ()).await.unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Authentication, Outcome::Refused));
        }
        fetched.load(Ordering::Relaxed)
    };
    assert_eq!(count(100).await, 11);
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(count(100).await, 14);
}

/// Returns a server that answers HTTP 401 with this body until a client has its second token.
async fn strict(body: impl Fn(&Received) -> String + Send + Sync + 'static) -> Peer {
    let answer = move |request: &Received| match request.header("authorization") {
        Some("Bearer token-2") if request.text().starts_with('[') => {
            let calls = request.ids().into_iter().filter(|id| !id.is_null());
            http("200 OK", &[], &array(calls.map(|id| result(&id, 1))))
        }
        Some("Bearer token-2") => http("200 OK", &[], &result(&request.id(), 1)),
        _ => http("401 Unauthorized", &[], &body(request)),
    };
    Peer::start(move |request| Answer::Bytes(answer(request))).await
}

#[tokio::test]
async fn an_error_under_http_401_is_a_refusal_of_the_token() {
    type Body = fn(&Received) -> String;
    let bodies: [Body; 3] = [
        |call| error(&call.id(), -32001, ""),
        |call| error(&call.id(), -32098, ""),
        |call| format!(r#"{{"jsonrpc":"2.0","error":"expired","id":{}}}"#, call.id()),
    ];
    for body in bodies {
        let (peer, tokens) = (strict(body).await, Tokens::default());
        let client = peer.builder().credentials(tokens.provider()).build().unwrap();
        assert_eq!(client.call::<u32>("pay", ()).await.unwrap(), 1);
        assert_eq!((tokens.count(), peer.requests().len()), (2, 2));
    }
    let peer = strict(|request| array(request.ids().iter().map(|id| error(id, -32001, "")))).await;
    let client = peer.builder().credentials(Tokens::default().provider()).build().unwrap();
    let pay = || client.call::<u32>("pay", ());
    let [one, two] = client.batch([pay(), pay()]).await.unwrap();
    assert_eq!((one.unwrap(), two.unwrap()), (1, 1));
}

#[tokio::test]
async fn an_error_under_http_401_is_the_answer_when_the_next_token_meets_it_too() {
    let peer = Peer::start(|call| Answer::Bytes(http("401 Unauthorized", &[], &error(&call.id(), -32001, "")))).await;
    let client = peer.builder().credentials(Tokens::default().provider()).build().unwrap();
    let told = client.call::<u32>("pay", ()).await.unwrap_err();
    assert!(matches!(&told, Error::Rpc(error) if error.code().get() == -32001), "{told:?}");
    assert_eq!(peer.requests().len(), 2);
}

#[tokio::test]
async fn http_401_refuses_no_entry_that_its_body_leaves_out() {
    let peer = strict(|request| array(request.ids().iter().take(1).map(|id| error(id, -32001, "")))).await;
    let client = peer.builder().credentials(Tokens::default().provider()).build().unwrap();
    let pay = || client.call::<u32>("pay", ());
    let (one, two, seen) = client.batch((pay(), pay(), client.notify("seen", ()))).await.unwrap();
    assert_eq!(one.unwrap(), 1);
    assert_eq!((two.unwrap_err().outcome(), seen.unwrap_err().outcome()), (Outcome::Unknown, Outcome::Unknown));
    let methods: Vec<_> = peer.requests().iter().map(Received::methods).collect();
    assert_eq!(methods, [vec!["pay", "pay", "seen"], vec!["pay"]]);
}

#[tokio::test]
async fn http_401_with_a_result_refuses_nothing() {
    let peer = strict(|request| {
        let ids = request.ids();
        array([result(&ids[0], 7), error(&ids[1], -32001, "")])
    })
    .await;
    let client = peer.builder().credentials(Tokens::default().provider()).build().unwrap();
    let pay = || client.call::<u32>("pay", ());
    let [one, two] = client.batch([pay(), pay()]).await.unwrap();
    assert!(one.unwrap() == 7 && matches!(two.unwrap_err(), Error::Rpc(_)));
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn a_call_has_its_key_though_a_gateway_refuses_the_token_of_the_question_for_the_store() {
    let server =
        Server::builder().method("has_key", |cx: Context| async move { cx.idempotency_key().is_some() }).build();
    let gateway = from_fn(|request: transport::Request, next: Next<transport::Request>| async move {
        let is_probe = request.is_probe();
        let is_good = request.headers["authorization"] == "Bearer token-2";
        let mut reply = Reply::new(Bytes::new());
        if is_good || is_probe {
            reply = next.run(request).await?;
        }
        if !is_good {
            reply = Reply::new(Bytes::new());
            reply.status = Some(StatusCode::UNAUTHORIZED);
        }
        Ok::<_, Failure>(reply)
    });
    let builder = Client::builder().in_process(&server).retry(Retry::exponential().base(Duration::from_millis(1)));
    let client = builder.credentials(Tokens::default().provider()).attempt_layer(gateway).build().unwrap();
    assert!(client.call::<bool>("has_key", ()).await.unwrap());
}
