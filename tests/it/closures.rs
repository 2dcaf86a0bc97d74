//! Methods without a trait: every form of closure and function, alone and together with services.

use std::collections::BTreeMap;
use std::convert::Infallible;

use rpc::{Client, Context, Error, ErrorObject, MethodFn, Params, RpcError, Server, ServerBuilder};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use support::client_of;

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("{0} is negative")]
#[rpc(code = 1001)]
struct Negative(i64);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    offset: u32,
    limit: Option<u32>,
}

async fn ping() -> &'static str {
    "pong"
}

async fn add((a, b): (i64, i64)) -> i64 {
    a + b
}

async fn method(cx: Context) -> String {
    cx.method().to_owned()
}

async fn root(numbers: Vec<i64>, cx: Context) -> Result<String, Negative> {
    match numbers.iter().find(|number| **number < 0) {
        Some(negative) => Err(Negative(*negative)),
        None => Ok(format!("{} for {}", numbers.len(), cx.method())),
    }
}

#[tokio::test]
async fn functions_of_every_form_are_methods() {
    let server = Server::builder()
        .method("ping", ping)
        .method("add", add)
        .method("method", method)
        .try_method("root", root)
        .build();
    let client = client_of(&server).await;
    assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong");
    assert_eq!(client.call::<i64>("add", (40, 2)).await.unwrap(), 42);
    assert_eq!(client.call::<String>("method", ()).await.unwrap(), "method");
    assert_eq!(client.call::<String>("root", [1, 2]).await.unwrap(), "2 for root");
    let error = client.call::<String>("root", [1, -2]).await.unwrap_err().error_object().unwrap();
    assert_eq!(Negative::from_error_object(error), Ok(Negative(-2)));
}

/// Serves closures of every form, infallible and fallible.
async fn closures() -> Client {
    let seven = 7_u8;
    let server =
        Server::builder()
            .method("none", move || async move { seven })
            .method("struct", |page: Page| async move { (page.offset, page.limit) })
            .method("tuple", |(a, b): (u8, Option<u8>)| async move { (b, a) })
            .method("list", |numbers: Vec<u8>| async move { numbers.len() })
            .method("map", |map: BTreeMap<String, u8>| async move { map.into_keys().collect::<Vec<_>>() })
            .method("value", |value: Value| async move { value })
            .method("params", |params: Params| async move { params })
            .method("context", |cx: Context| async move { cx.id().is_some() })
            .method("both", |page: Page, cx: Context| async move { (page.offset, cx.method().to_owned()) })
            .try_method("try_none", || async { Err::<u8, _>(Negative(0)) })
            .try_method("try_struct", |page: Page| async move { Ok::<_, Infallible>(page.offset) })
            .try_method("try_context", |cx: Context| async move {
                Err::<u8, _>(ErrorObject::new(1, cx.method().to_owned()))
            })
            .try_method("try_both", |params: Params, _: Context| async move {
                params.parse::<(u8,)>().map(|(number,)| number)
            })
            .build();
    client_of(&server).await
}

#[tokio::test]
async fn closures_of_every_form_are_methods() {
    let client = closures().await;
    let call = async |method, params: Value| client.call::<Value>(method, params).await.unwrap();
    assert_eq!(call("none", json!([])).await, 7);
    assert_eq!(call("struct", json!({ "offset": 1, "limit": 2 })).await, json!([1, 2]));
    assert_eq!(call("struct", json!([3, 4])).await, json!([3, 4]));
    assert_eq!(call("tuple", json!([1, 2])).await, json!([2, 1]));
    assert_eq!(call("list", json!([1, 2, 3])).await, 3);
    assert_eq!(call("map", json!({ "a": 1, "b": 2 })).await, json!(["a", "b"]));
    assert_eq!(call("value", json!({ "a": [null] })).await, json!({ "a": [null] }));
    assert_eq!(call("context", json!({})).await, true);
    assert_eq!(call("both", json!({ "offset": 5 })).await, json!([5, "both"]));
    assert_eq!(call("try_struct", json!({ "offset": 6 })).await, 6);
    assert_eq!(call("try_both", json!([8])).await, 8);
}

