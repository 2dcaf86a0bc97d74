//! [`ErrorObject`]: an error as sent over the wire, with an optional source that is logged and not sent. `codes` has
//! the meanings of its codes.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::chain::{ErrorChain, SerializeError, SharedError};
use crate::{ErrorCode, Excerpt, finite};

/// An error as sent over the wire, [section 5.1](https://www.jsonrpc.org/specification#error_object): a code, a message
/// and optional data.
///
/// Handlers can return it as their error if a declared type with [`RpcError`](crate::RpcError) would be too much.
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
    // Some servers leave out the message. Their errors are worth more than strictness.
    #[serde(default)]
    message: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    data: Option<Box<RawValue>>,
    #[serde(skip)]
    source: Option<SharedError>,
}

/// Distinguishes `"data": null` from no data, so that any error object survives a round trip.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

impl ErrorObject {
    /// Makes an error without data.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::ErrorObject;
    ///
    /// let error = ErrorObject::new(1001, "user 7 not found");
    /// assert_eq!(serde_json::to_string(&error)?, r#"{"code":1001,"message":"user 7 not found"}"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn new(code: impl Into<ErrorCode>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into(), data: None, source: None }
    }

    /// Attaches data.
    ///
    /// Data that cannot be written as JSON (such as a map with keys that are not strings) is left out, because the
    /// error itself must still arrive. The reason becomes its [source](Self::with_source), which the server logs.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::ErrorObject;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Missing {
    ///     id: u64,
    /// }
    ///
    /// let error = ErrorObject::new(1001, "not found").with_data(&Missing { id: 7 });
    /// assert_eq!(serde_json::to_string(&error)?, r#"{"code":1001,"message":"not found","data":{"id":7}}"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn with_data(mut self, data: &(impl Serialize + ?Sized)) -> Self {
        match finite::to_raw_value(data) {
            Ok(data) => self.with_raw_data(data),
            Err(error) => {
                self.data = None;
                self.without_data(error)
            }
        }
    }

    /// Records why there is no data.
    #[cold]
    pub(crate) fn without_data(self, error: serde_json::Error) -> Self {
        self.with_source(SerializeError { what: "data of an error", error })
    }

    /// Attaches data that is already JSON.
    #[must_use]
    pub fn with_raw_data(mut self, data: Box<RawValue>) -> Self {
        self.data = Some(data);
        self
    }

    /// Attaches the error behind this one. It is not sent. The server logs it with its own sources, the method and the
    /// id.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::ErrorObject;
    ///
    /// let cause = "x".parse::<u8>().unwrap_err();
    /// let error = ErrorObject::new(1001, "catalogue is closed").with_source(cause);
    /// assert_eq!(serde_json::to_string(&error)?, r#"{"code":1001,"message":"catalogue is closed"}"#);
    /// assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "invalid digit found in string");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.with_shared_source(Arc::from(source.into()))
    }

    #[doc(hidden)]
    #[must_use]
    pub fn with_shared_source(mut self, source: SharedError) -> Self {
        self.source = Some(source);
        self
    }

    /// Attaches the texts of an error and its sources.
    pub(crate) fn with_chain(self, error: &(dyn Error + 'static)) -> Self {
        self.with_source(ErrorChain::of(error))
    }

    /// Returns the attached error, for sharing it.
    pub(crate) fn shared_source(&self) -> Option<&SharedError> {
        self.source.as_ref()
    }

    /// Returns the code.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{ErrorCode, ErrorObject};
    ///
    /// fn advice(error: &ErrorObject) -> &'static str {
    ///     match error.code() {
    ///         ErrorCode::METHOD_NOT_FOUND => "update the server",
    ///         code if code.is_for_services() => "read the documentation of the method",
    ///         _ => "read the server's log",
    ///     }
    /// }
    /// assert_eq!(advice(&ErrorObject::method_not_found()), "update the server");
    /// assert_eq!(advice(&ErrorObject::new(1001, "sold out")), "read the documentation of the method");
    /// ```
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
    /// Returns an error if the data has another shape. Missing data decodes as `null` does.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::ErrorObject;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Missing {
    ///     id: u64,
    /// }
    ///
    /// let error: ErrorObject = serde_json::from_str(r#"{"code":1001,"message":"not found","data":{"id":7}}"#)?;
    /// assert_eq!(error.decode_data::<Missing>()?.id, 7);
    /// assert!(error.decode_data::<String>().is_err());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn decode_data<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.data().map_or("null", RawValue::get))
    }

    /// Returns what the data of a refusal adds to the message: the reason, and the roles that the call requires.
    fn refusal(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct RefusalData {
            reason: Option<String>,
            requires: Option<Vec<String>>,
        }
        if ![ErrorCode::ACCESS_DENIED, ErrorCode::KEY_REFUSED].contains(&self.code) {
            return None;
        }
        let RefusalData { reason, requires } = self.decode_data().ok()?;
        // The message "Forbidden" already says the same as the reason "forbidden".
        let reason = reason.filter(|reason| !reason.is_empty() && !reason.eq_ignore_ascii_case(&self.message));
        let requires = requires.filter(|roles| !roles.is_empty()).map(|roles| format!("requires {}", roles.join(", ")));
        let said: Vec<String> = reason.into_iter().chain(requires).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    pub(crate) fn parse_error(reason: &str) -> Self {
        Self::from(ErrorCode::PARSE_ERROR).with_data(reason)
    }

    /// Makes the error for a message that is JSON but not a request, with the reason.
    pub fn invalid_request(reason: &str) -> Self {
        Self::from(ErrorCode::INVALID_REQUEST).with_data(reason)
    }

    /// Makes the error for an unknown method.
    pub fn method_not_found() -> Self {
        ErrorCode::METHOD_NOT_FOUND.into()
    }

    /// Makes the error for a failure of a handler that only the server may see.
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

/// Compares code, message and the bytes of the data, but not the source.
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
        let mut debug = f.debug_struct("ErrorObject");
        debug
            .field("code", &self.code.get())
            .field("message", &Excerpt(&self.message))
            .field("data", &self.data().map(|data| Excerpt(data.get())));
        if let Some(source) = &self.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

/// Shows the message and the code. A refusal of the caller (-32098) or of the idempotency key (-32096) also shows the
/// `reason` and the roles in `requires` from its data: `Forbidden (code -32098): requires admin`.
///
/// These texts may come from outside, so control characters are escaped. The message and the text after the code are
/// each cut after 1 KiB. [`message`](ErrorObject::message) and [`data`](ErrorObject::data) return them unchanged.
impl fmt::Display for ErrorObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", Excerpt(&self.message), self.code)?;
        match self.refusal() {
            Some(refusal) => write!(f, ": {}", Excerpt(&refusal)),
            None => Ok(()),
        }
    }
}

