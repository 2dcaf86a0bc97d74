//! [`Refusal`]: the answer of a layer that rejects a call before its handler runs. Clients may retry such a call
//! safely.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use rpc_core::ErrorObject;

use crate::fault::{millis, overloaded};

/// Says that a call is not let through to its handler: an error, and maybe when the call may come again.
///
/// Its caller may rely on it that the call did not run, since handlers cannot say so: it stands in the header
/// `Rpc-Refused`, and an idempotency key is as if it had never been used. So our client sends the call again, whatever
/// the method, where the error is [`overloaded`](Self::overloaded) or [`rate_limited`](Self::rate_limited), which a
/// call by itself also tells by HTTP 503 and 429. With any other code it is final.
///
/// Where the handler was reached after all, a refusal is an error like any other.
///
/// Middleware returns it [as a response](super::Response) or, as layers of tower do, as an error.
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
    /// Refuses a call with an error.
    pub fn new(error: ErrorObject) -> Self {
        Self { error, retry_after: None }
    }

    /// Refuses a call since there is too much to do: -32092, and to come again after a second.
    pub fn overloaded() -> Self {
        Self::new(overloaded()).retry_after(Duration::from_secs(1))
    }

    /// Refuses a call since its caller has made too many of late: -32099, and when it may come again, which also stands
    /// in the error's data as `{"retryAfterMs": ..}`.
    pub fn rate_limited(retry_after: Duration) -> Self {
        Self::new(ErrorObject::rate_limited(millis(retry_after))).retry_after(retry_after)
    }

    /// Says when the call may come again, which travels as `Retry-After` in whole seconds. A batch carries the longest
    /// time of its calls.
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
