//! [`Denied`], the error with which authentication and handlers deny a call. It carries a [`Denial`] and a text for the
//! caller.

use std::borrow::Cow;
use std::fmt;

use crate::{Denial, ErrorCode, ErrorObject, ErrorSet, RpcError};

/// The error for a caller that may not make a call, or that cannot be identified.
///
/// If `Authenticate` returns it for a request, the server refuses the whole request. A handler returns it for its call
/// if the answer depends on more than the caller's roles: by `?` if its error is an [`ErrorObject`], or as a variant.
/// The caller of that handler gets [`Error::Rpc`] with -32098 and the kind [`Authorization`] or [`Authentication`]. The
/// outcome is *executed*, because the handler saw the call.
///
/// The caller sees the reason, so it should not help attackers.
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
    /// Makes the error for invalid credentials: code -32098, and HTTP 401 for a request. The client does not retry.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Denied, ErrorObject};
    ///
    /// let error = ErrorObject::from(Denied::unauthenticated("the token has expired"));
    /// assert_eq!(error.code().get(), -32098);
    /// let data = r#"{"reason":"unauthenticated","detail":"the token has expired"}"#;
    /// assert_eq!(error.data().unwrap().get(), data);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn unauthenticated(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { denial: Some(Denial::Unauthenticated), reason: reason.into() }
    }

    /// Makes the error for a known caller without permission: code -32098, and HTTP 403 for a request. The client does
    /// not retry.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Denied, ErrorKind, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// async fn delete(owner: &str) -> Result<(), Denied> {
    ///     if owner == "ada" { Ok(()) } else { Err(Denied::forbidden("only owners can delete")) }
    /// }
    ///
    /// let server = Server::builder().try_method("delete", || delete("bob")).build();
    /// let error = Client::in_process(&server).call::<()>("delete", ()).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Authorization);
    /// # Ok(())
    /// # }
    /// ```
    pub fn forbidden(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { denial: Some(Denial::Forbidden), reason: reason.into() }
    }

    /// Makes the error for a caller that cannot be identified at the moment: code -32092, and HTTP 503 for a request,
    /// which the client may retry. If a handler returns it, the client does not retry the call.
    pub fn unavailable() -> Self {
        Self { denial: None, reason: Cow::Borrowed("") }
    }

    /// Returns why the caller is denied, or `None` if the caller cannot be identified at the moment.
    pub fn denial(&self) -> Option<Denial> {
        self.denial
    }

    /// Returns the reason that the caller sees.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the code of the error that callers get.
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

/// Lets methods return `Denied` as their error, and other errors wrap it as `transparent`. It is never decoded, so
/// callers see the same error as when the server itself denies a call.
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
