use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use rpc_core::params::{Encode, encode_params};
use rpc_core::{BoxFuture, Id, MethodRef, MethodSpec, RpcError, codec};
use serde::de::DeserializeOwned;

use crate::builder::set_header;
use crate::client::Client;
use crate::error::{Answered, Error, decode};
use crate::exchange::exchange;
use crate::failure::{Failure, Kind};
use crate::notification::Notification;
use crate::replies;

/// A call that was not sent yet: a value to configure, keep, hand to another task or put into a batch.
///
/// Awaiting it sends it: it is no future by itself but becomes one, by `.await` or by `.into_future()` where a future is
/// wanted. `T` is the type of its result, `E` the error that its method declares.
///
/// # Errors
///
/// [`Error`] says how a call can fail.
///
/// # Cancel safety
///
/// A call that was not awaited was not sent. Dropping the future of one that was gives up on the answer; the call may
/// have run.
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
    client: Client,
    pub(crate) parts: Parts,
    types: PhantomData<fn() -> (T, E)>,
}

/// What a call is whatever its types.
pub(crate) struct Parts {
    pub(crate) method: MethodRef,
    /// The JSON text up to where the id will stand, or why the call cannot be sent.
    pub(crate) request: Result<Vec<u8>, Failure>,
    pub(crate) headers: Option<Box<HeaderMap>>,
    pub(crate) deadline: Option<Duration>,
}

/// Makes a call of a method of a trait.
///
/// A result that cannot be decoded is refused here, where the method is declared: an `.await` would only be told that the
/// call is no future.
#[doc(hidden)]
#[expect(clippy::needless_pass_by_value, reason = "generated code hands over a tuple that it has just made")]
pub fn call<P: Encode, T: DeserializeOwned, E>(client: &Client, method: &'static MethodSpec, params: P) -> Call<T, E> {
    Call::new(client.clone(), method.into(), open(method, &params))
}

/// Writes the request. It is not generic, since what is generic over params is compiled for each method.
fn open(method: &MethodSpec, params: &dyn Encode) -> Result<Vec<u8>, Failure> {
    let request = codec::open_request(&method.name, |out| encode_params(method, params, out));
    request.map_err(|error| Failure::with_source(Kind::Encode, error))
}

impl<T, E> Call<T, E> {
    pub(crate) fn new(client: Client, method: MethodRef, request: Result<Vec<u8>, Failure>) -> Self {
        let parts = Parts { method, request, headers: None, deadline: None };
        Self { client, parts, types: PhantomData }
    }

    /// Sets how long the call may take in all, from when it is awaited. Default: the
    /// method's own `timeout`, else the client's, 30 s if not set there.
    ///
    /// In a batch the longest of its calls' counts, unless the batch has [one of its own](crate::BatchCall::deadline).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.parts.deadline = Some(deadline);
        self
    }

    /// Sends a header with the call, in the place of the client's own of that name.
    ///
    /// A name or value that no header can have makes the call fail when it is awaited. Calls with other headers than
    /// the rest of their batch go in a request of their own.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.parts.set_header(name, value);
        self
    }

    /// Makes a notification of the call: the server runs it and answers nothing,
    /// [section 4.1](https://www.jsonrpc.org/specification#notification).
    pub fn notify(self) -> Notification {
        Notification::new(self.client, self.parts)
    }

    /// Returns the method's name on the wire.
    pub fn method(&self) -> &str {
        &self.parts.method.name
    }
}

impl Parts {
    fn set_header<N, V>(&mut self, name: N, value: V)
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        if let Err(failure) = set_header(self.headers.get_or_insert_default(), name, value)
            && self.request.is_ok()
        {
            self.request = Err(failure);
        }
    }

    /// Returns how long the call may take in all.
    pub(crate) fn budget(&self, client: &Client) -> Duration {
        self.deadline.or(self.method.timeout).unwrap_or(client.inner.settings.deadline)
    }

    /// Sends the call alone.
    pub(crate) async fn send(self, client: Client, id: Option<Id>) -> Answered {
        let budget = self.budget(&client);
        let mut body = self.request?;
        codec::close_request(&mut body, id.as_ref());
        let answer = exchange(&client, body, self.headers.as_deref(), budget).await?;
        replies::single(&answer, id.as_ref())
    }
}

impl<T: DeserializeOwned, E: RpcError> IntoFuture for Call<T, E> {
    type Output = Result<T, Error<E>>;
    type IntoFuture = CallFuture<T, E>;

    fn into_future(self) -> CallFuture<T, E> {
        let id = Id::from(self.client.take_ids(1));
        CallFuture { answered: Box::pin(self.parts.send(self.client, Some(id))), types: PhantomData }
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.debug(f.debug_struct("Call"))
    }
}

impl Parts {
    pub(crate) fn debug(&self, mut debug: fmt::DebugStruct<'_, '_>) -> fmt::Result {
        debug.field("method", &self.method.name).field("deadline", &self.deadline).finish_non_exhaustive()
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
