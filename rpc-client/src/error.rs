//! [`Error`], which users get for a failed call, and the decoding of an answer: into a result, the method's declared
//! error, another JSON-RPC error, or a [`Failure`].

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;
use rpc_core::{ErrorKind, ErrorObject, Outcome, RpcError};
use serde::de::DeserializeOwned;

use crate::Attempt;
use crate::failure::{Failure, FailureKind};

/// How a call fails.
///
/// `E` is the error type that the method declares. A method that declares none has [`Infallible`].
///
/// `Display` and `Debug` show text from the server with control characters escaped and cut at 1 KiB, so that it is safe
/// to log. A declared error uses the `Display` and `Debug` of its own type.
///
/// # Example
///
/// ```
/// use rpc::Error;
/// use rpc::ErrorObject;
///
/// fn describe(error: &Error<ErrorObject>) -> String {
///     match error {
///         Error::Method(error) => format!("the method said {error}"),
///         Error::Rpc(error) => format!("the server said {error}"),
///         Error::Failure(failure) => format!("no answer: {failure}, outcome {:?}", failure.outcome()),
///     }
/// }
/// let refused = Error::Rpc(ErrorObject::method_not_found());
/// assert_eq!(describe(&refused), "the server said Method not found (code -32601)");
/// ```
///
/// In a function with calls that have different errors, `?` converts the error of a method that declares none, and a
/// [`Failure`], into any other. Convert errors of methods with [`map_method`](Self::map_method), or into a
/// `Box<dyn Error + Send + Sync>`:
///
/// ```
/// # #[derive(Debug, PartialEq, thiserror::Error, rpc::RpcError)]
/// # #[error("none left")]
/// # #[rpc(code = 1)]
/// # struct SoldOut;
/// # async fn example(count: rpc::Call<u64>, reserve: rpc::Call<u64, SoldOut>) -> Result<(), rpc::Error<SoldOut>> {
/// let count = count.await?;
/// let number = reserve.await?;
/// # Ok(())
/// # }
/// ```
///
/// An `Error` is `Clone` if `E` is. It has no `==`, since a [`Failure`] has none. Tests compare
/// [`method`](Self::method) or the [`error_object`](Self::error_object):
///
/// ```
/// # use rpc::{Error, ErrorObject, Failure};
/// # #[derive(Debug, PartialEq, thiserror::Error, rpc::RpcError)]
/// # #[error("none left")]
/// # #[rpc(code = 1)]
/// # struct SoldOut;
/// let error = Error::Method(SoldOut);
/// assert_eq!(error.method(), Some(&SoldOut));
/// let error = Error::<SoldOut>::Rpc(ErrorObject::method_not_found());
/// assert_eq!(error.error_object(), Some(ErrorObject::method_not_found()));
/// let error = Error::<SoldOut>::from(Failure::connect("refused"));
/// assert!(error.is_connect());
/// ```
#[derive(Clone, Debug)]
pub enum Error<E = Infallible> {
    /// The error that the method declares.
    Method(E),
    /// Any other JSON-RPC error that the server answered with: an unknown method, invalid params, a code that the
    /// method does not declare.
    Rpc(ErrorObject),
    /// A failure of the framework: no connection, no time, no readable answer.
    Failure(Failure),
}

