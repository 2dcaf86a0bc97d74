//! [`RpcError`], the trait of error types that are sent over the wire, and the functions that its derive calls. `set`
//! lists the codes of a type. `upstream` relays the errors of a handler's own calls.

mod set;
mod upstream;

use std::convert::Infallible;

use serde_json::value::RawValue;

pub use set::{ErrorSet, ErrorSpec};
pub use upstream::{Field, FieldOfOther, FieldOfUpstream, UpstreamError};

use crate::ErrorObject;
use crate::params::{Decode, Encode, Fields, MemberNames, ParamsShape, encode_fields};

/// An error type that is sent over the wire: the server encodes it, and the client decodes it into the same variant.
///
/// Derive it with `#[derive(rpc::RpcError)]`. This crate implements it for [`Infallible`], the error of methods that
/// cannot fail, and for [`ErrorObject`], which accepts any code that services can use.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a JSON-RPC method",
    label = "does not implement `RpcError`",
    note = "derive it: `#[derive(Debug, thiserror::Error, rpc::RpcError)]` with `#[rpc(code = ..)]` on each variant",
    note = "or return `rpc::ErrorObject`"
)]
pub trait RpcError: std::error::Error + Send + Sync + Sized + 'static {
    /// The errors that the type can represent.
    const ERRORS: &'static ErrorSet;

    /// Encodes the error: its code, its `Display` text as the message, its fields as data.
    fn to_error_object(&self) -> ErrorObject;

    /// Decodes an error.
    ///
    /// # Errors
    ///
    /// Returns the object if its code or its data fits none of the type's errors.
    fn from_error_object(object: ErrorObject) -> Result<Self, ErrorObject>;
}

/// Explains how a type implements `std::error::Error`, if the derive `RpcError` finds that it does not.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `std::error::Error`, as the error of a JSON-RPC method must be",
    label = "does not implement `std::error::Error`",
    note = "derive it by the crate thiserror: `#[derive(Debug, thiserror::Error, rpc::RpcError)]`, with the message in `#[error(\"..\")]`"
)]
pub trait StdError {}

#[diagnostic::do_not_recommend]
impl<E: std::error::Error> StdError for E {}

#[doc(hidden)]
pub const fn assert_error<E: StdError>() {}

impl RpcError for Infallible {
    const ERRORS: &'static ErrorSet = &ErrorSet::new(&[]);

    fn to_error_object(&self) -> ErrorObject {
        match *self {}
    }

    fn from_error_object(object: ErrorObject) -> Result<Self, ErrorObject> {
        Err(object)
    }
}

impl RpcError for ErrorObject {
    const ERRORS: &'static ErrorSet = &ErrorSet::ANY;

    fn to_error_object(&self) -> ErrorObject {
        self.clone()
    }

    fn from_error_object(object: ErrorObject) -> Result<Self, ErrorObject> {
        if object.code().is_for_services() { Ok(object) } else { Err(object) }
    }
}

/// Encodes an error with its fields, given as a tuple of references, as data.
#[doc(hidden)]
#[expect(clippy::needless_pass_by_value, reason = "the values are references already")]
pub fn encode_error<E: RpcError, F: Encode>(code: i64, error: &E, fields: Fields, values: F) -> ErrorObject {
    let object = ErrorObject::new(code, error.to_string());
    let mut data = Vec::new();
    if matches!(fields, Fields::None) {
        return object;
    }
    if let Err(unwritable) = encode_fields(fields, &values, &mut data) {
        // The error itself must still arrive, as in `ErrorObject::with_data`.
        return object.without_data(unwritable);
    }
    match String::from_utf8(data).map(RawValue::from_string) {
        Ok(Ok(data)) => object.with_raw_data(data),
        _ => object,
    }
}

/// Decodes the fields of an error from its data. Returns `None` if they do not fit.
#[doc(hidden)]
pub fn decode_error<F: Decode>(object: &ErrorObject, fields: Fields) -> Option<F> {
    let array;
    let (data, names) = match (fields, object.data().map(RawValue::get)) {
        (Fields::None, data) => (data.filter(|data| *data != "null"), MemberNames::None),
        (Fields::Named(names), data) => (Some(data?), MemberNames::Plain(names)),
        (Fields::Positional, data) => (Some(data?), MemberNames::None),
        (Fields::Newtype, data) => {
            array = format!("[{}]", data?);
            (Some(&*array), MemberNames::None)
        }
    };
    // Fields that a newer server adds must not lose the known ones.
    let lenient = !matches!(fields, Fields::None);
    F::fill(data, ParamsShape { names, lenient }, &F::no_defaults()).ok()
}
