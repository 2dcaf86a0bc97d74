//! Answers of servers that still write JSON-RPC 1.0: they name another version or none.

use rpc::{Call, Client, ClientSettings, Error, ErrorObject, Outcome};
use serde_json::Value;
use support::{Peer, Received, array};

/// The member `jsonrpc` in answers of servers of version 1.0.
const OLD: [&str; 3] = ["", r#""jsonrpc":null,"#, r#""jsonrpc":"1.0","#];

/// Members with a version that JSON-RPC does not have.
const UNKNOWN: [&str; 4] = [r#""jsonrpc":"1.1","#, r#""jsonrpc":"3.0","#, r#""jsonrpc":2.0,"#, r#""jsonrpc":{},"#];

fn result(version: &str, id: &Value) -> String {
    format!(r#"{{{version}"result":7,"error":null,"id":{id}}}"#)
}

fn error(version: &str, id: &Value) -> String {
    format!(r#"{{{version}"result":null,"error":{{"code":-5,"message":"m"}},"id":{id}}}"#)
}

/// Starts a peer that answers a call with a result, and a batch with a result and an error, in reverse order.
async fn peer(version: &'static str) -> Peer {
    let answer = move |request: &Received| match &request.json() {
        Value::Array(calls) => array([error(version, &calls[1]["id"]), result(version, &calls[0]["id"])]),
        call => result(version, &call["id"]),
    };
    Peer::answering(answer).await
}

fn call(client: &Client) -> Call<u64> {
    client.call("method", ())
}

async fn batch(client: &Client) -> Vec<Result<u64, Error>> {
    client.batch(vec![call(client), call(client)]).await.unwrap()
}

#[track_caller]
fn assert_refused(answer: Result<u64, Error>, version: &str) {
    let error = answer.expect_err(version);
    let failure = error.failure().unwrap();
    assert!(failure.is_protocol() && failure.to_string().contains("jsonrpc"), "{version}: {failure}");
    assert_eq!(failure.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn an_old_version_is_taken_for_the_calls_answer() {
    for version in OLD {
        let client = peer(version).await.client();
        assert_eq!(call(&client).await.unwrap(), 7, "{version}");
        let answers = batch(&client).await;
        assert!(matches!(answers[0], Ok(7)), "{version}: {answers:?}");
        let own = ErrorObject::new(-5, "m");
        assert!(matches!(&answers[1], Err(Error::Rpc(error)) if *error == own), "{version}: {answers:?}");
    }
}

#[tokio::test]
async fn an_unknown_version_is_refused() {
    for version in UNKNOWN {
        let client = peer(version).await.client();
        assert_refused(call(&client).await, version);
        batch(&client).await.into_iter().for_each(|answer| assert_refused(answer, version));
    }
}

#[tokio::test]
async fn a_strict_client_refuses_an_old_version() {
    for version in OLD {
        let peer = peer(version).await;
        let settings = ClientSettings::default().strict_version(true);
        for builder in [peer.builder().strict_version(true), peer.builder().settings(settings)] {
            let client = builder.build().unwrap();
            assert_refused(call(&client).await, version);
            batch(&client).await.into_iter().for_each(|answer| assert_refused(answer, version));
        }
    }
}

#[tokio::test]
async fn an_old_version_with_another_id_is_no_calls_answer() {
    for version in OLD {
        for id in ["null", "\"1\"", "99"] {
            let foreign: Value = serde_json::from_str(id).unwrap();
            for write in [result, error] {
                let foreign = foreign.clone();
                let peer = Peer::answering(move |_| write(version, &foreign)).await;
                assert_refused(call(&peer.client()).await, version);
            }
        }
    }
}
