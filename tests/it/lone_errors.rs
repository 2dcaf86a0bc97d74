//! A single error object as the answer, with and without a call's id: which call it belongs to, and what its code
//! proves.

use rpc::{Client, Error, ErrorObject, Failure, RpcError};
use serde_json::{Value, json};
use support::{Peer, Received, error};

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("prepared")]
#[rpc(code = 1001)]
struct SoldOut;

#[rpc::service]
trait Shop {
    async fn buy(&self) -> Result<u64, SoldOut>;
}

type Answers = Vec<Result<u64, Error<SoldOut>>>;

/// Makes three calls in one batch, and answers with one error object. `id` returns its id from the ids of the calls.
async fn batch(code: i64, id: impl Fn(&[Value]) -> Value + Send + Sync + 'static) -> Answers {
    let peer = Peer::answering(move |request: &Received| error(&id(&request.ids()), code, "")).await;
    let client = peer.client();
    let shop = ShopClient::new(client.clone());
    let answers = client.batch(vec![shop.buy(), shop.buy(), shop.buy()]).await.unwrap();
    assert_eq!(answers.len(), 3);
    answers
}

#[track_caller]
fn failure(answer: &Result<u64, Error<SoldOut>>) -> &Failure {
    answer.as_ref().unwrap_err().failure().unwrap()
}

#[tokio::test]
async fn without_an_id_it_is_every_calls_and_no_methods_own() {
    for code in [1001, 1002, -32600, -32603] {
        for answer in batch(code, |_| Value::Null).await {
            let error = answer.unwrap_err();
            assert!(matches!(&error, Error::Rpc(error) if error.code().get() == code), "{error:?}");
        }
    }
    for answer in batch(-32092, |_| Value::Null).await {
        assert_eq!(failure(&answer).error_object().unwrap().code().get(), -32092);
    }
}

#[tokio::test]
async fn with_the_id_of_a_call_it_is_that_calls_declared_error() {
    for place in 0..3 {
        let answers = batch(1001, move |ids| ids[place].clone()).await;
        for (index, answer) in answers.iter().enumerate() {
            if index == place {
                assert!(matches!(answer, Err(Error::Method(SoldOut))), "{answer:?}");
            } else {
                assert!(failure(answer).is_protocol(), "{answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn with_a_foreign_id_it_is_nobodys() {
    for foreign in [json!(u64::MAX), json!("1"), json!(-1)] {
        for answer in batch(1001, move |_| foreign.clone()).await {
            assert!(failure(&answer).is_protocol(), "{answer:?}");
        }
    }
}

/// Makes one call, and answers with an error object. `id` returns its id from the id of the call.
async fn single(code: i64, id: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Error<SoldOut> {
    let peer = Peer::answering(move |request: &Received| error(&id(&request.id()), code, "")).await;
    let client: Client = peer.client();
    ShopClient::new(client).buy().await.unwrap_err()
}

#[tokio::test]
async fn without_an_id_a_single_calls_error_is_not_its_methods_own() {
    let error = single(1001, |_| Value::Null).await;
    assert!(matches!(&error, Error::Rpc(error) if *error == ErrorObject::new(1001, "prepared")), "{error:?}");
    let error = single(1001, Value::clone).await;
    assert!(matches!(error, Error::Method(SoldOut)), "{error:?}");
    let error = single(1001, |_| json!("1")).await;
    assert!(error.failure().unwrap().is_protocol(), "{error:?}");
}
