//! [`StreamCall`]: the call of a stream as a value, before it is sent, with its setters. `streaming` reads the stream
//! when the server has accepted the call.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use rpc_core::params::ParamPlace;
use rpc_core::{BoxFuture, MethodKind, MethodRef, RpcError};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::engine::Engine;
use crate::error::{Error, error_of_call};
use crate::failure::{Failure, FailureKind};
use crate::headers::set_header;
use crate::parts::CallerDeadline;
use crate::reliability::retry::Retry;
use crate::stable_hash::stable_hash;
use crate::streaming::opener::{Opened, Reopen, StreamOpener};
use crate::streaming::{StreamTypes, Streaming};
use crate::transport::SubscriptionNames;

/// How long the client tries to open a stream again after a cut, by default.
const REOPEN_LIMIT: Duration = Duration::from_secs(60);

/// The call of a method that answers with a stream, before it is sent: a value to configure, store or pass on.
///
/// Awaiting it sends it, and returns the [`Streaming`] once the server has accepted the call. `T` is the type of the
/// items, `E` the error that the method declares, and `C` the type of the cursors, if clients can resume the stream.
///
/// The call passes through all that an ordinary call does: layers, credentials, endpoints, retries, telemetry. It is
/// sent alone, so it cannot be put into a batch, and it is neither hedged nor joined with other calls. Once it is
/// accepted, it no longer counts in
/// [`max_concurrent_requests`](crate::transport::HttpSettings::max_concurrent_requests). Over HTTP/1.1, each open
/// stream has a connection of its own.
///
/// # Errors
///
/// [`Error`] lists how a call can fail: the server refused it, or nothing accepted it before its deadline.
///
/// # Cancel safety
///
/// A call that was not awaited was not sent. Dropping the future cancels the request.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use futures_util::stream;
/// use rpc::{Client, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().stream("prices", || async { stream::iter([1.08, 1.09]) }).build();
/// let client = Client::in_process(&server);
///
/// let call = client.stream::<f64>("prices", ()).deadline(Duration::from_secs(2));
/// let mut prices = call.await?;
/// assert_eq!(prices.next().await.transpose()?, Some(1.08));
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream is opened only when its call is awaited"]
pub struct StreamCall<T, E = Infallible, C = Infallible> {
    opener: StreamOpener,
    /// The cursor after which the stream begins, as JSON text.
    after: Option<String>,
    types: StreamTypes<T, E, C>,
}

impl<T, E, C> StreamCall<T, E, C> {
    pub(crate) fn new(engine: Arc<Engine>, method: MethodRef, params: Result<Option<String>, Failure>) -> Self {
        let reopen = match method.kind {
            MethodKind::Stream(stream) if stream.resume => ParamPlace::of_last(&method),
            _ => None,
        };
        let names = match method.kind {
            MethodKind::Stream(stream) => SubscriptionNames::of(&stream).map(Arc::new),
            _ => None,
        };
        let opener = StreamOpener {
            engine,
            method,
            params,
            names,
            headers: None,
            deadline: None,
            until: CallerDeadline::default(),
            retry: None,
            hash_key: None,
            reopen: reopen.map_or(Reopen::Never, Reopen::AfterCursor),
            reopen_limit: REOPEN_LIMIT,
        };
        Self { opener, after: None, types: PhantomData }
    }

    /// Sets how long the server may take to accept the call, with all attempts and the delays between them. It does not
    /// bound the stream. Default: the method's own `timeout`, else the client's deadline, which is 30 s by default. The
    /// same holds each time that the client opens the stream again.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.opener.deadline = Some(deadline);
        self
    }

    /// Limits the wait for the acceptance to the time for which the caller of the current handler still waits, as
    /// [`Call::deadline_from`](crate::Call::deadline_from) does for a call.
    pub fn deadline_from(mut self, cx: &rpc_core::Context) -> Self {
        self.opener.until = self.opener.until.of_caller(cx);
        self
    }

    /// Copies headers from the request of the current handler, as [`Call::headers_from`](crate::Call::headers_from)
    /// does for a call.
    pub fn headers_from(mut self, cx: &rpc_core::Context) -> Self {
        let mut headers = self.opener.headers.take().unwrap_or_default();
        self.opener.engine.propagated.copy(cx.headers(), &mut headers);
        self.opener.headers = Some(headers).filter(|headers| !headers.is_empty());
        self
    }

    /// Sends a header with the call, each time that the client opens the stream. It replaces the client's header of the
    /// same name.
    ///
    /// With an invalid name or value, or with `content-length` or `transfer-encoding`, the call fails when it is
    /// awaited.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let headers: &mut HeaderMap = self.opener.headers.get_or_insert_default();
        if let Err(failure) = set_header(headers, name, value) {
            self.fail(failure);
        }
        self
    }

    /// Sets the retry policy of the call, which applies until the server accepts it. Its delays also separate the
    /// attempts to open the stream again. Default: the client's policy for the method, else the client's policy for all
    /// calls.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.opener.retry = Some(Box::new(retry));
        self
    }

    /// Sets the key by which [`Balance::hash`](crate::Balance::hash) chooses the endpoint. See
    /// [`Call::hash_key`](crate::Call::hash_key).
    pub fn hash_key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.opener.hash_key = Some(stable_hash(key.as_ref()));
        self
    }

    /// Sets how long after a cut the client tries to open the stream again. Then the stream ends with an error with
    /// [`is_cut`](crate::StreamError::is_cut). The time ends with the next item, or once the stream was open again for
    /// 10 s. Default: 60 s.
    ///
    /// It has an effect on streams with cursors, and on those that are [opened again](Self::resubscribe) without.
    pub fn reopen_limit(mut self, limit: Duration) -> Self {
        self.opener.reopen_limit = limit;
        self
    }

    /// Returns the method's name on the wire.
    pub fn method(&self) -> &str {
        &self.opener.method.name
    }

    /// Sets the names of the stream as a subscription.
    #[cfg(any(feature = "ipc", feature = "websocket"))]
    pub(crate) fn with_names(mut self, names: SubscriptionNames) -> Self {
        self.opener.names = Some(Arc::new(names));
        self
    }

    /// Makes the call fail when it is awaited, with its first failure.
    fn fail(&mut self, failure: Failure) {
        if self.opener.params.is_ok() {
            self.opener.params = Err(failure);
        }
    }
}

