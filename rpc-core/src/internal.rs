//! [`Internal`]: an error that the server logs and callers see as a bare -32603. [`InternalExt`] makes one from
//! any error.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::chain::SharedError;
use crate::{ErrorObject, ErrorSet, RpcError};

/// An error that stays on the server: the server logs it, and the caller gets -32603 without a text and without data.
///
/// [`InternalExt::internal`] makes one from any error. A service declares it as a variant, so the crate with the
/// service's trait need not know the error's type:
///
/// ```
/// use rpc::{Internal, InternalExt as _, RpcError};
///
/// #[derive(Debug, thiserror::Error, RpcError)]
/// pub enum OrderError {
///     #[error("order {id} not found")]
///     #[rpc(code = 1001)]
///     NotFound { id: u64 },
///     #[error(transparent)]
///     #[rpc(internal)]
///     Internal(#[from] Internal),
/// }
///
/// fn load(id: u64) -> Result<String, OrderError> {
///     let path = format!("/no/such/place/{id}");
///     Ok(std::fs::read_to_string(path).internal()?)
/// }
///
/// let object = load(7).unwrap_err().to_error_object();
/// assert_eq!(serde_json::to_string(&object)?, r#"{"code":-32603,"message":"Internal error"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Handlers that return [`ErrorObject`] convert it by `?`, too, and a method may return it as its error. `Display` and
/// [`source`](Error::source) are those of the error inside. Any two are equal, because they are the same on the wire.
#[derive(Clone)]
pub struct Internal(SharedError);

impl Internal {
    /// Wraps an error, or a text.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{ErrorObject, Internal};
    ///
    /// let error = Internal::new("disk 3 is full");
    /// // The server logs this text.
    /// assert_eq!(error.to_string(), "disk 3 is full");
    /// // The caller gets only this.
    /// let json = serde_json::to_string(&ErrorObject::from(error))?;
    /// assert_eq!(json, r#"{"code":-32603,"message":"Internal error"}"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }

    /// Returns the error inside, for tests and downcasts.
    pub fn get_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Debug for Internal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Internal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Internal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl PartialEq for Internal {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Internal {}

/// Makes a bare -32603, with the error as its [source](Error::source), which the server logs.
impl From<Internal> for ErrorObject {
    fn from(internal: Internal) -> Self {
        Self::internal().with_shared_source(internal.0)
    }
}

/// Turns errors into [`Internal`] errors, which stay on the server.
///
/// # Example
///
/// ```
/// use rpc::{ErrorObject, InternalExt as _};
///
/// async fn read(path: String) -> Result<String, ErrorObject> {
///     Ok(std::fs::read_to_string(path).internal()?)
/// }
///
/// let server = rpc::Server::builder().try_method("read", |(path,): (String,)| read(path)).build();
/// ```
///
/// It works for every error that converts into a `Box<dyn Error + Send + Sync>`: errors, texts, and boxes of other
/// crates such as `anyhow::Error`. An `Option` first needs a reason: `row.ok_or("no such row").internal()?`.
pub trait InternalExt<T> {
    /// Turns the error into an [`Internal`] error.
    ///
    /// # Errors
    ///
    /// Returns the error if the result is an error.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Internal, InternalExt as _};
    ///
    /// fn port(text: &str) -> Result<u16, Internal> {
    ///     text.parse::<u16>().internal()
    /// }
    ///
    /// assert_eq!(port("8080"), Ok(8080));
    /// assert!(port("http").unwrap_err().get_ref().is::<std::num::ParseIntError>());
    /// ```
    fn internal(self) -> Result<T, Internal>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> InternalExt<T> for Result<T, E> {
    fn internal(self) -> Result<T, Internal> {
        self.map_err(Internal::new)
    }
}

/// Lets methods return `Internal` as their error, and other errors wrap it as `transparent`.
impl RpcError for Internal {
    const ERRORS: &'static ErrorSet = &ErrorSet::new(&[]);

    fn to_error_object(&self) -> ErrorObject {
        self.clone().into()
    }

    fn from_error_object(object: ErrorObject) -> Result<Self, ErrorObject> {
        Err(object)
    }
}

/// Encodes an error that stays on the server. The server logs its text and sources.
#[doc(hidden)]
pub fn encode_internal<E: RpcError>(error: &E) -> ErrorObject {
    ErrorObject::internal().with_chain(error)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::{Internal, InternalExt};
    use crate::ErrorObject;

    #[test]
    fn errors_texts_and_boxes_become_internal_errors() {
        let number = "x".parse::<u8>().internal().unwrap_err();
        assert!(number.get_ref().is::<std::num::ParseIntError>());
        assert_eq!(Err::<(), _>("a text").internal().unwrap_err().to_string(), "a text");
        assert_eq!(Err::<(), _>("owned".to_owned()).internal().unwrap_err().to_string(), "owned");
        let boxed: Box<dyn std::error::Error + Send + Sync> = "boxed".into();
        assert_eq!(Err::<(), _>(boxed).internal().unwrap_err().to_string(), "boxed");
        assert_eq!(Ok::<_, std::fmt::Error>(1).internal(), Ok(1));
    }

    #[test]
    fn the_source_stays_out_of_the_object() {
        let object = ErrorObject::from(Internal::new(std::fmt::Error));
        assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"code":-32603,"message":"Internal error"}"#);
        assert!(object.source().unwrap().is::<std::fmt::Error>());
        assert!(object.clone().source().is_some());
        assert_eq!(object, ErrorObject::internal());
    }
}
