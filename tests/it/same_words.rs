//! A refusal has the same text for a single call, which has an HTTP status, and for a call in a batch.

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

/// A refusal: its name, the server, and the call that the server refuses after another one.
struct Case {
    name: &'static str,
    server: fn() -> ServerBuilder,
    call: fn(&Client) -> Call<u32>,
    shown: &'static str,
    outcome: Outcome,
}

fn knock(client: &Client) -> Call<u32> {
    client.call("door.knock", [1])
}

const KEY: uuid::Uuid = uuid::Uuid::from_u128(7);

const CASES: [Case; 12] = [
    Case {
        name: "nobody",
        server: || door(|_| ()),
        call: |client| client.call("door.open", ()),
        shown: "server gave up on the call: Unauthenticated (code -32098): requires admin",
        outcome: Outcome::Refused,
    },
    Case {
        name: "forbidden",
        server: || door(|_| ()),
        call: |client| client.call("door.open", ()).header("authorization", "Bearer bob's"),
        shown: "server gave up on the call: Forbidden (code -32098): requires admin",
        outcome: Outcome::Refused,
    },
    Case {
        name: "wrong credentials",
        server: || door(|_| ()),
        call: |client| knock(client).header("authorization", "Bearer guess"),
        shown: "server gave up on the call: Unauthenticated (code -32098)",
        outcome: Outcome::Refused,
    },
    Case {
        name: "overload",
        server: || door(|limits| limits.max_calls_in_flight = 0),
        call: knock,
        shown: "server gave up on the call: Server overloaded (code -32092)",
        outcome: Outcome::Refused,
    },
    Case {
        name: "rate limit",
        server: || door(|_| ()).layer(RateLimit::per_minute(1)),
        call: knock,
        shown: "server gave up on the call: Too many calls (code -32099)",
        outcome: Outcome::Refused,
    },
    Case {
        name: "request too large",
        server: || door(|limits| limits.max_request_bytes = 10),
        call: knock,
        shown: "server gave up on the call: Request too large (code -32090)",
        outcome: Outcome::Refused,
    },
    Case {
        name: "head too large",
        server: || door(|limits| limits.max_headers = 20),
        call: |client| (0..30).fold(knock(client), |call, index| call.header(format!("x-{index}"), "x")),
        shown: "server gave up on the call: Request too large (code -32090)",
        outcome: Outcome::Refused,
    },
    Case {
        name: "answer too large",
        server: || door(|limits| limits.max_response_bytes = 1),
        call: knock,
        shown: "server gave up on the call: Response too large (code -32091)",
        outcome: Outcome::Executed,
    },
    Case {
        name: "handler timed out",
        server: || door(|limits| limits.handler_timeout = Duration::from_millis(20)),
        call: |client| client.call("door.wait", ()),
        shown: "server gave up on the call: Handler timed out (code -32093)",
        outcome: Outcome::Unknown,
    },
    Case {
        name: "key of another call",
        server: || door(|_| ()),
        call: |client| client.call("door.knock", [2]).idempotency_key(KEY),
        shown: "server gave up on the call: Idempotency key refused (code -32096): mismatch",
        outcome: Outcome::Refused,
    },
    Case {
        name: "no such method",
        server: || door(|_| ()),
        call: |client| client.call("door.shut", ()),
        shown: "Method not found (code -32601)",
        outcome: Outcome::Executed,
    },
    Case {
        name: "params that do not fit",
        server: || door(|_| ()),
        call: |client| client.call("door.knock", ["x"]),
        shown: r#"Invalid params: parameter "times": invalid type: string "x", expected u32 (code -32602)"#,
        outcome: Outcome::Executed,
    },
];

#[tokio::test]
async fn a_refusal_is_told_in_the_same_words_alone_and_in_a_batch() {
    for Case { name, server, call, shown, outcome } in CASES {
        let url = format!("http://{}", serve(&server().build()).await);
        let client = Client::builder().endpoint(url).retry(Retry::never()).build().unwrap();
        // The first call uses up the limit.
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