impl<T, E, C: Serialize> StreamCall<T, E, C> {
    /// Begins the stream with the item behind this cursor. Default: wherever the method begins without a cursor.
    ///
    /// With a cursor that cannot be written as JSON, the call fails when it is awaited.
    pub fn after(mut self, cursor: C) -> Self {
        match serde_json::to_string(&cursor) {
            Ok(cursor) => self.after = Some(cursor),
            Err(error) => self.fail(Failure::with_source(FailureKind::Encode, error)),
        }
        self
    }
}

impl<T, E> StreamCall<T, E> {
    /// Opens the stream again after a cut, for streams without cursors. Without it, a cut ends the stream.
    ///
    /// The items between are lost. So each time, the stream yields an error with
    /// [`is_gap`](crate::StreamError::is_gap) before it goes on.
    pub fn resubscribe(mut self) -> Self {
        self.opener.reopen = Reopen::FromNow;
        self
    }

    /// Declares that the stream has cursors, and that this parameter is the one after which it begins. The client then
    /// resumes the stream after a cut. It is for [`Client::stream`](crate::Client::stream): streams of a trait declare
    /// this themselves.
    ///
    /// If the params are an array, the cursor becomes its last element, and the name is not sent.
    pub fn resume_param(mut self, name: impl Into<String>) -> StreamCall<T, E, Box<RawValue>> {
        self.opener.reopen = Reopen::AfterCursor(ParamPlace::Named(name.into()));
        StreamCall { opener: self.opener, after: self.after, types: PhantomData }
    }
}

impl<T, E: RpcError, C> IntoFuture for StreamCall<T, E, C> {
    type Output = Result<Streaming<T, E, C>, Error<E>>;
    type IntoFuture = StreamCallFuture<T, E, C>;

    fn into_future(self) -> StreamCallFuture<T, E, C> {
        let opening = self.opener.open(self.after.as_deref(), None);
        let call = Some(UnopenedStream { opener: self.opener, after: self.after });
        StreamCallFuture { opening, call, types: PhantomData }
    }
}

impl<T, E, C> fmt::Debug for StreamCall<T, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamCall")
            .field("method", &self.opener.method.name)
            .field("deadline", &self.opener.deadline)
            .finish_non_exhaustive()
    }
}

/// The future of a [`StreamCall`] that was sent or is about to be.
#[must_use = "futures do nothing unless polled"]
pub struct StreamCallFuture<T, E = Infallible, C = Infallible> {
    opening: BoxFuture<Opened>,
    call: Option<UnopenedStream>,
    types: StreamTypes<T, E, C>,
}

/// What a stream needs once it is open.
struct UnopenedStream {
    opener: StreamOpener,
    after: Option<String>,
}

impl<T, E: RpcError, C> Future for StreamCallFuture<T, E, C> {
    type Output = Result<Streaming<T, E, C>, Error<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let opened = ready!(self.opening.as_mut().poll(cx));
        let UnopenedStream { opener, after } = self.call.take().expect("a future is not polled again once it is ready");
        Poll::Ready(match opened {
            Opened::Accepted(stream) => Ok(Streaming::new(opener, after, Some(stream))),
            Opened::Empty => Ok(Streaming::new(opener, after, None)),
            Opened::Error(error) => Err(error_of_call(error)),
            Opened::RequestError(error) => Err(Error::Rpc(error)),
            Opened::Failed(failure) => Err(failure.into()),
        })
    }
}

impl<T, E, C> fmt::Debug for StreamCallFuture<T, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamCallFuture")
    }
}
