//! A refusal is told in the same words whether its call was sent alone, where it has an HTTP status, or in a batch.

use std::time::Duration;

use rpc::auth::Bearer;
use rpc::middleware::RateLimit;
use rpc::{Call, Client, Error, Failure, Limits, Outcome, Principal, Retry, Server, ServerBuilder};
use support::serve;

#[rpc::service(namespace = "door")]
trait Door {
    async fn knock(&self, times: u32) -> u32;
    async fn wait(&self) -> u32;
    #[rpc(requires = "admin")]
    async fn open(&self) -> u32;
}

struct Wood;

impl Door for Wood {
    async fn knock(&self, times: u32) -> u32 {
        times
    }
    async fn wait(&self) -> u32 {
        std::future::pending().await
    }
    async fn open(&self) -> u32 {
        0
    }
}

fn door(change: fn(&mut Limits)) -> ServerBuilder {
    let mut limits = Limits::default();
    change(&mut limits);
    let bearer = Bearer::new().token("bob's", Principal::new("bob"));
    Server::builder().service(DoorServer::new(Wood)).authenticate(bearer).limits(limits)
}

/// A refusal: its name, the server, and the call that it refuses once another one was made.
struct Case {
    name: &'static str,
    server: ServerBuilder,
    call: fn(&Client) -> Call<u32>,
    shown: &'static str,
    outcome: Outcome,
}

fn knock(client: &Client) -> Call<u32> {
    client.call("door.knock", [1])
}

const KEY: uuid::Uuid = uuid::Uuid::from_u128(7);

fn cases() -> Vec<Case> {
    let case = |name, server, call, shown, outcome| Case { name, server, call, shown, outcome };
    let refused = Outcome::Refused;
    vec![
        case(
            "nobody",
            door(|_| ()),
            |client| client.call("door.open", ()),
            "server gave up on the call: Unauthenticated (code -32098): requires admin",
            refused,
        ),
        case(
            "forbidden",
            door(|_| ()),
            |client| client.call("door.open", ()).header("authorization", "Bearer bob's"),
            "server gave up on the call: Forbidden (code -32098): requires admin",
            refused,
        ),
        case(
            "wrong credentials",
            door(|_| ()),
            |client| knock(client).header("authorization", "Bearer guess"),
            "server gave up on the call: Unauthenticated (code -32098)",
            refused,
        ),
        case(
            "overload",
            door(|limits| limits.max_calls_in_flight = 0),
            knock,
            "server gave up on the call: Server overloaded (code -32092)",
            refused,
        ),
        case(
            "rate limit",
            door(|_| ()).layer(RateLimit::per_minute(1)),
            knock,
            "server gave up on the call: Too many calls (code -32099)",
            refused,
        ),
        case(
            "request too large",
            door(|limits| limits.max_request_bytes = 10),
            knock,
            "server gave up on the call: Request too large (code -32090)",
            refused,
        ),
        case(
            "head too large",
            door(|limits| limits.max_headers = 20),
            |client| (0..30).fold(knock(client), |call, index| call.header(&format!("x-{index}"), "x")),
            "server gave up on the call: Request too large (code -32090)",
            refused,
        ),
        case(
            "answer too large",
            door(|limits| limits.max_response_bytes = 1),
            knock,
            "server gave up on the call: Response too large (code -32091)",
            Outcome::Executed,
        ),
        case(
            "handler timed out",
            door(|limits| limits.handler_timeout = Duration::from_millis(20)),
            |client| client.call("door.wait", ()),
            "server gave up on the call: Handler timed out (code -32093)",
            Outcome::Unknown,
        ),
        case(
            "key of another call",
            door(|_| ()),
            |client| client.call("door.knock", [2]).idempotency_key(KEY),
            "server gave up on the call: Idempotency key refused (code -32096): mismatch",
            refused,
        ),
        case(
            "no such method",
            door(|_| ()),
            |client| client.call("door.shut", ()),
            "Method not found (code -32601)",
            Outcome::Executed,
        ),
        case(
            "params that do not fit",
            door(|_| ()),
            |client| client.call("door.knock", ["x"]),
            r#"Invalid params: parameter "times": invalid type: string "x", expected u32 (code -32602)"#,
            Outcome::Executed,
        ),
    ]
}

#[tokio::test]
async fn a_refusal_is_told_in_the_same_words_alone_and_in_a_batch() {
    for Case { name, server, call, shown, outcome } in cases() {
        let url = format!("http://{}", serve(&server.build()).await);
        let client = Client::builder().endpoint(url).retry(Retry::never()).build().unwrap();
        // The first one uses up what is limited.
        let _ = knock(&client).idempotency_key(KEY).await;
        let alone = call(&client).await.unwrap_err();
        let in_batch = client.batch([call(&client)]).await.map_or_else(Error::from, |[answer]| answer.unwrap_err());
        for error in [&alone, &in_batch] {
            assert_eq!((error.to_string().as_str(), error.outcome()), (shown, outcome), "{name}");
            let is_too_large = error.failure().is_some_and(Failure::is_too_large);
            assert_eq!(is_too_large, name.ends_with("too large"), "{name}");
        }
        assert_eq!(alone.kind(), in_batch.kind(), "{name}");
        let flags = |error: &Error| {
            let failure = error.failure();
            (error.is_timeout(), failure.map(|failure| (failure.is_overloaded(), failure.is_too_large())))
        };
        assert_eq!(flags(&alone), flags(&in_batch), "{name}");
        assert_eq!(alone.error_object().map(|error| error.code()), in_batch.error_object().map(|error| error.code()));
    }
}
