//! The table of docs/reliability.md: what the client retries, and what callers are told, for each failure and each kind
//! of method. The test makes each failure happen over a socket, and compares the result with the document.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use rpc::{Call, Client, Error, Outcome, Retry, RetryBudget, RpcError};
use serde_json::Value;
use support::{Answer, Peer, Received, error, http, result};

#[derive(Debug, thiserror::Error, RpcError)]
enum Trouble {
    #[error("sold out")]
    #[rpc(code = 1)]
    SoldOut,
    #[error("busy")]
    #[rpc(code = 2, retryable)]
    Busy,
}

#[rpc::service]
trait Shop {
    #[rpc(readonly)]
    async fn look(&self) -> Result<u8, Trouble>;
    #[rpc(idempotent)]
    async fn put(&self) -> Result<u8, Trouble>;
    async fn buy(&self) -> Result<u8, Trouble>;
}

const STORE: &str = "rpc-idempotency: store=00000000-0000-4000-8000-000000000001;ttl=120";
const OTHER_STORE: &str = "rpc-idempotency: store=00000000-0000-4000-8000-000000000002;ttl=120";

/// A failure. Each run creates it again.
struct Case {
    failure: &'static str,
    answer: fn(&Received) -> Answer,
}

fn status(line: &str, headers: &[&str]) -> Answer {
    Answer::Bytes(http(line, headers, ""))
}

fn body(text: &str) -> Answer {
    Answer::Bytes(http("200 OK", &[], text))
}

fn with_headers(headers: &[&str], text: &str) -> Answer {
    Answer::Bytes(http("200 OK", headers, text))
}

