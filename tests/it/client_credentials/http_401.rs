//! HTTP 401 means that the token is invalid, whatever the body.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use rpc::client_middleware::{Next, from_fn};
use rpc::transport::{self, Reply};
use rpc::{Client, Context, Error, Failure, Outcome, Retry, Server};
use support::{Answer, Peer, Received, array, error, http, result};

use super::Tokens;

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

/// Returns a server that answers HTTP 401 with this body until a client sends its second token.
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
