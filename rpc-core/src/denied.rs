//! [`Denied`], the error with which authentication and handlers deny a call. It carries a [`Denial`] and a text for the
//! caller.

use std::borrow::Cow;
use std::fmt;

use crate::{Denial, ErrorCode, ErrorObject, ErrorSet, RpcError};

/// Says that a caller may not make a call, or that it is not known who calls.
///
/// `Authenticate` returns it for a request, which is then refused as a whole. A handler returns it for its call, where
/// the answer depends on more than the caller's roles: by `?` where its error is an [`ErrorObject`], or as a variant.
/// Its caller gets [`Error::Rpc`] with -32098 and the kind [`Authorization`] or [`Authentication`], and knows that the
/// handler saw the call: the outcome is *executed*.
///
/// What is given as the reason is told to the caller, so it should not help those who guess.
///
/// [`Error::Rpc`]: https://docs.rs/rpc/latest/rpc/enum.Error.html#variant.Rpc
/// [`Authorization`]: crate::ErrorKind::Authorization
/// [`Authentication`]: crate::ErrorKind::Authentication
///
/// # Example
///
/// ```
/// use rpc::{Denied, ErrorKind, RpcError};
///
/// #[derive(Debug, PartialEq, thiserror::Error, RpcError)]
/// enum DocumentError {
///     #[error("no document {0}")]
///     #[rpc(code = 1001)]
///     NotFound(u64),
///     #[error(transparent)]
///     #[rpc(transparent)]
///     Denied(#[from] Denied),
/// }
///
/// fn open(owner: &str, caller: &str) -> Result<(), DocumentError> {
///     if owner == caller { Ok(()) } else { Err(Denied::forbidden("not yours"))? }
/// }
///
/// let object = open("ann", "bob").unwrap_err().to_error_object();
/// let json = r#"{"code":-32098,"message":"Forbidden","data":{"reason":"forbidden","detail":"not yours"}}"#;
/// assert_eq!(serde_json::to_string(&object)?, json);
/// assert_eq!(ErrorKind::of_error(&object), ErrorKind::Authorization);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    denial: Option<Denial>,
    reason: Cow<'static, str>,
}

impl Denied {
    /// The credentials do not hold: code -32098, and HTTP 401 for a request. The client does not send it again.
    pub fn unauthenticated(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { denial: Some(Denial::Unauthenticated), reason: reason.into() }
    }

    /// The caller is known and may not do that: code -32098, and HTTP 403 for a request. The client does not send it
    /// again.
    pub fn forbidden(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { denial: Some(Denial::Forbidden), reason: reason.into() }
    }

    /// Who calls cannot be found out at the moment: code -32092, and HTTP 503 for a request, which the client may send
    /// again. The call of a handler that returns it is not sent again.
    pub fn unavailable() -> Self {
        Self { denial: None, reason: Cow::Borrowed("") }
    }

    /// Returns why the caller is denied, or `None` where that cannot be found out at the moment.
    pub fn denial(&self) -> Option<Denial> {
        self.denial
    }

    /// Returns the reason that the caller is told.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the code that calls are answered with.
    pub fn code(&self) -> ErrorCode {
        if self.denial.is_some() { ErrorCode::ACCESS_DENIED } else { ErrorCode::OVERLOADED }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.denial.map_or("authentication is unavailable", Denial::reason))?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}

impl std::error::Error for Denied {}

impl From<Denied> for ErrorObject {
    fn from(denied: Denied) -> Self {
        denied.to_error_object()
    }
}

/// Lets methods return it as their error, and other errors wrap it as `transparent`. It is never decoded, so that a
/// caller sees the same as where the server itself denies a call.
impl RpcError for Denied {
    const ERRORS: &'static ErrorSet = &ErrorSet::new(&[]);

    fn to_error_object(&self) -> ErrorObject {
        match self.denial {
            Some(denial) => denial.to_error_object(&self.reason, &[]),
            None => self.code().into(),
        }
    }

    fn from_error_object(object: ErrorObject) -> Result<Self, ErrorObject> {
        Err(object)
    }
}
