use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use rpc_core::headers::{RPC_IDEMPOTENCY, RPC_REFUSED, Refused, StoreAnnouncement, StoreInfo};
use rpc_core::{BoxFuture, KeyRefusal};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::transport::{Reply, Request, Transport};
use crate::{Client, Failure};

/// Announces a store, refuses calls for these reasons from the last to the first, and then answers them.
#[derive(Debug)]
struct Refusing {
    reasons: Mutex<Vec<KeyRefusal>>,
    /// Whether each request named its keys.
    named: Mutex<Vec<bool>>,
}

impl Refusing {
    fn new(reasons: &[KeyRefusal]) -> Arc<Self> {
        let reasons = reasons.iter().rev().copied().collect();
        Arc::new(Self { reasons: Mutex::new(reasons), named: Mutex::default() })
    }
}

fn announcement() -> HeaderMap {
    let store = StoreInfo { identity: Uuid::from_u128(1), ttl: Duration::from_secs(120) };
    let announcement = StoreAnnouncement { store, now: Some(Duration::from_secs(1000)), scope: None };
    HeaderMap::from_iter([(RPC_IDEMPOTENCY, announcement.to_value())])
}

impl Transport for Refusing {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.named.lock().unwrap().push(request.headers.contains_key(RPC_IDEMPOTENCY));
        let id = serde_json::from_slice::<Value>(&request.body).unwrap()["id"].take();
        let mut headers = announcement();
        let answer = match self.reasons.lock().unwrap().pop() {
            Some(reason) => {
                headers.insert(RPC_REFUSED, Refused::all().to_value().unwrap());
                json!({"jsonrpc": "2.0", "error": reason.to_error_object(), "id": id})
            }
            None => json!({"jsonrpc": "2.0", "result": null, "id": id}),
        };
        let mut reply = Reply::new(Bytes::from(answer.to_string()));
        reply.headers = headers;
        Box::pin(ready(Ok(reply)))
    }

    fn probe(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
        let mut reply = Reply::new(Bytes::new());
        reply.headers = announcement();
        Box::pin(ready(Ok(reply)))
    }
}

async fn call(transport: &Arc<Refusing>) -> Client {
    let client = Client::builder().transport(Arc::clone(transport)).build().unwrap();
    client.call::<()>("pay", ()).await.unwrap();
    client
}

#[tokio::test]
async fn keys_that_were_lost_on_the_way_are_not_named_again_for_another_store() {
    let transport = Refusing::new(&[KeyRefusal::KeysLost, KeyRefusal::OtherStore]);
    call(&transport).await;
    assert_eq!(*transport.named.lock().unwrap(), [true, false, false]);
}

#[tokio::test]
async fn keys_that_are_known_to_be_lost_are_not_named_for_another_store() {
    let transport = Refusing::new(&[KeyRefusal::KeysLost]);
    let client = call(&transport).await;
    transport.reasons.lock().unwrap().push(KeyRefusal::OtherStore);
    client.call::<()>("pay", ()).await.unwrap();
    assert_eq!(*transport.named.lock().unwrap(), [true, false, false, false]);
}

#[tokio::test]
async fn keys_are_named_for_another_store() {
    let transport = Refusing::new(&[KeyRefusal::OtherStore, KeyRefusal::OtherStore]);
    call(&transport).await;
    assert_eq!(*transport.named.lock().unwrap(), [true, true, true]);
}
