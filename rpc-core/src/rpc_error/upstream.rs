//! The errors of a handler's own calls to other servers, and how the handler's error relays them: as an internal error
//! with their kind. The client's `Error` implements [`UpstreamError`].

use std::error::Error;
use std::fmt;

use serde::Deserialize;

use crate::chain::ErrorChain;
use crate::{ErrorCode, ErrorKind, ErrorObject};

/// The error of a call that a handler makes to another server.
///
/// The client's `Error` implements it, so that the derive recognizes the errors that a handler relays.
pub trait UpstreamError {
    /// Returns the internal error that represents this one, or `None` for an error that the other method declares.
    fn undeclared(&self) -> Option<ErrorObject>;
}

/// A field of an error. It may contain the error of a handler's own call.
///
/// A method call on a reference to it finds [`FieldOfUpstream`] first, if the field's type is an [`UpstreamError`].
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
    /// Makes the error of a handler whose own call to another server failed. Its data is the kind of that call's error.
    /// The server logs that error.
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
        let source = UpstreamFailed { kind, error: ErrorChain::of(error) };
        Self::internal().with_data(&serde_json::json!({ "kind": kind.as_str() })).with_source(source)
    }

    /// Returns the kind of the error of a handler's own call to another server, if that made the handler fail. The data
    /// of -32603 is then, for example, `{"kind": "timeout"}`.
    ///
    /// This error itself has the kind [`Internal`](ErrorKind::Internal): it was not the caller that was unauthenticated
    /// or over its rate limit.
    pub fn upstream_kind(&self) -> Option<ErrorKind> {
        #[derive(Deserialize)]
        struct UpstreamData {
            kind: String,
        }
        if self.code() != ErrorCode::INTERNAL_ERROR {
            return None;
        }
        let UpstreamData { kind } = self.decode_data().ok()?;
        ErrorKind::ALL.iter().copied().find(|known| known.as_str() == kind)
    }
}

/// The source of the error of a handler whose own call failed.
#[derive(Debug)]
struct UpstreamFailed {
    kind: ErrorKind,
    error: ErrorChain,
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
