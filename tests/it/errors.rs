//! Declared errors of every form: their JSON on the wire, and that the client decodes the same variant.

use std::collections::BTreeMap;

use rpc::{Client, Error, ErrorCode, ErrorObject, RpcError, Server};
use serde_json::{Value, json};
use support::{client_of, clients_of};

#[derive(Clone, Debug, PartialEq, thiserror::Error, RpcError)]
#[error("quota of {limit} is used up")]
#[rpc(code = 5001, retryable)]
struct Quota {
    limit: u32,
    #[rpc(name = "resetAt")]
    reset_at: Option<String>,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error, RpcError)]
#[error("closed")]
#[rpc(code = 5002)]
struct Closed;

#[derive(Clone, Debug, PartialEq, thiserror::Error, RpcError)]
#[error("{0} and {1:?}")]
#[rpc(code = 5003)]
struct Pair(u8, Option<u8>);

#[derive(Clone, Debug, PartialEq, thiserror::Error, RpcError)]
enum Inner {
    #[error("inner")]
    #[rpc(code = 4001)]
    Bare,
    #[error(transparent)]
    #[rpc(transparent)]
    Quota(Quota),
}

#[derive(Clone, Debug, PartialEq, thiserror::Error, RpcError)]
enum Every {
    #[error("unit")]
    #[rpc(code = 1)]
    Unit,
    #[error("no fields")]
    #[rpc(code = -32088)]
    NoFields {},
    #[error("no values")]
    #[rpc(code = -40000)]
    NoValues(),
    #[error("named {id} {note:?}")]
    #[rpc(code = 2)]
    Named {
        #[rpc(name = "userId")]
        id: u64,
        note: Option<String>,
        r#type: Vec<(i8, String)>,
    },
    #[error("newtype {0:?}")]
    #[rpc(code = 3)]
    Newtype(BTreeMap<String, i64>),
    #[error("optional {0:?}")]
    #[rpc(code = 4)]
    Optional(Option<u8>),
    #[error("nothing in it")]
    #[rpc(code = 5)]
    Nothing(()),
    #[error("positional {0} {1:?}")]
    #[rpc(code = 6, retryable)]
    Positional(f64, Option<String>),
    #[error(transparent)]
    #[rpc(transparent)]
    Inner(#[from] Inner),
    #[error("closed, wrapped in a named field")]
    #[rpc(transparent)]
    Closed { why: Closed },
    #[error(transparent)]
    #[rpc(transparent)]
    Other(ErrorObject),
}

fn samples() -> Vec<Every> {
    let quota = |reset_at: Option<&str>| Quota { limit: 7, reset_at: reset_at.map(str::to_owned) };
    vec![
        Every::Unit,
        Every::NoFields {},
        Every::NoValues(),
        Every::Named { id: u64::MAX, note: None, r#type: vec![(-1, "\u{2028}\0👍".to_owned())] },
        Every::Named { id: 0, note: Some(String::new()), r#type: vec![] },
        Every::Newtype(BTreeMap::from([("a".to_owned(), i64::MIN)])),
        Every::Optional(None),
        Every::Optional(Some(1)),
        Every::Nothing(()),
        Every::Positional(-0.1, None),
        Every::Positional(f64::MAX, Some("text".to_owned())),
        Every::Inner(Inner::Bare),
        Every::Inner(Inner::Quota(quota(None))),
        Every::Inner(Inner::Quota(quota(Some("noon")))),
        Every::Closed { why: Closed },
        Every::Other(ErrorObject::new(77, "any other").with_data(&json!([1, {"a": null}]))),
        Every::Other(ErrorObject::new(78, "")),
    ]
}

#[rpc::service]
trait Failing {
    async fn fail(&self, sample: usize) -> Result<u8, Every>;
    fn fail_at_once(&self, sample: usize) -> Result<u8, Every>;
    async fn quota(&self, limit: u32) -> Result<(), Quota>;
    async fn pair(&self, second: Option<u8>) -> Result<(), Pair>;
}

struct Fails;

impl Failing for Fails {
    async fn fail(&self, sample: usize) -> Result<u8, Every> {
        Err(samples()[sample].clone())
    }
    fn fail_at_once(&self, sample: usize) -> Result<u8, Every> {
        Err(samples()[sample].clone())
    }
    async fn quota(&self, limit: u32) -> Result<(), Quota> {
        Err(Quota { limit, reset_at: None })
    }
    async fn pair(&self, second: Option<u8>) -> Result<(), Pair> {
        Err(Pair(1, second))
    }
}

fn server() -> Server {
    Server::builder().service(FailingServer::new(Fails)).build()
}

#[tokio::test]
async fn every_form_of_error_arrives_as_the_variant_that_was_returned() {
    for (way, client) in clients_of(&server()).await {
        let failing = FailingClient::new(client);
        for (index, expected) in samples().into_iter().enumerate() {
            for error in [failing.fail(index).await.unwrap_err(), failing.fail_at_once(index).await.unwrap_err()] {
                assert_eq!(error.to_string(), expected.to_string(), "{way}");
                assert!(matches!(&error, Error::Method(error) if *error == expected), "{way}: {error:?}, {expected:?}");
            }
        }
    }
}

#[tokio::test]
async fn errors_in_a_batch_arrive_as_the_variants_that_were_returned() {
    let client = client_of(&server()).await;
    let failing = FailingClient::new(client.clone());
    let calls: Vec<_> = (0..samples().len()).map(|index| failing.fail(index)).collect();
    for (answer, expected) in client.batch(calls).await.unwrap().into_iter().zip(samples()) {
        assert!(matches!(answer.unwrap_err(), Error::Method(error) if error == expected));
    }
}

#[tokio::test]
async fn structs_are_errors_too() {
    let failing = FailingClient::new(client_of(&server()).await);
    let quota = failing.quota(9).await.unwrap_err();
    assert!(matches!(quota, Error::Method(Quota { limit: 9, reset_at: None })));
    for second in [None, Some(2)] {
        let pair = failing.pair(second).await.unwrap_err();
        assert!(matches!(pair, Error::Method(Pair(1, found)) if found == second));
    }
}

async fn on_the_wire(client: &Client, sample: usize) -> (i64, String, Option<Value>) {
    let error = client.call::<Value>("fail", [sample]).await.unwrap_err().error_object().unwrap();
    let data = error.data().map(|data| serde_json::from_str(data.get()).unwrap());
    (error.code().get(), error.message().to_owned(), data)
}

#[tokio::test]
async fn fields_are_the_data_and_the_display_text_is_the_message() {
    let client = client_of(&server()).await;
    let expected: Vec<(i64, Option<Value>)> = vec![
        (1, None),
        (-32088, None),
        (-40000, None),
        (2, Some(json!({ "userId": u64::MAX, "type": [[-1, "\u{2028}\0👍"]] }))),
        (2, Some(json!({ "userId": 0, "note": "", "type": [] }))),
        (3, Some(json!({ "a": i64::MIN }))),
        (4, Some(Value::Null)),
        (4, Some(json!(1))),
        (5, Some(Value::Null)),
        (6, Some(json!([-0.1, null]))),
        (6, Some(json!([f64::MAX, "text"]))),
        (4001, None),
        (5001, Some(json!({ "limit": 7 }))),
        (5001, Some(json!({ "limit": 7, "resetAt": "noon" }))),
        (5002, None),
        (77, Some(json!([1, {"a": null}]))),
        (78, None),
    ];
    assert_eq!(expected.len(), samples().len());
    for (sample, (code, data)) in expected.into_iter().enumerate() {
        let message = match &samples()[sample] {
            // A transparent variant is the wrapped error on the wire, so the message is that error's text.
            Every::Closed { why } => why.to_string(),
            Every::Other(object) => object.message().to_owned(),
            error => error.to_string(),
        };
        assert_eq!(on_the_wire(&client, sample).await, (code, message, data));
    }
}

#[test]
fn codes_flags_and_wrapped_codes_are_described() {
    let codes: Vec<i64> = Every::ERRORS.iter().map(|spec| spec.code.get()).collect();
    assert_eq!(codes, [1, -32088, -40000, 2, 3, 4, 5, 6, 4001, 5001, 5002]);
    let retryable = |code| Every::ERRORS.find(ErrorCode::new(code)).unwrap().retryable;
    assert!(retryable(6) && retryable(5001) && !retryable(1));
    assert!(Every::ERRORS.find(ErrorCode::new(77)).is_none());
}

#[tokio::test]
async fn an_error_whose_fields_cannot_be_written_still_arrives() {
    #[derive(Debug, thiserror::Error, RpcError)]
    #[error("unwritable")]
    #[rpc(code = 9)]
    struct Unwritable(BTreeMap<(u8, u8), u8>);

    let server = Server::builder()
        .try_method("fail", || async { Err::<(), _>(Unwritable(BTreeMap::from([((1, 2), 3)]))) })
        .build();
    let error = client_of(&server).await.call::<()>("fail", ()).await.unwrap_err().error_object().unwrap();
    assert_eq!(error, ErrorObject::new(9, "unwritable"));
}

#[tokio::test]
async fn a_handler_may_return_an_error_with_a_reserved_code() {
    // A gateway relays the error of another server. The client does not take it for an error of the gateway itself.
    let server = Server::builder()
        .try_method("relay", |(code,): (i64,)| async move { Err::<(), _>(ErrorObject::new(code, "relayed")) })
        .build();
    let client = client_of(&server).await;
    let error = client.call::<()>("relay", [-32601]).await.unwrap_err();
    assert!(matches!(error, Error::Rpc(error) if error == ErrorObject::new(-32601, "relayed")));
    let error = client.call::<()>("relay", [-32092]).await.unwrap_err();
    assert!(matches!(error, Error::Rpc(error) if error == ErrorObject::new(-32092, "relayed")));
}

#[test]
fn a_declared_code_whose_data_does_not_fit_reaches_the_catch_all() {
    for (code, data) in [(6, json!("text")), (6, json!(null)), (4, json!("text"))] {
        let object = ErrorObject::new(code, "in other words").with_data(&data);
        assert_eq!(Every::from_error_object(object.clone()), Ok(Every::Other(object)));
    }
    let without_data = ErrorObject::new(6, "in other words");
    assert_eq!(Every::from_error_object(without_data.clone()), Ok(Every::Other(without_data)));
}