#[tokio::test]
async fn absent_params_are_an_empty_structure_or_nothing() {
    let client = closures().await;
    let call = async |method| client.call::<Value>(method, ()).await.unwrap();
    assert_eq!(call("none").await, 7);
    assert_eq!(call("struct").await, json!([0, null]));
    assert_eq!(call("list").await, 0);
    assert_eq!(call("map").await, json!([]));
    assert_eq!(call("value").await, Value::Null);
    assert_eq!(call("params").await, Value::Null);
    let error = client.call::<Value>("tuple", ()).await.unwrap_err();
    assert_eq!(error.error_object().unwrap().code().get(), -32602);
}

#[tokio::test]
async fn raw_params_pass_through_byte_for_byte() {
    let client = closures().await;
    for text in ["[1e400, 0.10, 123456789012345678901234567890]", r#"{"b":1,"a":"\u0061"}"#] {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        let echoed: Box<RawValue> = client.call("params", &raw).await.unwrap();
        assert_eq!(echoed.get(), text);
    }
}

#[tokio::test]
async fn params_that_do_not_fit_name_the_one_at_fault() {
    let client = closures().await;
    for (method, params, message) in [
        ("none", json!([1]), "Invalid params: 1 parameter is given, expected no parameters"),
        ("context", json!({ "a": 1 }), "Invalid params: unknown parameter \"a\", expected no parameters"),
        (
            "struct",
            json!({ "limit": -1 }),
            "Invalid params: parameter \"limit\": invalid value: integer `-1`, expected u32",
        ),
        (
            "both",
            json!({ "limt": 1 }),
            "Invalid params: parameter \"limt\": unknown field `limt`, expected `offset` or `limit`",
        ),
    ] {
        let error = client.call::<Value>(method, params).await.unwrap_err().error_object().unwrap();
        assert_eq!((error.code().get(), error.message()), (-32602, message));
        assert!(error.data().is_some());
    }
}

#[tokio::test]
async fn fallible_closures_answer_with_their_errors() {
    let client = closures().await;
    let error =
        async |method, params: Value| client.call::<u8>(method, params).await.unwrap_err().error_object().unwrap();
    assert_eq!(error("try_none", json!([])).await.code().get(), 1001);
    assert_eq!(error("try_context", json!([])).await, ErrorObject::new(1, "try_context"));
    // Params that a closure decodes itself fail like those decoded by the framework.
    assert_eq!(error("try_both", json!(["x"])).await.code().get(), -32602);
}

#[tokio::test]
async fn a_method_may_have_any_name_but_those_that_are_reserved() {
    let names = ["", " ", "a.b.c", "RPC.x", "rpc", "rpcx", "ü👍", "\0"];
    let server = names.iter().fold(Server::builder(), |server, name| server.method(*name, ping)).build();
    let client = client_of(&server).await;
    for name in names {
        assert_eq!(client.call::<String>(name, ()).await.unwrap(), "pong", "{name:?}");
    }
    let error = client.call::<String>("Ping", ()).await.unwrap_err();
    assert!(matches!(error, Error::Rpc(error) if error == ErrorObject::method_not_found()));
}

/// Hides the closure's result type from the compiler.
fn with_method<Args, T: Serialize>(name: &'static str, run: impl MethodFn<Args, Output = T>) -> ServerBuilder {
    Server::builder().method(name, run)
}

#[test]
#[should_panic(expected = "returns a `Result`: add it with `try_method`")]
fn a_result_that_a_generic_caller_hides_is_refused_where_it_is_added() {
    let _ = with_method("halve", |(number,): (u8,)| async move {
        if number.is_multiple_of(2) { Ok(number / 2) } else { Err("odd") }
    });
}
