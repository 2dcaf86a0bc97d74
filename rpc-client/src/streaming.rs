//! [`Streaming`]: the items of an accepted stream, decoded. `driver` reads the stream and opens it again after cuts.

mod driver;
pub(crate) mod opener;
mod outage;
mod reader;

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use rpc_core::RpcError;
use serde::de::DeserializeOwned;

use crate::error::{Error, error_of_call};
use crate::failure::{Failure, FailureKind};
use crate::response_slot::AcceptedStream;
use crate::stream_error::StreamError;
use driver::{ItemText, StreamDriver, StreamEvent};
use opener::StreamOpener;

/// The items of a stream that the server has accepted, made by awaiting a [`StreamCall`](crate::StreamCall).
///
/// It is a `Stream` of `Result<T, StreamError<E>>`, and has [`next`](Self::next) of its own. It ends with `None` when
/// the server has answered the call with success, or after an error that ends it: see [`StreamError`].
///
/// The client reads only when the stream is polled. What happens to a server's items meanwhile is the method's choice:
/// its stream waits, or drops items, or ends.
///
/// # Cuts
///
/// A stream is cut if its connection ends before the answer, or if nothing arrives for three times the heartbeat that
/// the server has announced. If the stream has cursors, the client calls the method again with the cursor of the last
/// item that was yielded, at any of its endpoints. So no item is lost or comes twice. If the server asks for it
/// because it drains, the client calls at once. Otherwise it waits for a random part of an exponential delay, as for
/// [retries](crate::Retry). It gives up [60 s](crate::StreamCall::reopen_limit) after the cut. A refusal that no later
/// attempt can change ends the stream at once, such as an unknown method or denied access.
///
/// A stream without cursors ends with the cut, unless its call was told to
/// [resubscribe](crate::StreamCall::resubscribe).
///
/// # Cancel safety
///
/// Dropping it closes the response, and the server stops the stream.
///
/// # Example
///
/// ```
/// use futures_util::{Stream, StreamExt, stream};
/// use rpc::{After, At};
///
/// #[rpc::service]
/// trait Counter {
///     /// Counts to three.
///     #[rpc(stream, resume)]
///     fn count(&self, after: After<u64>) -> impl Stream<Item = At<u64, String>> + Send;
/// }
///
/// struct ToThree;
///
/// impl Counter for ToThree {
///     fn count(&self, after: After<u64>) -> impl Stream<Item = At<u64, String>> + Send {
///         let first = after.into_cursor().map_or(1, |last| last + 1);
///         stream::iter(first..=3).map(|n| At::new(n, format!("number {n}")))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut count = CounterClient::of(ToThree).count().after(1).await?;
/// let mut last = String::new();
/// while let Some(number) = count.next().await {
///     match number {
///         Ok(number) => last = number,
///         Err(error) if error.is_gap() || error.is_lagged() => println!("items are lost: {error}"),
///         Err(error) => return Err(error.into()),
///     }
/// }
/// assert_eq!((last.as_str(), count.cursor()), ("number 3", Some(3)));
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream that is dropped is closed"]
pub struct Streaming<T, E = Infallible, C = Infallible> {
    driver: Box<StreamDriver>,
    types: StreamTypes<T, E, C>,
}

/// The types of a stream: its items, the declared error, and its cursors.
pub(crate) type StreamTypes<T, E, C> = PhantomData<fn() -> (T, E, C)>;

impl<T, E, C> Streaming<T, E, C> {
    /// Makes a stream that was accepted, or an empty one.
    pub(crate) fn new(opener: StreamOpener, cursor: Option<String>, accepted: Option<AcceptedStream>) -> Self {
        Self { driver: Box::new(StreamDriver::new(opener, cursor, accepted)), types: PhantomData }
    }
}

impl<T: DeserializeOwned, E: RpcError, C> Streaming<T, E, C> {
    /// Waits for the next item, or for what comes in its place. `None` is the end.
    ///
    /// # Errors
    ///
    /// Yields a [`StreamError`] in the place of an item. It says whether the stream goes on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no item. An attempt to open the stream again goes on when the stream is polled next.
    pub async fn next(&mut self) -> Option<Result<T, StreamError<E>>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<T, E, C: DeserializeOwned> Streaming<T, E, C> {
    /// Returns the cursor of the last item that was yielded, or the one after which the stream began. Returns `None`
    /// if there is neither, and if the server's cursor is not of the type `C`.
    ///
    /// Keep it to continue the stream in another process, with [`after`](crate::StreamCall::after).
    pub fn cursor(&self) -> Option<C> {
        serde_json::from_str(self.driver.cursor()?).ok()
    }
}

impl<T: DeserializeOwned, E: RpcError, C> Stream for Streaming<T, E, C> {
    type Item = Result<T, StreamError<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = ready!(self.driver.poll_event(cx));
        Poll::Ready(event.map(|event| match event {
            StreamEvent::Item(item) => decode(&item).map_err(StreamError::decode),
            StreamEvent::Gap => Err(StreamError::gap()),
            StreamEvent::Lagged(items) => Err(StreamError::lagged(items)),
            StreamEvent::Error(error) => Err(StreamError::end(error_of_call(error))),
            StreamEvent::RequestError(error) => Err(StreamError::end(Error::Rpc(error))),
            StreamEvent::Refused(failure) => Err(StreamError::end(failure.into())),
            StreamEvent::Cut(failure) => Err(StreamError::cut(failure)),
        }))
    }
}

fn decode<T: DeserializeOwned>(item: &ItemText) -> Result<T, Failure> {
    let bytes = item.as_bytes();
    // The message was checked before. A second check is still cheaper than one for each string.
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Failure::with_source(FailureKind::Decode, error).with_body(bytes))?;
    serde_json::from_str(text).map_err(|error| Failure::decode(error).with_body(bytes))
}

impl<T, E, C> fmt::Debug for Streaming<T, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").field("method", &self.driver.method()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
