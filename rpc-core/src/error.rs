use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::Excerpt;

/// Says what kind of error an [`ErrorObject`] is.
///
/// Any integer is a code and survives a round trip. [Section 5.1](https://www.jsonrpc.org/specification#error_object)
/// reserves -32768 to -32000: the constants up to [`INTERNAL_ERROR`](Self::INTERNAL_ERROR) are the specification's own,
/// -32099 to -32090 are this framework's, and -32089 to -32000 as well as everything outside the reserved range are for
/// services.
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
    /// -32700: the bytes are not JSON.
    pub const PARSE_ERROR: Self = Self(-32700);
    /// -32600: the JSON is not a request.
    pub const INVALID_REQUEST: Self = Self(-32600);
    /// -32601: the server has no such method.
    pub const METHOD_NOT_FOUND: Self = Self(-32601);
    /// -32602: the params do not fit the method.
    pub const INVALID_PARAMS: Self = Self(-32602);
    /// -32603: the handler panicked, or its result could not be written as JSON.
    pub const INTERNAL_ERROR: Self = Self(-32603);

    /// -32090: the request's body is over the server's limit, or its batch has too many entries. Nothing ran.
    pub const REQUEST_TOO_LARGE: Self = Self(-32090);
    /// -32091: the method ran, but its answer is over the server's limit, or was too large to keep for a repeat.
    pub const RESPONSE_TOO_LARGE: Self = Self(-32091);
    /// -32092: the server has as many calls in flight as it takes. Nothing ran.
    pub const OVERLOADED: Self = Self(-32092);
    /// -32093: the handler did not end within the server's limit. It may have had an effect.
    pub const HANDLER_TIMEOUT: Self = Self(-32093);
    /// -32094: the request's body did not arrive in time. Nothing ran.
    pub const REQUEST_TIMEOUT: Self = Self(-32094);
    /// -32095: the caller's time was up before the call began. It did not run.
    pub const DEADLINE_EXPIRED: Self = Self(-32095);
    /// -32096: the call was not run because of its idempotency key; [`KeyRefusal`](crate::KeyRefusal) says why.
    pub const KEY_REFUSED: Self = Self(-32096);
    /// -32097: an earlier call with the same idempotency key was begun, and what became of it is not known. It is never
    /// run again.
    pub const OUTCOME_UNKNOWN: Self = Self(-32097);
    /// -32098: the server does not know who calls, or the caller may not do that. It did not run.
    pub const ACCESS_DENIED: Self = Self(-32098);
    /// -32099: the caller has made too many calls of late. It did not run.
    pub const RATE_LIMITED: Self = Self(-32099);

    /// Makes a code of a number.
    pub const fn new(code: i64) -> Self {
        Self(code)
    }

    /// Returns the number.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Tells whether the code is one of the framework's own, -32099 to -32090.
    pub const fn is_framework(self) -> bool {
        self.0 >= -32099 && self.0 <= -32090
    }

    /// Tells whether a service may declare the code: anything but the specification's and the framework's own.
    pub const fn is_for_services(self) -> bool {
        self.0 < -32768 || self.0 > -32090
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

/// An error as it travels, [section 5.1](https://www.jsonrpc.org/specification#error_object): a code, a message and
/// optional data.
///
/// Handlers may return it as their error, where a declared type with [`RpcError`](crate::RpcError) would be too much.
///
/// # Example
///
/// ```
/// use rpc::ErrorObject;
///
/// let error = ErrorObject::new(1001, "user 7 not found").with_data(&serde_json::json!({ "id": 7 }));
/// assert_eq!(
///     serde_json::to_string(&error)?,
///     r#"{"code":1001,"message":"user 7 not found","data":{"id":7}}"#,
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
pub struct ErrorObject {
    code: ErrorCode,
    // Some servers leave the message out. Their errors are worth more than our strictness.
    #[serde(default)]
    message: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    data: Option<Box<RawValue>>,
}

/// Keeps `"data": null` apart from no data, so that any error object survives a round trip.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

impl ErrorObject {
    /// Makes an error without data.
    pub fn new(code: impl Into<ErrorCode>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into(), data: None }
    }

    /// Attaches data.
    ///
    /// Data that cannot be written as JSON (a map with keys that are no strings, say) is left out: the error itself
    /// must still arrive.
    #[must_use]
    pub fn with_data(mut self, data: &(impl Serialize + ?Sized)) -> Self {
        self.data = serde_json::value::to_raw_value(data).ok();
        self
    }

    /// Attaches data that is JSON already.
    #[must_use]
    pub fn with_raw_data(mut self, data: Box<RawValue>) -> Self {
        self.data = Some(data);
        self
    }

    /// Returns the code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// Returns the message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the data, as JSON text.
    pub fn data(&self) -> Option<&RawValue> {
        self.data.as_deref()
    }

    /// Decodes the data.
    ///
    /// # Errors
    ///
    /// If the data is of another shape. No data decodes as `null` would.
    pub fn decode_data<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.data().map_or("null", RawValue::get))
    }

    pub(crate) fn parse_error(reason: &str) -> Self {
        Self::new(ErrorCode::PARSE_ERROR, "Parse error").with_data(reason)
    }

    /// Says that a message is JSON but no request, and why.
    pub fn invalid_request(reason: &str) -> Self {
        Self::new(ErrorCode::INVALID_REQUEST, "Invalid Request").with_data(reason)
    }

    /// Says that there is no such method.
    pub fn method_not_found() -> Self {
        Self::new(ErrorCode::METHOD_NOT_FOUND, "Method not found")
    }

    /// Says that a handler failed in a way that is nobody's business but the server's.
    pub fn internal() -> Self {
        Self::new(ErrorCode::INTERNAL_ERROR, "Internal error")
    }
}

