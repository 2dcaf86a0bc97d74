//! [`Refusal`]: the answer of a layer that rejects a call before its handler runs. Clients may retry such a call
//! safely.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use rpc_core::ErrorObject;

use crate::fault::{millis, overloaded};

/// The refusal of a call before its handler runs: an error, and optionally the time until a retry.
///
/// A refusal proves to the caller that the call did not run. Handlers cannot prove that: the proof is the header
/// `Rpc-Refused`. The idempotency key counts as never used. If the error is [`overloaded`](Self::overloaded) or
/// [`rate_limited`](Self::rate_limited), our client retries the call, whatever the method. For a call outside a batch,
/// these two also set HTTP 503 and 429. With any other code the refusal is final.
///
/// If the handler was reached after all, a refusal is an error like any other.
///
/// Middleware returns it [as a response](super::Response) or, like layers of tower, as an error.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use rpc::middleware::{self, Next, Refusal, Request, Response};
///
/// async fn closed_on_sundays(request: Request, next: Next) -> Result<Response, Refusal> {
///     if request.context().headers().contains_key("x-sunday") {
///         return Err(Refusal::overloaded().retry_after(Duration::from_secs(3600)));
///     }
///     Ok(next.run(request).await)
/// }
///
/// let server = rpc::Server::builder()
///     .method("ping", || async { "pong" })
///     .layer(middleware::from_fn(closed_on_sundays))
///     .build();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub(super) error: ErrorObject,
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    /// Makes a refusal with an error.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    ///
    /// use rpc::middleware::{self, Next, Refusal, Request, Response};
    /// use rpc::{Dispatch, ErrorObject, Server};
    ///
    /// async fn closed(_: Request, _: Next) -> Result<Response, Refusal> {
    ///     Err(Refusal::new(ErrorObject::new(1001, "closed on Sundays")))
    /// }
    ///
    /// let server = Server::builder().method("buy", || async { 1 }).layer(middleware::from_fn(closed)).build();
    /// let answer = server.dispatch(r#"{"jsonrpc":"2.0","method":"buy","id":1}"#.into(), Arc::default()).await;
    /// assert_eq!(answer.body, r#"{"jsonrpc":"2.0","error":{"code":1001,"message":"closed on Sundays"},"id":1}"#);
    /// // This header proves that the call did not run.
    /// assert_eq!(answer.headers.unwrap()["rpc-refused"], "all");
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(error: ErrorObject) -> Self {
        Self { error, retry_after: None }
    }

    /// Makes the refusal of an overloaded server: -32092, and a retry after one second.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::middleware::{self, Next, Refusal, Request};
    /// use rpc::{Client, Outcome, Retry, Server};
    ///
    /// let shed = middleware::from_fn(|_: Request, _: Next| async { Refusal::overloaded() });
    /// let server = Server::builder().method("pay", || async { 1 }).layer(shed).build();
    ///
    /// // By default, the client retries. The outcome proves that the call did not run.
    /// let error = Client::in_process(&server).call::<u32>("pay", ()).retry(Retry::never()).await.unwrap_err();
    /// assert_eq!(error.outcome(), Outcome::Refused);
    /// assert_eq!(error.error_object().unwrap().code().get(), -32092);
    /// # Ok(())
    /// # }
    /// ```
    pub fn overloaded() -> Self {
        Self::new(overloaded()).retry_after(Duration::from_secs(1))
    }

    /// Makes the refusal of a caller that exceeds its rate: -32099, and the time until a retry. The error's data also
    /// contains the time, as `{"retryAfterMs": ..}`.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::middleware::Refusal;
    ///
    /// let refusal = Refusal::rate_limited(Duration::from_millis(1500));
    /// let json = r#"{"code":-32099,"message":"Too many calls","data":{"retryAfterMs":1500}}"#;
    /// assert_eq!(serde_json::to_string(refusal.error_object())?, json);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn rate_limited(retry_after: Duration) -> Self {
        Self::new(ErrorObject::rate_limited(millis(retry_after))).retry_after(retry_after)
    }

    /// Sets the time until a retry. Default: none, unless [`overloaded`](Self::overloaded) or
    /// [`rate_limited`](Self::rate_limited) has set one. It travels as `Retry-After`, rounded up to whole seconds. A
    /// batch carries the longest time of its calls.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// use rpc::middleware::{self, Next, Refusal, Request};
    /// use rpc::{Dispatch, Server};
    ///
    /// let busy = || Refusal::overloaded().retry_after(Duration::from_secs(30));
    /// let shed = middleware::from_fn(move |_: Request, _: Next| async move { busy() });
    /// let server = Server::builder().method("pay", || async { 1 }).layer(shed).build();
    ///
    /// let request = r#"{"jsonrpc":"2.0","method":"pay","id":1}"#;
    /// let answer = server.dispatch(request.into(), Arc::default()).await;
    /// assert_eq!(answer.headers.unwrap()["retry-after"], "30");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Returns the error.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::ErrorCode;
    /// use rpc::middleware::Refusal;
    ///
    /// assert_eq!(Refusal::overloaded().error_object().code(), ErrorCode::OVERLOADED);
    /// ```
    pub fn error_object(&self) -> &ErrorObject {
        &self.error
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call refused: {}", self.error)
    }
}

impl StdError for Refusal {}