fn key_refused(reason: &str) -> String {
    format!(r#","data":{{"reason":"{reason}"}}"#)
}

const CASES: &[Case] = &[
    Case { failure: "connection refused", answer: |_| unreachable!("nobody listens") },
    Case { failure: "HTTP 429", answer: |_| status("429 Too Many Requests", &[]) },
    Case {
        failure: "HTTP 503 with `Rpc-Refused: all`",
        answer: |_| status("503 Service Unavailable", &["rpc-refused: all"]),
    },
    Case {
        failure: "code -32092 (overloaded) with `Rpc-Refused: all`",
        answer: |call| with_headers(&["rpc-refused: all"], &error(&call.id(), -32092, "")),
    },
    Case {
        failure: "code -32092 with `Rpc-Fault: all`: the server's own, but it may have run",
        answer: |call| with_headers(&["rpc-fault: all"], &error(&call.id(), -32092, "")),
    },
    Case {
        failure: "code -32092 without these headers: from a handler",
        answer: |call| body(&error(&call.id(), -32092, "")),
    },
    Case {
        failure: "code -32099 (rate limited) with `Rpc-Refused: all`",
        answer: |call| with_headers(&["rpc-refused: all"], &error(&call.id(), -32099, r#","data":{"retryAfterMs":1}"#)),
    },
    Case { failure: "bare HTTP 503", answer: |_| status("503 Service Unavailable", &["retry-after: 0"]) },
    Case {
        failure: "HTTP 500, 502, 504 without a JSON-RPC answer to the call",
        answer: |_| status("502 Bad Gateway", &[]),
    },
    Case {
        failure: "HTTP 502 with `Rpc-Refused: all`, which our server never sends",
        answer: |_| status("502 Bad Gateway", &["rpc-refused: all"]),
    },
    Case {
        failure: "HTTP 202 with `Rpc-Refused: all` and code -32092, which our server never sends",
        answer: |call| Answer::Bytes(http("202 Accepted", &["rpc-refused: all"], &error(&call.id(), -32092, ""))),
    },
    Case {
        failure: "HTTP 500 with `Rpc-Retry: no`",
        answer: |_| status("500 Internal Server Error", &["rpc-retry: no"]),
    },
    Case {
        failure: "HTTP 400, 401, 403, 404 without a JSON-RPC answer to the call",
        answer: |_| status("403 Forbidden", &[]),
    },
    Case {
        failure: "HTTP 401, 403, 404 with `Rpc-Refused: all`",
        answer: |_| status("403 Forbidden", &["rpc-refused: all"]),
    },
    Case {
        failure: "HTTP 400 with `Rpc-Refused: all`: the body was incomplete",
        answer: |_| status("400 Bad Request", &["rpc-refused: all"]),
    },
    Case { failure: "HTTP 408", answer: |_| status("408 Request Timeout", &[]) },
    Case {
        failure: "HTTP 400, 401, 403, 404 or 500 with a declared error under the call's id",
        answer: |call| Answer::Bytes(http("404 Not Found", &[], &error(&call.id(), 1, ""))),
    },
    Case {
        failure: "HTTP 400, 401, 403, 404 or 500 with any other JSON-RPC error under the call's id",
        answer: |call| Answer::Bytes(http("500 Internal Server Error", &[], &error(&call.id(), -32601, ""))),
    },
    Case {
        failure: "HTTP 502, 503, 504 with a JSON-RPC error under the call's id: gateways send it as well",
        answer: |call| Answer::Bytes(http("502 Bad Gateway", &[], &error(&call.id(), -32601, ""))),
    },
    Case { failure: "connection cut before the answer", answer: |_| Answer::Bytes(Vec::new()) },
    Case {
        failure: "connection cut within the answer",
        answer: |call| {
            let whole = http("200 OK", &[], &result(&call.id(), 1));
            Answer::Bytes(whole[..whole.len() - 3].to_vec())
        },
    },
    Case { failure: "no answer in time", answer: |_| Answer::Stall(Vec::new()) },
    Case { failure: "an answer that is no JSON", answer: |_| body("<html>") },
    Case { failure: "an answer with another id", answer: |_| body(&result(&Value::from("other"), 1)) },
    Case {
        failure: "code -32093 (handler timed out) with `Rpc-Fault: all`",
        answer: |call| with_headers(&["rpc-fault: all"], &error(&call.id(), -32093, "")),
    },
    Case {
        failure: "code -32093 with `Rpc-Refused: all`: a layer waited too long",
        answer: |call| with_headers(&["rpc-refused: all"], &error(&call.id(), -32093, "")),
    },
    Case {
        failure: "code -32094 (request timed out) with `Rpc-Refused: all`",
        answer: |call| with_headers(&["rpc-refused: all"], &error(&call.id(), -32094, "")),
    },
    Case {
        failure: "code -32095 (deadline expired) with `Rpc-Refused: all`",
        answer: |call| with_headers(&["rpc-refused: all"], &error(&call.id(), -32095, "")),
    },
    Case {
        failure: "key refused: `in_progress` with `Rpc-Fault: all`",
        answer: |call| with_headers(&["rpc-fault: all"], &error(&call.id(), -32096, &key_refused("in_progress"))),
    },
    Case {
        failure: "key refused: `other_store`",
        answer: |call| {
            let refused = ["rpc-refused: all", OTHER_STORE];
            with_headers(&refused, &error(&call.id(), -32096, &key_refused("other_store")))
        },
    },
    Case {
        failure: "key refused: `keys_lost`",
        answer: |call| with_headers(&["rpc-refused: all"], &error(&call.id(), -32096, &key_refused("keys_lost"))),
    },
    Case {
        failure: "key refused: `store_unavailable`",
        answer: |call| {
            with_headers(&["rpc-refused: all"], &error(&call.id(), -32096, &key_refused("store_unavailable")))
        },
    },
    Case {
        failure: "key refused: `mismatch`",
        answer: |call| {
            let headers = ["rpc-refused: all", "rpc-retry: no"];
            with_headers(&headers, &error(&call.id(), -32096, &key_refused("mismatch")))
        },
    },
    Case {
        failure: "code -32097 (outcome unknown) with `Rpc-Fault: all`",
        answer: |call| with_headers(&["rpc-fault: all"], &error(&call.id(), -32097, "")),
    },
    Case {
        failure: "code -32097 with `Rpc-Refused: all`: the key may be forgotten",
        answer: |call| with_headers(&["rpc-refused: all", STORE], &error(&call.id(), -32097, "")),
    },
    Case { failure: "answer over the client's limit", answer: |call| body(&result(&call.id(), "1".repeat(500))) },
    Case {
        failure: "code -32091 (response too large) with `Rpc-Fault: all`",
        answer: |call| with_headers(&["rpc-fault: all"], &error(&call.id(), -32091, "")),
    },
    Case { failure: "declared error", answer: |call| body(&error(&call.id(), 1, "")) },
    Case { failure: "declared error that is `retryable`", answer: |call| body(&error(&call.id(), 2, "")) },
    Case { failure: "any other JSON-RPC error", answer: |call| body(&error(&call.id(), -32601, "")) },
    Case {
        failure: "an `error` that is no error object",
        answer: |call| body(&format!(r#"{{"jsonrpc":"2.0","error":"no funds","id":{}}}"#, call.id())),
    },
    Case { failure: "result of another type", answer: |call| body(&result(&call.id(), "\"text\"")) },
];

/// A kind of method, and whether the server announces a store.
struct Kind {
    call: fn(&ShopClient) -> Call<u8, Trouble>,
    announces: bool,
}

const KINDS: [Kind; 4] = [
    Kind { call: ShopClient::look, announces: true },
    Kind { call: ShopClient::put, announces: true },
    Kind { call: ShopClient::buy, announces: true },
    Kind { call: ShopClient::buy, announces: false },
];

async fn cell(case: &Case, kind: &Kind) -> String {
    let head = http("200 OK", if kind.announces { &[STORE] } else { &[] }, "");
    let peer = Peer::start_with(head, case.answer).await;
    let url = if case.failure == "connection refused" { "http://127.0.0.1:1".to_owned() } else { peer.url() };
    let client = Client::builder()
        .endpoint(url)
        .retry(Retry::exponential().base(Duration::from_millis(1)))
        .retry_budget(RetryBudget::unlimited())
        .attempt_timeout(Duration::from_millis(150))
        .deadline(Duration::from_millis(1000))
        .max_response_bytes(400)
        .build()
        .unwrap();
    let told = (kind.call)(&ShopClient::new(client)).await.unwrap_err();
    let sent = peer.requests().len().max(told.attempts().len());
    let outcome = match told {
        Error::Method(_) => "`Error::Method`".to_owned(),
        Error::Rpc(_) => "`Error::Rpc`".to_owned(),
        Error::Failure(failure) => match failure.outcome() {
            Outcome::NotSent => "not sent".to_owned(),
            Outcome::Refused => "refused".to_owned(),
            Outcome::Unknown => "unknown".to_owned(),
            Outcome::Executed => "executed".to_owned(),
            other => format!("{other:?}"),
        },
    };
    match sent {
        1 => outcome,
        // The client relies on the other store once, and then on none, in addition to its usual retries.
        _ if case.failure.contains("other_store") || case.failure.contains("keys_lost") => {
            format!("retried; {outcome}")
        }
        2 | 3 => format!("retried; {outcome}"),
        // The client asks for the outcome until the deadline.
        _ => format!("waits; {outcome}"),
    }
}

#[tokio::test]
async fn the_document_says_what_happens() {
    let mut table = String::from(
        "| what failed, each time | `readonly` | `idempotent` | neither, server has a store | neither, it has none |\n",
    );
    table.push_str("|---|---|---|---|---|\n");
    for case in CASES {
        let cells = futures_util::future::join_all(KINDS.iter().map(|kind| cell(case, kind))).await;
        writeln!(table, "| {} | {} |", case.failure, cells.join(" | ")).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reliability.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- table: begin -->\n", "<!-- table: end -->\n");
    let start = document.find(begin).expect("the table's begin is marked") + begin.len();
    let stop = document.find(end).expect("the table's end is marked");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{}{table}{}", &document[..start], &document[stop..])).unwrap();
        return;
    }
    assert_eq!(&document[start..stop], table, "docs/reliability.md says otherwise (BLESS=1 rewrites it)");
}
