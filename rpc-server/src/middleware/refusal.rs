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
    pub fn new(error: ErrorObject) -> Self {
        Self { error, retry_after: None }
    }

    /// Makes the refusal of an overloaded server: -32092, and a retry after one second.
    pub fn overloaded() -> Self {
        Self::new(overloaded()).retry_after(Duration::from_secs(1))
    }

    /// Makes the refusal of a caller that exceeds its rate: -32099, and the time until a retry. The error's data also
    /// contains the time, as `{"retryAfterMs": ..}`.
    pub fn rate_limited(retry_after: Duration) -> Self {
        Self::new(ErrorObject::rate_limited(millis(retry_after))).retry_after(retry_after)
    }

    /// Sets the time until a retry. It travels as `Retry-After`, in whole seconds. A batch carries the longest time of
    /// its calls.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Returns the error.
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