impl<E> Error<E> {
    /// Returns whether the call timed out, at the client or at the server.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Error, Failure};
    ///
    /// let error: Error = Failure::timed_out().into();
    /// assert!(error.is_timeout());
    /// let error: Error = Failure::connect("refused").into();
    /// assert!(!error.is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        self.failure().is_some_and(Failure::is_timeout)
    }

    /// Returns whether the call has run. For an error that the server answered with, it is [`Outcome::Executed`].
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Error, ErrorObject, Failure, Outcome};
    ///
    /// fn advice(error: &Error) -> &'static str {
    ///     match error.outcome() {
    ///         Outcome::NotSent | Outcome::Refused => "it did not run: try again later",
    ///         Outcome::Executed => "it ran: read the error",
    ///         _ => "it may have run: ask the server",
    ///     }
    /// }
    /// assert_eq!(advice(&Failure::overloaded().into()), "it did not run: try again later");
    /// assert_eq!(advice(&Failure::timed_out().into()), "it may have run: ask the server");
    /// assert_eq!(advice(&Error::Rpc(ErrorObject::internal())), "it ran: read the error");
    /// ```
    pub fn outcome(&self) -> Outcome {
        self.failure().map_or(Outcome::Executed, Failure::outcome)
    }

    /// Returns the attempts at the call, if it ended as a [`Failure`]. For calls that were answered the list is empty;
    /// [`ClientBuilder::on_attempt`](crate::ClientBuilder::on_attempt) sees their attempts.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Outcome};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // No server listens at port 1.
    /// let error = Client::new("http://127.0.0.1:1")?.call::<u64>("count", ()).await.unwrap_err();
    /// for attempt in error.attempts() {
    ///     println!("attempt {} took {:?}: {:?}", attempt.number, attempt.took, attempt.error);
    /// }
    /// assert!(error.attempts().iter().all(|attempt| attempt.outcome == Outcome::NotSent));
    /// # Ok(())
    /// # }
    /// ```
    pub fn attempts(&self) -> &[Attempt] {
        self.failure().map_or(&[], Failure::attempts)
    }

    /// Returns the category of the error, for metrics and alerts.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Error, ErrorKind, ErrorObject, Failure};
    ///
    /// let error = Error::<std::convert::Infallible>::Rpc(ErrorObject::method_not_found());
    /// assert_eq!(error.kind(), ErrorKind::NotFound);
    /// let error: Error = Failure::timed_out().into();
    /// assert_eq!(error.kind().as_str(), "timeout");
    /// ```
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Method(_) => ErrorKind::Method,
            Self::Rpc(error) => ErrorKind::of_error(error),
            Self::Failure(failure) => failure.kind(),
        }
    }

    /// Returns whether no connection could be made.
    pub fn is_connect(&self) -> bool {
        self.failure().is_some_and(Failure::is_connect)
    }

    /// Returns the error that the method declares, if the server answered with it.
    pub fn method(&self) -> Option<&E> {
        match self {
            Self::Method(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the failure, if there is one.
    ///
    /// # Example
    ///
    /// ```
    /// use http::StatusCode;
    /// use rpc::{Error, Failure};
    ///
    /// let error: Error = Failure::of_status(StatusCode::BAD_GATEWAY).into();
    /// let status = error.failure().and_then(Failure::status);
    /// assert_eq!(status, Some(StatusCode::BAD_GATEWAY));
    /// ```
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failure(failure) => Some(failure),
            _ => None,
        }
    }

    /// Returns the JSON-RPC error that the server sent, unless it was decoded into the declared error.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, ErrorCode, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::in_process(&Server::builder().method("ping", || async { "pong" }).build());
    /// let error = client.call::<String>("pong", ()).await.unwrap_err();
    /// assert_eq!(error.error_object().map(|object| object.code()), Some(ErrorCode::METHOD_NOT_FOUND));
    /// # Ok(())
    /// # }
    /// ```
    pub fn error_object(&self) -> Option<ErrorObject> {
        match self {
            Self::Method(_) => None,
            Self::Rpc(error) => Some(error.clone()),
            Self::Failure(failure) => failure.error_object(),
        }
    }

    /// Converts the declared error into another type.
    ///
    /// # Example
    ///
    /// ```
    /// # use rpc::Error;
    /// #[derive(Debug, PartialEq)]
    /// enum OrderError {
    ///     Stock(SoldOut),
    /// }
    /// # #[derive(Debug, PartialEq)]
    /// # struct SoldOut;
    ///
    /// let error: Error<OrderError> = Error::Method(SoldOut).map_method(OrderError::Stock);
    /// assert_eq!(error.method(), Some(&OrderError::Stock(SoldOut)));
    /// ```
    pub fn map_method<F>(self, convert: impl FnOnce(E) -> F) -> Error<F> {
        match self {
            Self::Method(error) => Error::Method(convert(error)),
            Self::Rpc(error) => Error::Rpc(error),
            Self::Failure(failure) => Error::Failure(failure),
        }
    }
}

impl Error<Infallible> {
    /// Converts the error of a method that declares none into the error of any other method. `?` does this
    /// automatically, unless the other error implements [`RpcError`] by hand.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Error, Failure};
    /// # #[derive(Debug)]
    /// # struct SoldOut;
    ///
    /// let error: Error = Failure::timed_out().into();
    /// let error: Error<SoldOut> = error.widen();
    /// assert!(error.is_timeout());
    /// ```
    pub fn widen<E>(self) -> Error<E> {
        self.map_method(|never| match never {})
    }
}

impl<E> From<Failure> for Error<E> {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(error) => error.fmt(f),
            Self::Rpc(error) => error.fmt(f),
            Self::Failure(failure) => failure.fmt(f),
        }
    }
}

impl<E: StdError> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Method(error) => error.source(),
            Self::Rpc(error) => error.source(),
            Self::Failure(failure) => failure.source(),
        }
    }
}

/// The answer to one call, not yet decoded.
pub(crate) type AnswerResult = Result<Answer, Failure>;

/// What the server answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The JSON text of the call's result.
    Result(Bytes),
    /// The call's own error.
    Error(ErrorObject),
    /// An error about the whole request, without the id of a call. Whatever its code, it says nothing about the method.
    OfRequest(ErrorObject),
}

/// Decodes the answer to a call. Reserved codes are never decoded into the declared type.
pub(crate) fn decode<T: DeserializeOwned, E: RpcError>(answered: AnswerResult) -> Result<T, Error<E>> {
    match answered? {
        Answer::Result(result) => {
            // The whole answer was checked before. A second check is still cheaper than one for each string.
            let text = std::str::from_utf8(&result)
                .map_err(|error| Failure::with_source(FailureKind::Decode, error).with_body(&result))?;
            serde_json::from_str(text).map_err(|error| Failure::decode(error).with_body(&result).into())
        }
        Answer::Error(error) => Err(error_of_call(error)),
        Answer::OfRequest(error) => Err(Error::Rpc(error)),
    }
}

/// Decodes the error with which a server has answered a call.
pub(crate) fn error_of_call<E: RpcError>(error: ErrorObject) -> Error<E> {
    if !error.code().is_for_services() {
        return Error::Rpc(error);
    }
    E::from_error_object(error).map_or_else(Error::Rpc, Error::Method)
}