impl Error for ErrorObject {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorObject;
    use crate::{Denial, ErrorCode, KeyRefusal};

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
    fn a_refusal_shows_its_reason_and_what_it_requires() {
        for (error, shown) in [
            (Denial::Forbidden.to_error_object("", &["admin"]), "Forbidden (code -32098): requires admin"),
            (Denial::Forbidden.to_error_object("no", &["admin", "x"]), "Forbidden (code -32098): requires admin, x"),
            (Denial::Unauthenticated.to_error_object("no", &[]), "Unauthenticated (code -32098)"),
            (KeyRefusal::InProgress.to_error_object(), "Idempotency key refused (code -32096): in_progress"),
        ] {
            assert_eq!(error.to_string(), shown);
        }
        let shown = |code: ErrorCode, data: &str| {
            ErrorObject::new(code, "m").with_raw_data(serde_json::from_str(data).unwrap()).to_string()
        };
        let denied = |data| shown(ErrorCode::ACCESS_DENIED, data);
        assert_eq!(denied(r#"{"reason":"banned","requires":["a"],"more":1}"#), "m (code -32098): banned; requires a");
        assert_eq!(denied(r#"{"requires":["a\nb"]}"#), r"m (code -32098): requires a\nb");
        for data in ["null", "1", "{}", r#"{"reason":1}"#, r#"{"reason":"","requires":[]}"#, r#"{"requires":"a"}"#] {
            assert_eq!(denied(data), "m (code -32098)", "{data}");
        }
        assert_eq!(shown(ErrorCode::INTERNAL_ERROR, r#"{"reason":"banned"}"#), "m (code -32603)");
        assert_eq!(shown(ErrorCode::from(1), r#"{"reason":"banned"}"#), "m (code 1)");
    }

    #[test]
    fn what_a_refusal_shows_is_cut() {
        let roles = vec!["x"; 100_000];
        let shown = Denial::Forbidden.to_error_object("", &roles).to_string();
        assert!(shown.starts_with("Forbidden (code -32098): requires x, x") && shown.ends_with('…'));
        assert_eq!(shown.len(), "Forbidden (code -32098): ".len() + 1024 + "…".len());
    }

    #[test]
    fn unwritable_data_is_left_out() {
        let map = std::collections::BTreeMap::from([((1, 2), 3)]);
        let error = ErrorObject::new(1, "m").with_data(&map);
        assert!(error.data().is_none());
        let reason = "m (code 1): data of an error cannot be written as JSON: key must be a string";
        assert_eq!(crate::chain_text(&error), reason);
    }
}
