//! [`Call`]: a call as a value, before it is sent, with its setters. Its [`Parts`] have no types, so what sends a call
//! is compiled once. `send` takes over when it is awaited.

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
use crate::error::{Answered, Error, decode};
use crate::failure::Failure;
use crate::parts::{Identity, Parts};
use crate::reliability::retry::Retry;
use crate::send;
pub use with_meta::{MetaCall, MetaFuture};

/// A call that was not sent yet: a value to configure, keep, hand to another task or put into a batch.
///
/// Awaiting it sends it: it is no future by itself but becomes one, by `.await` or by `.into_future()` where a future
/// is wanted. `T` is the type of its result, `E` the error that its method declares.
///
/// # Errors
///
/// [`Error`] says how a call can fail.
///
/// # Cancel safety
///
/// A call that was not awaited was not sent. Dropping the future of one that was gives up on the answer: the request is
/// cancelled, and it does not go again. The call may have run.
///
/// # Blocking
///
/// There is no method that blocks until a call has ended. A connection belongs to the runtime that drives it: a runtime
/// made for each call would lose the pool of connections, and to block within one that runs already would panic or
/// stand still. Where code must block, keep one runtime and let it run the calls:
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
/// Keep the runtime for as long as the client. Within a runtime, block only on a thread of
/// `tokio::task::spawn_blocking`, by `tokio::runtime::Handle::block_on`.
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
    pub(crate) parts: Parts,
    types: PhantomData<fn() -> (T, E)>,
}

impl<T, E> Call<T, E> {
    pub(crate) fn new(engine: Arc<Engine>, method: MethodRef, request: Result<Vec<u8>, Failure>) -> Self {
        Self { engine, parts: Parts::new(method, request), types: PhantomData }
    }

    /// Sets how long the call may take in all, from when it is awaited: all attempts and the pauses between them.
    /// Default: the method's own `timeout`, else the client's, 30 s if not set there. Inside of a handler it is never
    /// more than what the handler has left; [`deadline_from`](Self::deadline_from) says what its caller has.
    ///
    /// A batch waits for the longest of its calls' deadlines, and none of them goes again after its own, unless the
    /// batch has [one of its own](crate::BatchCall::deadline).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.parts.deadline = Some(deadline);
        self
    }

    /// Makes the call within the time for which the caller of the handler still waits that makes it: it ends then, if
    /// not by its own deadline or that of the handler before.
    ///
    /// Without it, the calls of a handler whose method is not `readonly` have the time of the handler, since that goes
    /// on when its caller does not wait any longer. Say this of a call whose result is of use to the caller alone, and
    /// not of one by which an effect is brought to its end.
    ///
    /// It counts from now on. Where the caller has not said how long it waits, it changes nothing. Where the time is
    /// over, the call fails as [`Outcome::NotSent`](crate::Outcome::NotSent). See
    /// [`Context::remaining`](rpc_core::Context::remaining).
    ///
    /// # Example
    ///
    /// ```
    /// async fn place(cx: rpc::Context, shop: rpc::Client) -> Result<u64, rpc::Error> {
    ///     let price: u64 = shop.call("price", [7]).readonly().deadline_from(&cx).await?;
    ///     // Goes on to its end, whoever waits.
    ///     shop.call("sell", [7, price]).await
    /// }
    /// ```
    pub fn deadline_from(mut self, cx: &rpc_core::Context) -> Self {
        self.parts.until = self.parts.until.of_caller(cx);
        self
    }

    /// Sends a header with the call, in the place of the client's own of that name.
    ///
    /// A name or value that no header can have makes the call fail when it is awaited, and so do `content-length` and
    /// `transfer-encoding`. Calls with other headers than the rest of their batch go in a request of their own.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.parts.set_header(name, value);
        self
    }

    /// Sets how often the call goes again if it fails, where that is safe. Default: what the client has for its method,
    /// else for all.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.parts.retry = Some(Box::new(retry));
        self
    }

    /// Gives the call this idempotency key, instead of one that is made anew for each call. The key is the call's id; a
    /// notification has none. It replaces a key or a ticket that was set before. It is sent whatever the server says of
    /// a store; where the client has [`idempotency_keys`](crate::ClientBuilder::idempotency_keys) turned off, the call
    /// fails and is not sent.
    ///
    /// The server runs no two calls with one key as long as its store remembers the first. The key alone does not tell
    /// which store that was, nor when: a call that comes later, from another process or after a restart of the server,
    /// is fresh for a server that has lost its store or has forgotten the key, and then runs a second time. So a key of
    /// one's own is for calls whose server has a store that survives restarts, and only within the time that it
    /// remembers. Whoever has to make a call once more after a restart keeps a [`ticket`](Self::ticket).
    pub fn idempotency_key(mut self, key: Uuid) -> Self {
        self.parts.identity = Identity::Given(key);
        self
    }

    /// Says that repeating the call does what making it once does, so that it goes again without a key where its fate
    /// is unknown. Methods of a trait say so themselves.
    pub fn idempotent(mut self) -> Self {
        self.parts.effect = Effect::Idempotent;
        self
    }

    /// Says that the call has no effect. Methods of a trait say so themselves.
    pub fn readonly(mut self) -> Self {
        self.parts.effect = Effect::None;
        self
    }

    /// Returns the method's name on the wire.
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

/// A call that was sent, or is about to be.
#[must_use = "futures do nothing unless polled"]
pub struct CallFuture<T, E = Infallible> {
    answered: BoxFuture<Answered>,
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
