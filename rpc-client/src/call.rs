//! [`Call`]: a call as a value, before it is sent, with its setters. Its [`CallParts`] are not generic, so the code
//! that sends a call is compiled once. `send` takes over when the call is awaited.

mod tickets;
mod with_meta;

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use rpc_core::{BoxFuture, Effect, MethodRef, RpcError};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::engine::Engine;
use crate::error::{AnswerResult, Error, decode};
use crate::failure::Failure;
use crate::parts::{CallIdentity, CallParts};
use crate::reliability::retry::Retry;
use crate::send;
pub use with_meta::{MetaCall, MetaFuture};

/// A call that has not been sent yet: a value to configure, store, pass to another task or put into a batch.
///
/// Awaiting it sends it. It is not a future itself, but becomes one with `.await`, or with `.into_future()` where a
/// future is needed. `T` is the type of its result, `E` the error that its method declares.
///
/// # Errors
///
/// [`Error`] lists how a call can fail.
///
/// # Cancel safety
///
/// A call that was not awaited was not sent. Dropping the future cancels the request and stops retries. The call may
/// have run.
///
/// # Blocking
///
/// There is no method that blocks until a call has ended. A connection belongs to the runtime that drives it. A new
/// runtime for each call would lose the connection pool, and blocking inside a running runtime would panic or deadlock.
/// Where code must block, keep one runtime and let it run the calls:
///
/// ```
/// # use rpc::{Client, Server};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Server::builder().method("sum", |(a, b): (i64, i64)| async move { a + b }).build();
/// # let client = Client::in_process(&server);
/// let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
/// let sum: i64 = runtime.block_on(client.call("sum", [1, 2]).into_future())?;
/// assert_eq!(sum, 3);
/// # Ok(())
/// # }
/// ```
///
/// Keep the runtime as long as the client. Inside a runtime, block only on a thread of `tokio::task::spawn_blocking`,
/// with `tokio::runtime::Handle::block_on`.
///
/// # Example
///
/// ```no_run
/// # async fn example(client: rpc::Client) -> Result<(), rpc::Error> {
/// use std::time::Duration;
///
/// let call = client.call::<i64>("sum", [1, 2, 3]).deadline(Duration::from_millis(200)).header("x-tenant", "a");
/// let sum = tokio::spawn(async move { call.await }).await.expect("no panic")?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a call is sent only when it is awaited, notified or put into a batch"]
pub struct Call<T, E = Infallible> {
    pub(crate) engine: Arc<Engine>,
    pub(crate) parts: CallParts,
    types: PhantomData<fn() -> (T, E)>,
}

impl<T, E> Call<T, E> {
    pub(crate) fn new(engine: Arc<Engine>, method: MethodRef, request: Result<Vec<u8>, Failure>) -> Self {
        Self { engine, parts: CallParts::new(method, request), types: PhantomData }
    }

    /// Sets how long the call may take in total, from when it is awaited, with all attempts and the delays between
    /// them. Default: the method's own `timeout`, else the client's deadline, which is 30 s by default. Inside a
    /// handler it is never longer than the time that the handler has left. To apply the deadline of the handler's
    /// caller as well, use [`deadline_from`](Self::deadline_from).
    ///
    /// A batch waits for the longest deadline of its calls, and no call is retried after its own deadline. Both change
    /// if the batch has [a deadline of its own](crate::BatchCall::deadline).
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::{Client, Outcome, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("hang", || std::future::pending::<u64>()).build();
    /// let client = Client::in_process(&server);
    /// let start = tokio::time::Instant::now();
    /// let error = client.call::<u64>("hang", ()).deadline(Duration::from_millis(200)).await.unwrap_err();
    /// assert!(error.is_timeout());
    /// assert_eq!(error.outcome(), Outcome::Unknown);
    /// assert!(start.elapsed() < Duration::from_millis(250));
    /// # Ok(())
    /// # }
    /// ```
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.parts.deadline = Some(deadline);
        self
    }

    /// Limits the call to the time for which the caller of the current handler still waits. The call ends at that time,
    /// or earlier at its own deadline or the handler's.
    ///
    /// Without it, calls made in a handler that is not `readonly` have the handler's time limit, since that handler
    /// continues after its caller has left. Use it for a call whose result only the caller needs. Do not use it for a
    /// call that completes an effect.
    ///
    /// The remaining time is read when this method is called. Nothing changes if the caller sent no deadline. If no
    /// time is left, the call fails with [`Outcome::NotSent`](crate::Outcome::NotSent). See
    /// [`Context::remaining`](rpc_core::Context::remaining).
    ///
    /// # Example
    ///
    /// ```
    /// async fn place(cx: rpc::Context, shop: rpc::Client) -> Result<u64, rpc::Error> {
    ///     let price: u64 = shop.call("price", [7]).readonly().deadline_from(&cx).await?;
    ///     // Runs to its end, even if the caller leaves.
    ///     shop.call("sell", [7, price]).await
    /// }
    /// ```
    pub fn deadline_from(mut self, cx: &rpc_core::Context) -> Self {
        self.parts.until = self.parts.until.of_caller(cx);
        self
    }

