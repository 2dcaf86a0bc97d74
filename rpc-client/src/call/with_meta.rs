//! [`MetaCall`]: a call that also returns the head of the response. The head arrives in a slot that the call's entry
//! shares.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rpc_core::RpcError;
use serde::de::DeserializeOwned;

use super::{Call, CallFuture};
use crate::batch::{Answers, Batch, Entries};
use crate::error::Error;
use crate::meta::WithMeta;
use crate::response_slot::ResponseSlot;

impl<T, E> Call<T, E> {
    /// Also returns the headers and the status of the response: awaiting it gives a [`WithMeta`]. Call this last, after
    /// all other setters. For a failure, see [`Failure::headers`](crate::Failure::headers).
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rpc::Error> {
    /// let server = Server::builder()
    ///     .method("report", |cx: Context| async move {
    ///         cx.response_header("x-cost", "7").expect("the header can be set");
    ///         "long"
    ///     })
    ///     .build();
    /// let client = Client::in_process(&server);
    /// let report = client.call::<String>("report", ()).readonly().with_meta().await?;
    /// assert_eq!(report.value, "long");
    /// assert_eq!(report.headers()["x-cost"], "7");
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_meta(mut self) -> MetaCall<T, E> {
        let slot = self.parts.slot.get_or_insert_with(ResponseSlot::for_meta).clone();
        MetaCall { call: self, slot }
    }
}

/// A call that also returns the head of its response, made by [`Call::with_meta`]. It can also stand in a batch.
///
/// # Errors
///
/// As for the call.
///
/// # Cancel safety
///
/// As for a [`Call`].
#[must_use = "a call is sent only when it is awaited or put into a batch"]
pub struct MetaCall<T, E = std::convert::Infallible> {
    call: Call<T, E>,
    slot: ResponseSlot,
}

impl<T: DeserializeOwned, E: RpcError> IntoFuture for MetaCall<T, E> {
    type Output = Result<WithMeta<T>, Error<E>>;
    type IntoFuture = MetaFuture<T, E>;

    fn into_future(self) -> MetaFuture<T, E> {
        MetaFuture { call: self.call.into_future(), slot: self.slot }
    }
}

impl<T: DeserializeOwned, E: RpcError> Batch for MetaCall<T, E> {
    type Output = Result<WithMeta<T>, Error<E>>;
    type Shape = (<Call<T, E> as Batch>::Shape, ResponseSlot);

    fn split(self, entries: &mut Entries) -> Self::Shape {
        (self.call.split(entries), self.slot)
    }

    fn join((shape, slot): Self::Shape, answers: &mut Answers) -> Self::Output {
        Call::join(shape, answers).map(|value| WithMeta::new(value, slot.take_meta()))
    }
}

impl<T, E> fmt::Debug for MetaCall<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MetaCall").field(&self.call).finish()
    }
}

/// The future of a [`MetaCall`] that was sent or is about to be.
#[must_use = "futures do nothing unless polled"]
pub struct MetaFuture<T, E = std::convert::Infallible> {
    call: CallFuture<T, E>,
    slot: ResponseSlot,
}

impl<T: DeserializeOwned, E: RpcError> Future for MetaFuture<T, E> {
    type Output = Result<WithMeta<T>, Error<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answered = ready!(Pin::new(&mut self.call).poll(cx));
        Poll::Ready(answered.map(|value| WithMeta::new(value, self.slot.take_meta())))
    }
}

impl<T, E> fmt::Debug for MetaFuture<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetaFuture")
    }
}
