//! JSON-RPC answers with an HTTP status that is an error, as Bitcoin Core, Lotus and others send them.

use std::time::{Duration, Instant};

use rpc::{Client, Error, ErrorKind, ErrorObject, Outcome, Retry, RpcError};
use serde_json::Value;
use support::{Answer, Peer, Received, array, error, http, over_http, result};

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("prepared")]
#[rpc(code = 1001, retryable)]
struct SoldOut;

#[rpc::service]
trait Shop {
    #[rpc(readonly)]
    async fn look(&self) -> Result<u64, SoldOut>;
}

const ANSWERING: [&str; 7] = [
    "400 Bad Request",
    "401 Unauthorized",
    "403 Forbidden",
    "404 Not Found",
    "408 Request Timeout",
    "422 Unprocessable Entity",
    "500 Internal Server Error",
];

const GATEWAYS: [&str; 5] = [
    "429 Too Many Requests",
    "501 Not Implemented",
    "502 Bad Gateway",
    "503 Service Unavailable",
    "504 Gateway Timeout",
];

async fn peer(status: &'static str, body: impl Fn(&Received) -> String + Send + Sync + 'static) -> Peer {
    Peer::start(move |request| Answer::Bytes(http(status, &[], &body(request)))).await
}

/// Returns a client that retries all it may, without pauses.
fn eager(peer: &Peer) -> Client {
    let retry = Retry::exponential().base(Duration::from_millis(1));
    Client::builder().endpoint(peer.url()).retry(retry).build().unwrap()
}

#[tokio::test]
async fn an_answer_under_a_status_that_is_an_error_is_the_answer() {
    for status in ANSWERING {
        let peer = peer(status, |call| error(&call.id(), -5, "")).await;
        for (way, client) in over_http(&peer.url()) {
            let told = client.call::<u64>("method", ()).await.unwrap_err();
            assert!(matches!(&told, Error::Rpc(error) if error.code().get() == -5), "{way}: {status}: {told:?}");
            assert_eq!(told.outcome(), Outcome::Executed);
        }
    }
    for status in ANSWERING {
        let peer = peer(status, |call| result(&call.id(), 7)).await;
        assert_eq!(eager(&peer).call::<u64>("method", ()).readonly().await.unwrap(), 7, "{status}");
    }
}

#[tokio::test]
async fn it_may_be_the_declared_error_and_is_repeated_only_where_that_is_declared() {
    for status in ANSWERING {
        let answered = peer(status, |call| error(&call.id(), -5, "")).await;
        let told = ShopClient::new(eager(&answered)).look().await.unwrap_err();
        assert!(matches!(told, Error::Rpc(_)), "{told:?}");
        assert_eq!(answered.requests().len(), 1, "{status}");
        let declared = peer(status, |call| error(&call.id(), 1001, "")).await;
        let told = ShopClient::new(eager(&declared)).look().await.unwrap_err();
        assert_eq!(told.method(), Some(&SoldOut), "{status}");
        assert_eq!(declared.requests().len(), 3, "{status}");
    }
}

