//! [`ErrorCode`], the bare number. `codes` has its constants and their meanings.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The code of an [`ErrorObject`](crate::ErrorObject).
///
/// Any integer is a code and survives a round trip. [Section 5.1](https://www.jsonrpc.org/specification#error_object)
/// reserves -32768 to -32000. In that range, the constants up to [`INTERNAL_ERROR`](Self::INTERNAL_ERROR) belong to the
/// specification, and -32099 to -32089 to this framework. Services can use -32088 to -32000 and all codes outside the
/// reserved range. The module [`codes`](crate::codes) has the meanings of the codes that have a constant.
///
/// # Example
///
/// ```
/// use rpc::ErrorCode;
///
/// assert_eq!(ErrorCode::METHOD_NOT_FOUND.get(), -32601);
/// assert!(ErrorCode::new(1001).is_for_services());
/// assert!(!ErrorCode::OVERLOADED.is_for_services());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(i64);

impl ErrorCode {
    /// Makes a code from a number.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{ErrorCode, ErrorObject};
    ///
    /// const SOLD_OUT: ErrorCode = ErrorCode::new(1001);
    ///
    /// let error = ErrorObject::new(SOLD_OUT, "sold out");
    /// assert_eq!(error.code(), SOLD_OUT);
    /// assert_eq!(serde_json::to_string(&error)?, r#"{"code":1001,"message":"sold out"}"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub const fn new(code: i64) -> Self {
        Self(code)
    }

    /// Returns the number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl From<i64> for ErrorCode {
    fn from(code: i64) -> Self {
        Self(code)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
