//! How a handler passes on the error of a call that it made: with `?`, as its own error. Declared errors keep their
//! type. All others become internal errors with their kind.

use std::convert::Infallible;

use rpc_core::{ErrorCode, ErrorObject, ErrorSet, RpcError, UpstreamError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

impl<E: RpcError> UpstreamError for Error<E> {
    fn undeclared(&self) -> Option<ErrorObject> {
        // The kind that another server reported is more precise than the kind of the error itself.
        let kind = match self {
            Self::Method(_) => return None,
            Self::Rpc(object) => object.upstream_kind(),
            Self::Failure(_) => None,
        };
        Some(ErrorObject::upstream(kind.unwrap_or_else(|| self.kind()), self))
    }
}

/// Lets error types wrap it as `transparent`, and methods return it.
///
/// The error that the other method declares becomes this method's error, and the client decodes it as
/// [`Error::Method`]. Any other error becomes an internal error with its [kind](ErrorObject::upstream_kind) as data,
/// which the server logs. It keeps no code, because an undeclared code could be mistaken for another error of the
/// wrapping type.
impl<E: RpcError> RpcError for Error<E> {
    const ERRORS: &'static ErrorSet = E::ERRORS;

    fn to_error_object(&self) -> ErrorObject {
        match self {
            Self::Method(error) => error.to_error_object(),
            other => other.undeclared().unwrap_or_else(ErrorObject::internal),
        }
    }

    fn from_error_object(object: ErrorObject) -> Result<Self, ErrorObject> {
        E::from_error_object(object).map(Self::Method)
    }
}

/// Writes the error object that [`to_error_object`](RpcError::to_error_object) makes, for use as the data of an error
/// with its own code.
impl<E: RpcError> Serialize for Error<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_error_object().serialize(serializer)
    }
}

/// Reads an error object as the declared error, or otherwise as [`Error::Rpc`].
impl<'de, E: RpcError> Deserialize<'de> for Error<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = ErrorObject::deserialize(deserializer)?;
        Ok(E::from_error_object(object).map_or_else(Self::Rpc, Self::Method))
    }
}

/// Lets handlers that return an [`ErrorObject`] use `?` on calls. The error that the other method declares, and any
/// other error with a code for services, is passed on unchanged. All others become internal errors with their
/// [kind](ErrorObject::upstream_kind).
impl<E: RpcError> From<Error<E>> for ErrorObject {
    fn from(error: Error<E>) -> Self {
        match error {
            Error::Rpc(object) if ErrorCode::is_for_services(object.code()) => object,
            other => other.to_error_object(),
        }
    }
}

/// An error that methods declare, other than [`Infallible`]. The derive implements it.
#[doc(hidden)]
pub trait DeclaredError {}

impl DeclaredError for ErrorObject {}

/// Lets `?` convert the error of a method that declares none into the error of any other method.
impl<E: DeclaredError> From<Error<Infallible>> for Error<E> {
    fn from(error: Error<Infallible>) -> Self {
        error.widen()
    }
}

#[cfg(feature = "openrpc")]
mod schema {
    use std::borrow::Cow;

    use rpc_core::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use crate::Error;

    /// Describes an error object.
    impl<E> JsonSchema for Error<E> {
        fn schema_name() -> Cow<'static, str> {
            "ErrorObject".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "type": "object",
                "properties": { "code": { "type": "integer" }, "message": { "type": "string" }, "data": true },
                "required": ["code", "message"],
            })
        }
    }
}
