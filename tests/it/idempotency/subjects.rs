//! Tickets belong to a subject: a ticket redeemed as another subject does not run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rpc::auth::{Bearer, Denied};
use rpc::{Call, Client, ErrorKind, Limits, Outcome, Principal, RequestContext, Retry, Server};
use rpc_core::KeyRefusal;
use support::raw_http::{Connection, Reply, request};
use support::{clients_of, serve};

fn server(count: &Arc<AtomicUsize>) -> rpc::ServerBuilder {
    let tokens = Bearer::new()
        .token("ada's", Principal::new("ada"))
        .token("ada's next", Principal::new("ada"))
        .token("bob's", Principal::new("bob"));
    let count = Arc::clone(count);
    Server::builder().authenticate(tokens).method("pay", move || {
        let paid = count.fetch_add(1, Ordering::Relaxed) + 1;
        async move { paid }
    })
}

fn pay(client: &Client, token: Option<&str>) -> Call<usize> {
    let call = client.call("pay", ());
    match token {
        Some(token) => call.header("authorization", format!("Bearer {token}")),
        None => call,
    }
}

#[tokio::test]
async fn a_ticket_is_its_subjects_whatever_the_token() {
    let count = Arc::default();
    let server = server(&count).build();
    for (way, client) in clients_of(&server).await {
        for (first, same, others) in
            [(Some("ada's"), Some("ada's next"), [Some("bob's"), None]), (None, None, [Some("ada's"), Some("bob's")])]
        {
            let mut call = pay(&client, first);
            let ticket = call.ticket().await.unwrap();
            let paid = call.await.unwrap();
            for retry in [Retry::exponential(), Retry::never()] {
                for other in others {
                    let error = pay(&client, other).retry(retry).redeem(ticket.clone()).await.unwrap_err();
                    assert_eq!((error.outcome(), error.kind()), (Outcome::Unknown, ErrorKind::Authorization), "{way}");
                    let refusal = KeyRefusal::from_error_object(&error.error_object().unwrap());
                    assert_eq!(refusal, Some(KeyRefusal::OtherSubject), "{way}");
                }
                assert_eq!(pay(&client, same).retry(retry).redeem(ticket.clone()).await.unwrap(), paid, "{way}");
            }
            assert_eq!(count.load(Ordering::Relaxed), paid, "{way}");
        }
    }
}

#[tokio::test]
async fn a_ticket_is_not_issued_to_wrong_credentials_and_the_client_goes_on() {
    let count = Arc::default();
    let server = server(&count).build();
    for (way, client) in clients_of(&server).await {
        let failure = pay(&client, Some("guess")).ticket().await.unwrap_err();
        assert_eq!((failure.outcome(), failure.kind()), (Outcome::NotSent, ErrorKind::Authentication), "{way}");
        // The client has not concluded from this that there is no store.
        let mut call = pay(&client, Some("ada's"));
        call.ticket().await.unwrap();
        call.await.unwrap();
    }
}

#[tokio::test]
async fn whom_keys_belong_to_is_what_the_scope_hook_says() {
    let count = Arc::default();
    let tenant = |request: &RequestContext| Some(request.headers.get("x-tenant")?.to_str().ok()?.to_owned());
    let server = server(&count).idempotency_scope(tenant).build();
    let addr = serve(&server).await;
    for (number, scheme) in (1..).zip(["http", "ws"]) {
        let client = Client::new(format!("{scheme}://{addr}")).unwrap();
        let mut call = pay(&client, Some("ada's")).header("x-tenant", "a");
        let ticket = call.ticket().await.unwrap();
        assert_eq!(call.await.unwrap(), number);
        let again = pay(&client, Some("bob's")).header("x-tenant", "a").redeem(ticket.clone());
        assert_eq!(again.await.unwrap(), number);
        let error = pay(&client, Some("ada's")).header("x-tenant", "b").redeem(ticket).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert_eq!(count.load(Ordering::Relaxed), number);
    }
}

async fn head(server: &Server, headers: &[(&str, &str)]) -> Reply {
    let mut connection = Connection::open(serve(server).await).await;
    let mut all = vec![("host", "localhost"), ("connection", "close")];
    all.extend_from_slice(headers);
    connection.send(&request("HEAD / HTTP/1.1", &all, b"")).await;
    connection.reply_with_body(false).await
}

#[tokio::test]
async fn only_a_head_that_asks_whose_keys_are_is_asked_who_it_is() {
    let server = server(&Arc::default()).build();
    let asks = ("rpc-idempotency", "scope");
    let scope = |reply: &Reply| {
        let told = reply.header("rpc-idempotency").unwrap().to_owned();
        told.split_once(";scope=").map(|(_, scope)| scope.to_owned())
    };
    let plain = head(&server, &[("authorization", "Bearer guess")]).await;
    assert_eq!((plain.status, scope(&plain)), (200, None));
    let nobody = head(&server, &[asks]).await;
    assert_eq!((nobody.status, scope(&nobody).as_deref()), (200, Some("none")));
    assert_eq!((plain.header("cache-control"), nobody.header("cache-control")), (Some("no-store"), Some("no-store")));
    let mut tags = Vec::new();
    for token in ["Bearer ada's", "Bearer ada's next", "Bearer bob's"] {
        let somebody = head(&server, &[asks, ("authorization", token)]).await;
        let tag = scope(&somebody).unwrap();
        assert_eq!((somebody.status, tag.len()), (200, 16), "{tag}");
        tags.push(tag);
    }
    assert!(tags[0] == tags[1] && tags[0] != tags[2], "{tags:?}");
    let wrong = head(&server, &[asks, ("authorization", "Bearer guess")]).await;
    assert_eq!((wrong.status, wrong.header("rpc-idempotency")), (401, None));
    assert_eq!(wrong.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn a_head_that_asks_is_under_the_limits_of_calls() {
    let mut limits = Limits::default();
    limits.max_calls_in_flight = 0;
    let full = server(&Arc::default()).limits(limits).build();
    let asks = ("rpc-idempotency", "scope");
    assert_eq!(head(&full, &[asks]).await.status, 503);
    assert_eq!(head(&full, &[]).await.status, 200);

    let unavailable = |_: Arc<RequestContext>| async { Err(Denied::unavailable()) };
    let away = Server::builder().authenticate(unavailable).build();
    assert_eq!(head(&away, &[asks]).await.status, 503);
    let panics = Server::builder().idempotency_scope(|_| panic!("in the hook")).build();
    assert_eq!(head(&panics, &[asks]).await.status, 500);
}
