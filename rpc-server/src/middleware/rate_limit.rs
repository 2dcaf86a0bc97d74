//! [`RateLimit`], a layer that limits the rate of calls per caller. `limiter` is the shared state of one limit;
//! `buckets` identifies callers and counts with governor.

mod buckets;
mod limiter;

use std::any::Any;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures_util::future::{Either, Ready, ready};
use governor::Quota;
use rpc_core::Context;
use tower::{Layer, Service};

use super::next::Next;
use super::refusal::Refusal;
use super::request::Request;
use super::response::Response;
use limiter::KeyFn;
pub(crate) use limiter::Limiter;

/// A layer that limits the rate of calls per caller, and refuses calls above the limit.
///
/// The subject of the [principal](Context::principal) identifies a caller. Without a principal, the address does, of
/// IPv6 the network (/64). Calls without either, such as calls in process, count together. Behind a proxy all calls
/// have the proxy's address: authenticate callers there, or set a [key](Self::key). Each call and each notification of
/// a batch counts.
///
/// Each caller has a bucket that holds [`burst`](Self::burst) calls and refills evenly. If the bucket is empty, the
/// layer refuses the call with -32099 and the time until a retry, see [`Refusal::rate_limited`]. Our client then waits
/// and retries. Refused calls do not count.
///
/// Calls under an idempotency key are counted before the server asks the store. So repeats that get the kept answer
/// count, too, and refused calls use no room in the store. A refused repeat loses nothing: our client retries and gets
/// the kept answer. This holds for limits that are added as layers of their own. A limit inside a
/// `tower::ServiceBuilder` sees only calls that run.
///
/// A bucket that is full again is dropped. So memory is held only for the callers of the time that a bucket takes to
/// fill. Each added limit has buckets of its own: a limit on the server is one limit for all methods.
///
/// # Example
///
/// ```
/// use rpc::middleware::RateLimit;
///
/// let server = rpc::Server::builder()
///     .method("ping", || async { "pong" })
///     .method("report", || async { "long" })
///     .layer(RateLimit::per_second(100).burst(200))
///     .method_layer("report", RateLimit::per_minute(5))
///     .build();
/// ```
#[derive(Clone)]
#[must_use = "a limit does nothing until it is added to a server"]
pub struct RateLimit {
    quota: Quota,
    key: Option<Arc<KeyFn>>,
}

impl RateLimit {
    /// Allows this number of calls per second. All of them may come at once.
    ///
    /// # Panics
    ///
    /// If `calls` is 0.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::{Duration, Instant};
    ///
    /// use rpc::middleware::RateLimit;
    /// use rpc::{Client, Server};
    ///
    /// let limit = RateLimit::per_second(10).burst(1);
    /// let server = Server::builder().method("ping", || async { "pong" }).layer(limit).build();
    /// let (client, begun) = (Client::in_process(&server), Instant::now());
    ///
    /// // The server refuses the second call. The client waits for the time that the refusal names, and retries.
    /// client.call::<String>("ping", ()).await?;
    /// client.call::<String>("ping", ()).await?;
    /// assert!(begun.elapsed() >= Duration::from_millis(90));
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn per_second(calls: u32) -> Self {
        Self { quota: Quota::per_second(positive(calls)), key: None }
    }

