//! Every form of `#[derive(RpcError)]`, encoded and decoded.
#![allow(dead_code)]

use rpc::{ErrorCode, ErrorObject, RpcError};
use serde_json::{Value, json};
use thiserror::Error;

#[derive(Debug, PartialEq, Error, RpcError)]
#[error("unit")]
#[rpc(code = 1)]
struct Unit;

#[derive(Debug, PartialEq, Error, RpcError)]
#[error("newtype {0}")]
#[rpc(code = 2, retryable)]
struct Newtype(u64);

#[derive(Debug, PartialEq, Error, RpcError)]
#[error("tuple")]
#[rpc(code = 3)]
struct Tuple(u64, Option<String>);

#[derive(Debug, PartialEq, Error, RpcError)]
#[error("named")]
#[rpc(code = 4)]
struct Named {
    id: u64,
    #[rpc(name = "displayName")]
    name: Option<String>,
    r#type: u8,
}

#[derive(Debug, PartialEq, Error, RpcError)]
#[error("no fields")]
#[rpc(code = 5)]
struct NoFields {}

#[derive(Debug, PartialEq, Error, RpcError)]
#[error(transparent)]
#[rpc(transparent)]
struct Wrapper(Unit);

#[derive(Debug, PartialEq, Error, RpcError)]
#[error("failed")]
#[rpc(crate = ::rpc)]
enum Failed {
    #[rpc(code = 1001)]
    Unit,
    #[rpc(code = -32001, retryable)]
    NoParens(),
    #[rpc(code = -1)]
    NoBraces {},
    #[rpc(code = 0x10)]
    One(Vec<u8>),
    #[rpc(code = 9_223_372_036_854_775_807)]
    Two(i8, f64),
    #[rpc(code = -9223372036854775808)]
    Named { f0: u8, object: String, r#self_: bool },
    #[deprecated]
    #[rpc(code = 1002)]
    Deprecated,
    #[cfg(any())]
    Absent(std::rc::Rc<u8>),
    #[rpc(code = 1003)]
    #[rustfmt::skip]
    Sixteen(u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8),
    #[rpc(transparent)]
    Wrapped(Newtype),
    #[rpc(transparent)]
    Deeper { inner: Wrapper },
    #[rpc(transparent)]
    Other(ErrorObject),
}

/// Asserts the code and the data of an error on the wire, and that they decode to an equal error.
#[track_caller]
fn assert_travels<E: RpcError + PartialEq>(error: E, code: i64, data: Value) {
    let object = error.to_error_object();
    assert_eq!(object.code(), ErrorCode::new(code));
    assert_eq!(object.message(), error.to_string());
    let written = serde_json::to_value(&object).unwrap();
    assert_eq!(written.get("data").cloned().unwrap_or(Value::Null), data);
    assert_eq!(E::from_error_object(object).unwrap(), error);
}

fn main() {
    assert_travels(Unit, 1, json!(null));
    assert_travels(Newtype(7), 2, json!(7));
    assert_travels(Tuple(7, None), 3, json!([7, null]));
    let name = Some("Ada".to_owned());
    assert_travels(Named { id: 7, name, r#type: 1 }, 4, json!({ "id": 7, "displayName": "Ada", "type": 1 }));
    assert_travels(NoFields {}, 5, json!(null));
    assert_travels(Wrapper(Unit), 1, json!(null));

    assert_travels(Failed::Unit, 1001, json!(null));
    assert_travels(Failed::NoParens(), -32001, json!(null));
    assert_travels(Failed::NoBraces {}, -1, json!(null));
    assert_travels(Failed::One(vec![1, 2]), 16, json!([1, 2]));
    assert_travels(Failed::Two(-1, 0.5), i64::MAX, json!([-1, 0.5]));
    let named = Failed::Named { f0: 1, object: String::new(), r#self_: true };
    assert_travels(named, i64::MIN, json!({ "f0": 1, "object": "", "self_": true }));
    assert_travels(Failed::Sixteen(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), 1003, {
        json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
    });

    // A wrapped error has its own form on the wire, and decodes into its variant.
    let object = Failed::Wrapped(Newtype(7)).to_error_object();
    assert_eq!((object.code().get(), object.message()), (2, "newtype 7"));
    assert_eq!(Failed::from_error_object(object).unwrap(), Failed::Wrapped(Newtype(7)));
    let object = Failed::Deeper { inner: Wrapper(Unit) }.to_error_object();
    assert_eq!(Failed::from_error_object(object).unwrap(), Failed::Deeper { inner: Wrapper(Unit) });
    let object = ErrorObject::new(77, "unheard of");
    assert!(matches!(Failed::from_error_object(object), Ok(Failed::Other(object)) if object.code().get() == 77));

    // An error with the wrong data does not decode.
    let object = ErrorObject::new(2, "newtype").with_data("text");
    assert!(Newtype::from_error_object(object).is_err());

    let codes: Vec<_> = Failed::ERRORS.iter().map(|spec| (spec.name, spec.code.get(), spec.retryable)).collect();
    assert_eq!(codes[..2], [("Unit", 1001, false), ("NoParens", -32001, true)]);
    assert_eq!(codes[8..], [("Newtype", 2, true), ("Unit", 1, false)]);
}