/// Two are equal when code, message and the bytes of the data are.
impl PartialEq for ErrorObject {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
            && self.message == other.message
            && self.data().map(RawValue::get) == other.data().map(RawValue::get)
    }
}

impl Eq for ErrorObject {}

impl fmt::Debug for ErrorObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorObject")
            .field("code", &self.code.0)
            .field("message", &Excerpt(&self.message))
            .field("data", &self.data().map(|data| Excerpt(data.get())))
            .finish()
    }
}

/// Shows the message and the code. The message may come from outside, so control characters are escaped, and it is cut
/// after 1 KiB. [`message`](ErrorObject::message) has it as it came.
impl fmt::Display for ErrorObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", Excerpt(&self.message), self.code)
    }
}

impl std::error::Error for ErrorObject {}

#[cfg(test)]
mod tests {
    use super::{ErrorCode, ErrorObject};

    #[test]
    fn null_data_and_no_data_stay_apart() {
        for json in [r#"{"code":1,"message":"m"}"#, r#"{"code":1,"message":"m","data":null}"#] {
            let error: ErrorObject = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&error).unwrap(), json);
        }
    }

    #[test]
    fn a_missing_message_is_an_empty_one() {
        let error: ErrorObject = serde_json::from_str(r#"{"code":-32000}"#).unwrap();
        assert_eq!(error, ErrorObject::new(-32000, ""));
    }

    #[test]
    fn unwritable_data_is_left_out() {
        let map = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(ErrorObject::new(1, "m").with_data(&map).data().map(|_| ()), None);
    }

    #[test]
    fn services_may_use_all_but_the_reserved_codes() {
        for (code, free) in [(-32769, true), (-32768, false), (-32601, false), (-32100, false), (-32090, false)]
            .into_iter()
            .chain([(-32089, true), (-32000, true), (-31999, true), (0, true), (i64::MIN, true)])
        {
            assert_eq!(ErrorCode::new(code).is_for_services(), free, "{code}");
        }
    }
}