    /// Allows this number of calls per minute. All of them may come at once.
    ///
    /// # Panics
    ///
    /// If `calls` is 0.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::middleware::RateLimit;
    /// use rpc::{Client, ErrorKind, Retry, Server};
    ///
    /// let server = Server::builder().method("report", || async { 1 }).layer(RateLimit::per_minute(2)).build();
    /// let client = Client::builder().in_process(&server).retry(Retry::never()).build()?;
    ///
    /// client.call::<u32>("report", ()).await?;
    /// client.call::<u32>("report", ()).await?;
    /// let error = client.call::<u32>("report", ()).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::RateLimited);
    /// // The bucket refills by one call every 30 s.
    /// assert!(error.error_object().unwrap().retry_after().unwrap().as_secs() <= 30);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn per_minute(calls: u32) -> Self {
        Self { quota: Quota::per_minute(positive(calls)), key: None }
    }

    /// Sets how many calls may come at once, after a long enough pause. Default: the number of calls per second or
    /// minute. The maximum is what the rate allows in 250 years, such as 131,400,000 calls at one call per minute. A
    /// larger number is reduced to it.
    ///
    /// # Panics
    ///
    /// If `calls` is 0.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::middleware::RateLimit;
    /// use rpc::{Client, Retry, Server};
    ///
    /// // One call per minute on average, but three at once after a pause.
    /// let limit = RateLimit::per_minute(1).burst(3);
    /// let server = Server::builder().method("report", || async { 1 }).layer(limit).build();
    /// let client = Client::builder().in_process(&server).retry(Retry::never()).build()?;
    ///
    /// let reports = client.batch([(); 4].map(|()| client.call::<u32>("report", ()))).await?;
    /// assert_eq!(reports.iter().filter(|report| report.is_ok()).count(), 3);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn burst(mut self, calls: u32) -> Self {
        // governor counts the whole burst as nanoseconds in 64 bits.
        const LONGEST: Duration = Duration::from_secs(250 * 365 * 24 * 60 * 60);
        let one = self.quota.replenish_interval().as_nanos().max(1);
        let most = u32::try_from(LONGEST.as_nanos() / one).unwrap_or(u32::MAX);
        self.quota = self.quota.allow_burst(positive(calls.min(most)));
        self
    }

    /// Identifies callers by a key of your own. Default: the subject or the address, which also identify the caller if
    /// the key is `None`.
    ///
    /// A key that callers can invent limits no caller. An example is a header that none of your proxies sets.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::middleware::RateLimit;
    /// use rpc::{Client, Context, Retry, Server};
    ///
    /// // The proxy in front of the server sets this header.
    /// let tenant = |cx: &Context| Some(cx.headers().get("x-tenant")?.to_str().ok()?.to_owned());
    /// let limit = RateLimit::per_minute(1).key(tenant);
    /// let server = Server::builder().method("report", || async { 1 }).layer(limit).build();
    /// let call = |tenant: &str| {
    ///     let call = Client::in_process(&server).call::<u32>("report", ());
    ///     call.header("x-tenant", tenant).retry(Retry::never())
    /// };
    ///
    /// assert!(call("acme").await.is_ok());
    /// assert!(call("globex").await.is_ok());
    /// assert!(call("acme").await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn key<F>(mut self, key: F) -> Self
    where
        F: Fn(&Context) -> Option<String> + Send + Sync + 'static,
    {
        self.key = Some(Arc::new(key));
        self
    }
}

#[track_caller]
fn positive(calls: u32) -> NonZeroU32 {
    NonZeroU32::new(calls).expect("a limit of 0 calls would let none through")
}

impl<S> Layer<S> for RateLimit {
    type Service = RateLimited<S>;

    fn layer(&self, inner: S) -> RateLimited<S> {
        RateLimited { inner, limiter: Limiter::new(self.key.clone(), self.quota) }
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("quota", &self.quota).field("key", &self.key.is_some()).finish()
    }
}

/// The service of [`RateLimit`].
#[derive(Clone)]
pub struct RateLimited<S> {
    inner: S,
    limiter: Limiter,
}

impl RateLimited<Next> {
    /// Returns the limiter of a service that is a rate limit and nothing else.
    pub(super) fn limiter_of<S: 'static>(service: &S) -> Option<Limiter> {
        (service as &dyn Any).downcast_ref::<Self>().map(|limited| limited.limiter.clone())
    }
}

impl<S> Service<Request> for RateLimited<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let counted = if request.is_counted(&self.limiter) { Ok(()) } else { self.limiter.take(request.context()) };
        match counted {
            Ok(()) => Either::Right(self.inner.call(request)),
            Err(after) => Either::Left(ready(Ok(Refusal::rate_limited(after).into()))),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for RateLimited<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimited").field("inner", &self.inner).finish_non_exhaustive()
    }
}
