//! Credentials that a client fetches, at servers that check them.

mod fetching;
mod http_401;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc::auth::Denied;
use rpc::client_middleware::BoxError;
use rpc::{
    Client, ClientBuilder, Context, Credential, Credentials, ErrorKind, Outcome, Principal, RequestContext, Retry,
    Server,
};
use serde_json::Value;
use support::serve;

/// Knows which token is valid, and counts the tokens issued.
#[derive(Clone, Default)]
struct Tokens(Arc<Issued>);

#[derive(Default)]
struct Issued {
    good: Mutex<String>,
    count: AtomicUsize,
}

impl Tokens {
    /// Issues a token. From now on, it is the valid one.
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

    /// Returns a server that accepts only the valid token, and a counter of the calls that ran.
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

/// Returns a builder for each transport to the server, with its name. They never retry.
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
        // This works even under `Retry::never` and for a method that may have an effect.
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
    // A caller without a valid token is anonymous.
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
