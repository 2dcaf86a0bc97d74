//! Results and errors that cannot be written as JSON.

use std::collections::BTreeMap;

use rpc::middleware::{Next, Request, Response, from_fn};
use rpc::{Client, Error, ErrorObject, RpcError, Server};
use serde::{Serialize, Serializer};
use tracing::Level;

use super::failures;
use crate::telemetry::capture::Told;

/// A value that fails to serialize.
struct Fails;

impl Serialize for Fails {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("a lock is poisoned"))
    }
}

#[derive(Debug, thiserror::Error, RpcError)]
#[error("odd")]
#[rpc(code = 1001)]
struct Odd(BTreeMap<(u8, u8), u8>);

fn map() -> BTreeMap<(u8, u8), u8> {
    BTreeMap::from([((1, 2), 3)])
}

fn server() -> Server {
    let replace = from_fn(async |_: Request, _: Next| Response::result(&map()));
    Server::builder()
        .method("map", || async { map() })
        .method("fails", || async { Fails })
        .method("layer", || async {})
        .method_layer("layer", replace)
        .try_method("odd", || async { Err::<(), _>(Odd(map())) })
        .build()
}

#[tokio::test]
async fn a_result_that_cannot_be_written_is_logged_with_its_reason_and_its_caller_is_told_nothing() {
    let (told, _guard) = Told::begin();
    let client = Client::in_process(&server());
    let calls = ["map", "fails", "layer"].map(|method| client.call::<u8>(method, ()));
    for result in client.batch(Vec::from(calls)).await.unwrap() {
        assert!(matches!(result, Err(Error::Rpc(error)) if error == ErrorObject::internal()));
    }
    let logs = failures(&told);
    let told: Vec<_> = logs.iter().map(|log| (log.fields.get("method"), log.fields.get("error"))).collect();
    let no_key = Some("result cannot be written as JSON: key must be a string");
    let fails = Some("result cannot be written as JSON: a lock is poisoned");
    assert_eq!(told, [(Some("map"), no_key), (Some("fails"), fails), (Some("layer"), no_key)]);
    assert!(logs.iter().all(|log| log.level == Level::ERROR && log.fields.get("id").is_some()), "{logs:?}");
}

#[tokio::test]
async fn an_error_whose_fields_cannot_be_written_arrives_without_them_and_is_logged() {
    let (told, _guard) = Told::begin();
    let error = Client::in_process(&server()).call::<()>("odd", ()).await.unwrap_err();
    assert!(matches!(error, Error::Rpc(error) if error == ErrorObject::new(1001, "odd")));
    let logs = failures(&told);
    let expected = "data of an error cannot be written as JSON: key must be a string";
    assert_eq!(logs.iter().map(|log| log.fields.get("error").unwrap()).collect::<Vec<_>>(), [expected]);
}
