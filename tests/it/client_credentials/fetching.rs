//! How credentials are fetched: when, for which calls, within which time, and what happens if the provider fails.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc::client_middleware::BoxError;
use rpc::{BoxFuture, Client, Credential, Credentials, ErrorKind, Outcome, Retry};
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};

use super::{Tokens, whoami};

/// Returns a provider with a first fetch that never ends.
fn provider_that_hangs_at_first(tokens: &Tokens) -> impl Credentials + use<> {
    let (issuer, asked) = (tokens.clone(), AtomicUsize::new(0));
    move || {
        let (issuer, hangs) = (issuer.clone(), asked.fetch_add(1, Ordering::Relaxed) == 0);
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            Ok::<_, BoxError>(Credential::bearer(issuer.issue()))
        }
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
    let provider = provider_that_hangs_at_first(&tokens);
    let client = Client::builder().in_process(&server).credentials(provider).build().unwrap();
    let begun = tokio::time::Instant::now();
    let error = client.call::<Value>("whoami", ()).deadline(Duration::from_secs(2)).await.unwrap_err();
    assert_eq!((error.is_timeout(), error.outcome()), (true, Outcome::NotSent));
    assert_eq!(begun.elapsed().as_secs(), 2);
    // The client gives up a fetch after 30 s.
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
    let provider = provider_that_hangs_at_first(&tokens);
    let client = Client::builder().in_process(&server).credentials(provider).build().unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let short = client.call::<Value>("whoami", ()).deadline(Duration::from_millis(20));
    assert!(runtime().block_on(short.into_future()).unwrap_err().is_timeout());
    assert_eq!(runtime().block_on(whoami(&client)).as_deref(), Some("ada"));
}