    /// Copies headers from the request of the current handler: those on the list of
    /// [`ClientBuilder::propagate_headers`](crate::ClientBuilder::propagate_headers), with all their values. They
    /// replace the client's headers of the same names. A [`header`](Self::header) of the call wins, whichever is set
    /// first.
    ///
    /// Headers are never copied without this method. A header that names a user or a tenant is safe to pass on only to
    /// servers that both sides trust, and only the call shows where it goes.
    ///
    /// In a batch, calls with different headers go in separate requests.
    ///
    /// # Example
    ///
    /// ```
    /// async fn place(cx: rpc::Context, shop: rpc::Client) -> Result<u64, rpc::Error> {
    ///     // The client was built with `propagate_headers(["x-tenant"])`.
    ///     shop.call("price", [7]).readonly().headers_from(&cx).await
    /// }
    /// ```
    pub fn headers_from(mut self, cx: &rpc_core::Context) -> Self {
        self.parts.copy_headers(&self.engine, cx.headers());
        self
    }

    /// Sends a header with the call. It replaces the client's header of the same name.
    ///
    /// With an invalid name or value, or with `content-length` or `transfer-encoding`, the call fails when it is
    /// awaited. Calls with other headers than the rest of their batch go in a separate request.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("language", |cx: Context| async move {
    ///         cx.headers()["accept-language"].to_str().unwrap().to_owned()
    ///     })
    ///     .build();
    /// let client = Client::builder().in_process(&server).header("accept-language", "en").build()?;
    /// assert_eq!(client.call::<String>("language", ()).await?, "en");
    /// assert_eq!(client.call::<String>("language", ()).header("accept-language", "de").await?, "de");
    /// # Ok(())
    /// # }
    /// ```
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.parts.set_header(name, value);
        self
    }

    /// Sets the retry policy of the call. Default: the client's policy for its method, else the client's policy for all
    /// calls.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // No server listens at port 1.
    /// let client = Client::new("http://127.0.0.1:1")?;
    /// let error = client.call::<u64>("count", ()).retry(Retry::never()).await.unwrap_err();
    /// assert!(error.is_connect());
    /// assert_eq!(error.attempts().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry(mut self, retry: Retry) -> Self {
        self.parts.retry = Some(Box::new(retry));
        self
    }

    /// Sets the call's idempotency key, instead of a new one that the client makes. The key is sent as the call's id. A
    /// notification has no id, and so no key. It replaces an earlier key or ticket. The key is sent whether or not the
    /// server has a store. If [`idempotency_keys`](crate::ClientBuilder::idempotency_keys) is turned off for the
    /// client, the call fails and is not sent.
    ///
    /// The server never runs two calls with one key while its store remembers the first. The key alone does not say
    /// which store that was, or when. A later call can come from another process or after a restart of the server. If
    /// the server has lost its store or forgotten the key, that call counts as fresh and runs a second time. So use a
    /// key of your own only if the server's store survives restarts, and only within the time that the store remembers
    /// keys. To repeat a call after a restart, keep a [`ticket`](Self::ticket).
    ///
    /// # Example
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// use rpc::{Client, Server};
    /// use uuid::Uuid;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let receipts = Arc::new(AtomicU64::new(0));
    /// let pay = move |(_cents,): (u64,)| {
    ///     let receipts = Arc::clone(&receipts);
    ///     async move { receipts.fetch_add(1, Ordering::Relaxed) + 1 }
    /// };
    /// let client = Client::in_process(&Server::builder().method("pay", pay).build());
    ///
    /// // Sends {"jsonrpc":"2.0","method":"pay","params":[4200],"id":"01890a5d-ac96-774b-bcce-b302099a8057"}.
    /// let key = Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057")?;
    /// assert_eq!(client.call::<u64>("pay", [4200]).idempotency_key(key).await?, 1);
    /// // The repeat does not pay again. It gets the kept answer.
    /// assert_eq!(client.call::<u64>("pay", [4200]).idempotency_key(key).await?, 1);
    /// assert_eq!(client.call::<u64>("pay", [4200]).await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn idempotency_key(mut self, key: Uuid) -> Self {
        self.parts.identity = CallIdentity::Given(key);
        self
    }

    /// Sets the key by which [`Balance::hash`](crate::Balance::hash) chooses the endpoint: text or bytes, such as a
    /// user's id. Calls with the same key go to the same endpoint. The other built-in balancers ignore it. A balancer
    /// of your own reads [its hash](crate::Candidates::hash_key).
    ///
    /// Only the key's hash is kept. It is not sent, and it is no [idempotency key](Self::idempotency_key). The hash is
    /// the same in every process and every release: 64-bit FNV-1a with the finalizer of SplitMix64. For a number, use
    /// its text or `to_be_bytes`.
    ///
    /// If the client has several endpoints, the calls of a batch with different keys go in separate requests.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Balance, Client};
    ///
    /// let client = Client::builder()
    ///     .endpoints(["http://10.0.0.1:8080", "http://10.0.0.2:8080"])
    ///     .balance(Balance::hash())
    ///     .build()?;
    /// let profile = client.call::<String>("profile", ["ada"]).readonly().hash_key("ada");
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    pub fn hash_key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.parts.set_hash_key(key.as_ref());
        self
    }

    /// Declares that repeating the call has the same effect as running it once. The client then retries it without a
    /// key when its outcome is unknown. Methods of a trait declare this themselves.
    ///
    /// # Example
    ///
    /// ```
    /// # use std::future::ready;
    /// #
    /// # use rpc::transport::{Reply, Request, Transport};
    /// # use rpc::{BoxFuture, Client, Failure};
    /// #
    /// # #[derive(Debug)]
    /// # struct Cut;
    /// #
    /// # impl Transport for Cut {
    /// #     fn send(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
    /// #         Box::pin(ready(Err(Failure::transport("cut"))))
    /// #     }
    /// # }
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // This transport loses every answer.
    /// let client = Client::builder().transport(Cut).build()?;
    /// let added = client.call::<()>("cart.add", [7]).await.unwrap_err();
    /// assert_eq!(added.attempts().len(), 1);
    /// let set = client.call::<()>("cart.set", [7]).idempotent().await.unwrap_err();
    /// assert_eq!(set.attempts().len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn idempotent(mut self) -> Self {
        self.parts.effect = Effect::Idempotent;
        self
    }

    /// Declares that the call has no effect. The client then retries it without a key when its outcome is unknown.
    /// Methods of a trait declare this themselves.
    ///
    /// # Example
    ///
    /// ```
    /// # use std::future::ready;
    /// #
    /// # use rpc::transport::{Reply, Request, Transport};
    /// # use rpc::{BoxFuture, Client, Failure};
    /// #
    /// # #[derive(Debug)]
    /// # struct Cut;
    /// #
    /// # impl Transport for Cut {
    /// #     fn send(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
    /// #         Box::pin(ready(Err(Failure::transport("cut"))))
    /// #     }
    /// # }
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // This transport loses every answer.
    /// let client = Client::builder().transport(Cut).build()?;
    /// let error = client.call::<u64>("stock.count", [7]).readonly().await.unwrap_err();
    /// assert_eq!(error.attempts().len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn readonly(mut self) -> Self {
        self.parts.effect = Effect::None;
        self
    }

    /// Returns the method's name on the wire.
    ///
    /// # Example
    ///
    /// ```
    /// #[rpc::service(namespace = "user")]
    /// trait Users {
    ///     async fn get(&self, id: u64) -> String;
    /// }
    ///
    /// struct OneUser;
    ///
    /// impl Users for OneUser {
    ///     async fn get(&self, _: u64) -> String {
    ///         "Ada".to_owned()
    ///     }
    /// }
    ///
    /// let call = UsersClient::of(OneUser).get(7u64);
    /// assert_eq!(call.method(), "user.get");
    /// ```
    pub fn method(&self) -> &str {
        &self.parts.method.name
    }
}

impl<T: DeserializeOwned, E: RpcError> IntoFuture for Call<T, E> {
    type Output = Result<T, Error<E>>;
    type IntoFuture = CallFuture<T, E>;

    fn into_future(self) -> CallFuture<T, E> {
        CallFuture { answered: Box::pin(send::one(self.engine, self.parts)), types: PhantomData }
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.debug(f.debug_struct("Call"))
    }
}

/// The future of a call that was sent or is about to be.
#[must_use = "futures do nothing unless polled"]
pub struct CallFuture<T, E = Infallible> {
    answered: BoxFuture<AnswerResult>,
    types: PhantomData<fn() -> (T, E)>,
}

impl<T: DeserializeOwned, E: RpcError> Future for CallFuture<T, E> {
    type Output = Result<T, Error<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(decode(ready!(self.answered.as_mut().poll(cx))))
    }
}

impl<T, E> fmt::Debug for CallFuture<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallFuture")
    }
}
