//! Errors that are almost JSON-RPC error objects. The server has clearly answered.

use std::error::Error as StdError;
use std::time::Duration;

use rpc::{Client, Error, Outcome, Retry};
use serde_json::Value;
use support::{Answer, Peer, Received, array, http, result};

/// Errors with a readable code, each with the code and the message that are read.
const READABLE: [(&str, i64, &str); 9] = [
    (r#"{"code":-5,"message":null}"#, -5, ""),
    (r#"{"code":-5,"message":{"en":"no"}}"#, -5, r#"{"en":"no"}"#),
    (r#"{"code":-5,"message":7}"#, -5, "7"),
    (r#"{"code":"-32000","message":"m"}"#, -32000, "m"),
    (r#"{"code":-32000.0,"message":"m"}"#, -32000, "m"),
    (r#"{"code":-5,"details":"no funds"}"#, -5, "no funds"),
    (r#"{"code":-5,"message":null,"data":"no funds"}"#, -5, "no funds"),
    (r#"{"code":"7.0","reason":"late","since":3}"#, 7, r#"{"code":"7.0","reason":"late","since":3}"#),
    (r#"{"code":-5}"#, -5, ""),
];

/// Errors without a readable code, each with its text.
const UNREADABLE: [(&str, &str); 11] = [
    (r#""no funds""#, "no funds"),
    ("17", "17"),
    ("false", "false"),
    (r#"["no","funds"]"#, r#"["no","funds"]"#),
    ("{}", "{}"),
    (r#"{"message":"m"}"#, r#"{"message":"m"}"#),
    (r#"{"details":"no funds"}"#, r#"{"details":"no funds"}"#),
    (r#"{"code":18446744073709551616,"message":"m"}"#, r#"{"code":18446744073709551616,"message":"m"}"#),
    (r#"{"code":"E_FUNDS","message":"m"}"#, r#"{"code":"E_FUNDS","message":"m"}"#),
    (r#"{"code":0.5,"message":"m"}"#, r#"{"code":0.5,"message":"m"}"#),
    (r#"{"code":null,"message":"m"}"#, r#"{"code":null,"message":"m"}"#),
];

const STATUSES: [&str; 3] = ["200 OK", "400 Bad Request", "500 Internal Server Error"];

fn answer(id: &Value, error: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{id}}}"#)
}

/// Starts a peer that answers a call, and each call of a batch, with an error.
async fn peer(status: &'static str, error: &'static str) -> Peer {
    let body = move |request: &Received| match &request.json() {
        Value::Array(_) => array(request.ids().iter().map(|id| answer(id, error))),
        call => answer(&call["id"], error),
    };
    Peer::start(move |request| Answer::Bytes(http(status, &[], &body(request)))).await
}

/// Makes one call alone and two in a batch, with all retries that are allowed. Returns their errors.
async fn fail(peer: &Peer) -> Vec<Error> {
    let retry = Retry::exponential().base(Duration::from_millis(1));
    let client = Client::builder().endpoint(peer.url()).retry(retry).build().unwrap();
    let call = || client.call::<u64>("method", ()).readonly();
    let mut answers = client.batch(vec![call(), call()]).await.unwrap();
    answers.push(call().await);
    assert_eq!(peer.requests().len(), 2, "neither is retried");
    answers.into_iter().map(Result::unwrap_err).collect()
}

#[tokio::test]
async fn a_code_that_can_be_read_makes_it_an_error_of_json_rpc() {
    for (error, code, message) in READABLE {
        for status in STATUSES {
            for told in fail(&peer(status, error).await).await {
                let Error::Rpc(object) = &told else { panic!("{status}: {error}: {told:?}") };
                assert_eq!((object.code().get(), object.message()), (code, message), "{error}");
                assert_eq!(told.outcome(), Outcome::Executed);
            }
        }
    }
}

#[tokio::test]
async fn without_such_a_code_what_the_server_said_is_kept() {
    for (error, text) in UNREADABLE {
        for status in STATUSES {
            for told in fail(&peer(status, error).await).await {
                let failure = told.failure().unwrap_or_else(|| panic!("{status}: {error}: {told:?}"));
                assert!(failure.is_foreign_error(), "{status}: {error}: {failure:?}");
                let shown = format!("server answered with an error that is not a JSON-RPC error object: {text}");
                assert_eq!(failure.to_string(), shown);
                assert_eq!(failure.foreign_error().unwrap().get(), error);
                assert_eq!(failure.source().unwrap().to_string(), error);
                assert_eq!(failure.outcome(), Outcome::Executed);
                assert!(failure.error_object().is_none() && failure.status().is_none());
            }
        }
    }
}

#[tokio::test]
async fn one_entry_of_a_batch_spoils_no_other() {
    let peer = Peer::answering(|request| {
        let ids = request.ids();
        array([answer(&ids[0], "\"no\""), result(&ids[1], 7)])
    });
    let client = peer.await.client();
    let (no, seven) = client.batch((client.call::<u64>("a", ()), client.call::<u64>("b", ()))).await.unwrap();
    assert!(no.unwrap_err().failure().unwrap().is_foreign_error());
    assert_eq!(seven.unwrap(), 7);
}

#[tokio::test]
async fn an_error_about_the_request_concerns_all_its_calls_and_notifications() {
    let peer = Peer::answering(|_| answer(&Value::Null, "\"no\"")).await;
    let client = peer.client();
    let call = || client.call::<u64>("method", ());
    assert!(call().await.unwrap_err().failure().unwrap().is_foreign_error());
    assert!(call().notify().await.unwrap_err().is_foreign_error());
    for answer in client.batch(vec![call(), call()]).await.unwrap() {
        assert!(answer.unwrap_err().failure().unwrap().is_foreign_error());
    }
    for answer in client.batch(vec![call().notify(), call().notify()]).await.unwrap() {
        assert!(answer.unwrap_err().is_foreign_error());
    }
}

#[tokio::test]
async fn it_is_no_calls_answer_under_another_id() {
    let peer = Peer::answering(|_| answer(&"other".into(), "\"no\"")).await;
    let told = peer.client().call::<u64>("method", ()).await.unwrap_err();
    assert!(told.failure().unwrap().is_protocol(), "{told:?}");
}

#[tokio::test]
async fn a_null_error_beside_a_result_is_none() {
    let peer = Peer::answering(|call| format!(r#"{{"jsonrpc":"2.0","result":7,"error":null,"id":{}}}"#, call.id()));
    assert_eq!(peer.await.client().call::<u64>("method", ()).await.unwrap(), 7);
}

#[tokio::test]
async fn what_is_shown_is_harmless_and_short() {
    let long = format!(r#""{}\n\u001b""#, "x".repeat(5000)).leak();
    for status in STATUSES {
        for told in fail(&peer(status, long).await).await {
            for shown in [told.to_string(), told.source().unwrap().to_string(), format!("{told:?}")] {
                assert!(shown.len() < 4000 && !shown.contains(['\n', '\u{1b}']), "{shown}");
            }
            assert_eq!(told.failure().unwrap().foreign_error().unwrap().get(), long);
        }
    }
}
