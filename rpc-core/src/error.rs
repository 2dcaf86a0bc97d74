use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{ErrorCode, Excerpt};

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
        Self::from(ErrorCode::PARSE_ERROR).with_data(reason)
    }

    /// Says that a message is JSON but no request, and why.
    pub fn invalid_request(reason: &str) -> Self {
        Self::from(ErrorCode::INVALID_REQUEST).with_data(reason)
    }

    /// Says that there is no such method.
    pub fn method_not_found() -> Self {
        ErrorCode::METHOD_NOT_FOUND.into()
    }

    /// Says that a handler failed in a way that is nobody's business but the server's.
    pub fn internal() -> Self {
        ErrorCode::INTERNAL_ERROR.into()
    }
}

/// Makes an error with the code's [default message](ErrorCode::message) and no data.
impl From<ErrorCode> for ErrorObject {
    fn from(code: ErrorCode) -> Self {
        Self::new(code, code.message())
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
            .field("code", &self.code.get())
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
    use super::ErrorObject;

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
}