#[tokio::test]
async fn the_answer_may_be_of_an_old_version_unless_the_check_is_strict() {
    let answer =
        |call: &Received| format!(r#"{{"result":null,"error":{{"code":-5,"message":"m"}},"id":{}}}"#, call.id());
    let peer = peer("500 Internal Server Error", answer).await;
    let told = peer.client().call::<u64>("getblock", ()).await.unwrap_err();
    assert!(matches!(&told, Error::Rpc(error) if *error == ErrorObject::new(-5, "m")), "{told:?}");
    let strict = peer.builder().strict_version(true).build().unwrap();
    let told = strict.call::<u64>("getblock", ()).await.unwrap_err();
    assert_eq!(told.failure().unwrap().status().unwrap(), 500);
    assert_eq!(told.outcome(), Outcome::Unknown);
    assert_eq!(told.to_string(), "server answered with HTTP status 500 Internal Server Error: m (code -5)");
}

#[tokio::test]
async fn a_large_answer_is_read_to_the_ordinary_limit() {
    let large = |call: &Received| error(&call.id(), -5, &format!(r#","data":"{}""#, "x".repeat(100_000)));
    let peer = peer("404 Not Found", large).await;
    let told = peer.client().call::<u64>("method", ()).await.unwrap_err();
    let Error::Rpc(error) = &told else { panic!("{told:?}") };
    assert_eq!(error.decode_data::<String>().unwrap().len(), 100_000);
    let small = peer.builder().max_response_bytes(50_000).build().unwrap();
    let told = small.call::<u64>("method", ()).await.unwrap_err();
    assert_eq!(told.failure().unwrap().status().unwrap(), 404);
    assert_eq!(told.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn gateways_answers_are_judged_by_their_status_and_show_the_message() {
    for status in GATEWAYS {
        let peer = peer(status, |call| error(&call.id(), -5, "")).await;
        let told = peer.client().call::<u64>("method", ()).readonly().await.unwrap_err();
        let failure = told.failure().unwrap();
        assert_eq!(failure.status().unwrap().to_string(), status);
        assert_eq!(failure.to_string(), format!("server answered with HTTP status {status}: prepared (code -5)"));
        assert_eq!(failure.error_object().unwrap().code().get(), -5);
        assert_ne!(failure.outcome(), Outcome::Executed);
    }
}

#[tokio::test]
async fn an_error_without_the_calls_id_is_judged_by_the_status_and_shown() {
    for id in [Value::Null, "other".into()] {
        let shown = id.clone();
        let peer = peer("404 Not Found", move |_| error(&id, -32601, "")).await;
        let told = peer.client().call::<u64>("method", ()).await.unwrap_err();
        let expected = "server answered with HTTP status 404 Not Found: prepared (code -32601)";
        assert_eq!((told.to_string().as_str(), told.outcome()), (expected, Outcome::Unknown), "{shown}");
        assert_eq!(told.kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn the_error_in_a_status_is_shown_whatever_its_version() {
    for version in ["", r#""jsonrpc":null,"#, r#""jsonrpc":"1.1","#, r#""jsonrpc":2,"#] {
        let body = move |_: &Received| format!(r#"{{{version}"error":{{"code":-7,"message":"why"}},"id":null}}"#);
        for status in ["403 Forbidden", "503 Service Unavailable"] {
            let told = peer(status, body).await.client().call::<u64>("method", ()).await.unwrap_err();
            assert_eq!(told.to_string(), format!("server answered with HTTP status {status}: why (code -7)"));
            assert_eq!(told.error_object().unwrap(), ErrorObject::new(-7, "why"));
        }
    }
    let told = peer("401 Unauthorized", |_| r#"{"error":"who\nare you?"}"#.into()).await;
    let told = told.client().call::<u64>("method", ()).await.unwrap_err();
    assert_eq!(told.to_string(), r"server answered with HTTP status 401 Unauthorized: who\nare you?");
    assert_eq!(told.failure().unwrap().foreign_error().unwrap().get(), r#""who\nare you?""#);
}

#[tokio::test]
async fn the_frameworks_own_codes_and_refusals_keep_the_judgement_of_the_status() {
    for code in [-32099, -32092, -32090] {
        let peer = peer("400 Bad Request", move |call| error(&call.id(), code, "")).await;
        let told = peer.client().call::<u64>("method", ()).await.unwrap_err();
        assert_eq!(told.outcome(), Outcome::Unknown, "{code}");
        assert_eq!(told.to_string(), format!("server gave up on the call: prepared (code {code})"));
        assert_eq!(told.failure().unwrap().status().unwrap(), 400);
    }
    let refused = Peer::start(|call| {
        Answer::Bytes(http("400 Bad Request", &["rpc-refused: all"], &error(&call.id(), -32600, "")))
    });
    let told = refused.await.client().call::<u64>("method", ()).await.unwrap_err();
    assert_eq!(told.outcome(), Outcome::Refused);
    assert_eq!(told.to_string(), "server answered with HTTP status 400 Bad Request: prepared (code -32600)");
}

#[tokio::test]
async fn a_batch_under_such_a_status_is_read_entry_by_entry() {
    let answer = |request: &Received| {
        let ids = request.ids();
        array([error(&ids[2], -5, ""), result(&ids[0], 7), error(&ids[3], -32092, ""), error(&Value::Null, -6, "")])
    };
    for status in ["400 Bad Request", "500 Internal Server Error"] {
        let client = peer(status, answer).await.client();
        let call = || client.call::<u64>("method", ());
        let answers = client.batch(vec![call(), call(), call(), call()]).await.unwrap();
        assert!(matches!(answers[0], Ok(7)), "{answers:?}");
        assert!(matches!(&answers[2], Err(Error::Rpc(error)) if error.code().get() == -5), "{answers:?}");
        for index in [1, 3] {
            let failure = answers[index].as_ref().unwrap_err().failure().unwrap();
            assert_eq!(failure.status().unwrap().to_string(), status);
            assert_eq!(failure.outcome(), Outcome::Unknown);
        }
        let shown = answers.iter().map(|answer| answer.as_ref().err().map(ToString::to_string)).collect::<Vec<_>>();
        assert_eq!(shown[1].as_deref(), Some(&*format!("server answered with HTTP status {status}")));
        assert_eq!(shown[3].as_deref(), Some("server gave up on the call: prepared (code -32092)"));
    }
    let client = peer("503 Service Unavailable", answer).await.client();
    let call = || client.call::<u64>("method", ());
    let answers = client.batch(vec![call(), call(), call(), call()]).await.unwrap();
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap_err().failure().unwrap().status().unwrap() == 503));
}

#[tokio::test]
async fn notifications_are_judged_by_the_status() {
    let client = peer("500 Internal Server Error", |_| error(&Value::Null, -5, "")).await.client();
    let failure = client.call::<u64>("method", ()).notify().await.unwrap_err();
    assert_eq!((failure.status().unwrap().as_u16(), failure.outcome()), (500, Outcome::Unknown));
    let answer = |request: &Received| array(request.ids().iter().filter(|id| !id.is_null()).map(|id| result(id, 7)));
    let client = peer("500 Internal Server Error", answer).await.client();
    let call = || client.call::<u64>("method", ());
    let (one, told, two) = client.batch((call(), call().notify(), call())).await.unwrap();
    assert_eq!((one.unwrap(), two.unwrap()), (7, 7));
    assert_eq!(told.unwrap_err().status().unwrap(), 500);
}

#[tokio::test]
async fn a_call_alone_is_not_answered_by_an_array() {
    let peer = peer("400 Bad Request", |call| array([result(&call.id(), 7)])).await;
    let told = peer.client().call::<u64>("method", ()).await.unwrap_err();
    assert_eq!(told.failure().unwrap().status().unwrap(), 400);
}

#[tokio::test]
async fn what_breaks_off_or_stalls_takes_nothing_away_from_the_status_and_little_time() {
    let head = "HTTP/1.1 404 Not Found\r\ncontent-length: 100000\r\n\r\n";
    for begun in ["<html>", "{\"jsonrpc\":\"2.0\",\"error\":"] {
        let bytes = format!("{head}{begun}");
        let cut = bytes.clone();
        let cut = Peer::start(move |_| Answer::Bytes(cut.clone().into())).await;
        let stalls = Peer::start(move |_| Answer::Stall(bytes.clone().into())).await;
        for peer in [cut, stalls] {
            let start = Instant::now();
            let told = peer.client().call::<u64>("method", ()).await.unwrap_err();
            assert!(start.elapsed() < Duration::from_secs(10), "the deadline is 30 s");
            let failure = told.failure().unwrap();
            assert_eq!((failure.status().unwrap().as_u16(), failure.outcome()), (404, Outcome::Unknown));
            assert_eq!(failure.body_start().unwrap(), begun.as_bytes());
        }
    }
}

#[tokio::test]
async fn a_lone_error_with_the_id_of_one_call_is_not_shown_by_the_others() {
    let peer = peer("400 Bad Request", |request| error(&request.ids()[0], -32098, "")).await;
    let client = eager(&peer);
    let call = || client.call::<u64>("method", ());
    let [one, two] = client.batch([call(), call()]).await.unwrap();
    let (one, two) = (one.unwrap_err(), two.unwrap_err());
    assert_eq!(one.error_object().unwrap().code().get(), -32098);
    assert!(two.error_object().is_none(), "{two:?}");
    assert_eq!(two.to_string(), "server answered with HTTP status 400 Bad Request");
}
