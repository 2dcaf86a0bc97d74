//! The errors of calls that a handler makes to another server, and how the handler's own error relays them: as an
//! internal error with their kind. The client's `Error` implements [`UpstreamError`].

use std::error::Error;
use std::fmt;

use serde::Deserialize;

use crate::chain::Chain;
use crate::{ErrorCode, ErrorKind, ErrorObject};

/// The error of a call that a handler makes to another server.
///
/// The client's `Error` implements it, so that the derive knows the errors that a handler relays.
pub trait UpstreamError {
    /// Returns the internal error that stands for this one, or `None` where it is one that the other method declares.
    fn undeclared(&self) -> Option<ErrorObject>;
}

/// A field of an error, which may hold the error of a call that a handler makes.
///
/// A method call on a reference to it finds [`FieldOfUpstream`] first, where the field's type is an [`UpstreamError`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Field<'a, T>(pub &'a T);

#[doc(hidden)]
pub trait FieldOfUpstream {
    #[doc(hidden)]
    fn undeclared(&self) -> Option<ErrorObject>;
}

impl<T: UpstreamError> FieldOfUpstream for Field<'_, T> {
    fn undeclared(&self) -> Option<ErrorObject> {
        self.0.undeclared()
    }
}

#[doc(hidden)]
pub trait FieldOfOther {
    #[doc(hidden)]
    fn undeclared(&self) -> Option<ErrorObject>;
}

impl<T> FieldOfOther for &Field<'_, T> {
    #[inline(always)]
    fn undeclared(&self) -> Option<ErrorObject> {
        None
    }
}

impl ErrorObject {
    /// Says that a call failed which the handler made to another server, with the kind of its error as data. The server
    /// logs the error.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{ErrorKind, ErrorObject};
    ///
    /// let error = ErrorObject::upstream(ErrorKind::Timeout, &std::fmt::Error);
    /// let json = r#"{"code":-32603,"message":"Internal error","data":{"kind":"timeout"}}"#;
    /// assert_eq!(serde_json::to_string(&error)?, json);
    /// assert_eq!(error.upstream_kind(), Some(ErrorKind::Timeout));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn upstream(kind: ErrorKind, error: &(dyn Error + 'static)) -> Self {
        let source = UpstreamFailed { kind, error: Chain::of(error) };
        Self::internal().with_data(&serde_json::json!({ "kind": kind.as_str() })).with_source(source)
    }

    /// Returns the kind of the error with which a call ended that the handler made to another server, where that is why
    /// it failed: the data of -32603 is then `{"kind": "timeout"}`.
    ///
    /// The error itself is of the kind [`Internal`](ErrorKind::Internal): it is not the caller who was not known, or
    /// who called too often.
    pub fn upstream_kind(&self) -> Option<ErrorKind> {
        #[derive(Deserialize)]
        struct Data {
            kind: String,
        }
        if self.code() != ErrorCode::INTERNAL_ERROR {
            return None;
        }
        let Data { kind } = self.decode_data().ok()?;
        ErrorKind::ALL.iter().copied().find(|known| known.as_str() == kind)
    }
}

/// Says that a call failed which a handler made.
#[derive(Debug)]
struct UpstreamFailed {
    kind: ErrorKind,
    error: Chain,
}

impl fmt::Display for UpstreamFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call to another server failed ({})", self.kind)
    }
}

impl Error for UpstreamFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use crate::{ErrorKind, ErrorObject};

    #[test]
    fn kinds_survive_a_round_trip_and_come_with_internal_errors_alone() {
        for &kind in ErrorKind::ALL {
            let error = ErrorObject::upstream(kind, &std::fmt::Error);
            assert_eq!(error.upstream_kind(), Some(kind));
            assert_eq!(ErrorKind::of_error(&error), ErrorKind::Internal);
        }
        let other = ErrorObject::new(1001, "").with_data(&serde_json::json!({ "kind": "timeout" }));
        let unknown = ErrorObject::internal().with_data(&serde_json::json!({ "kind": "new" }));
        for error in [other, unknown, ErrorObject::internal()] {
            assert_eq!(error.upstream_kind(), None);
        }
    }
}
