//! [`Notification`]: a call without an answer, as a value before it is sent.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rpc_core::BoxFuture;

use crate::call::Call;
use crate::engine::Engine;
use crate::error::{Answer, Answered};
use crate::failure::{Failure, Kind};
use crate::parts::Parts;
use crate::send;

/// A call that wants no answer, made by [`Call::notify`](crate::Call::notify).
///
/// Awaiting it sends it and returns when the server has answered the request. [Our server does that when the method has
/// run](Call::notify). In a batch it goes with the batch.
///
/// # Errors
///
/// If it may not have reached the server. What becomes of it there is never known,
/// [section 4.1](https://www.jsonrpc.org/specification#notification).
///
/// # Cancel safety
///
/// As for a [`Call`](crate::Call).
#[must_use = "a notification is sent only when it is awaited or put into a batch"]
pub struct Notification {
    engine: Arc<Engine>,
    pub(crate) parts: Parts,
}

impl<T, E> Call<T, E> {
    /// Makes a notification of the call: the server runs it and answers nothing,
    /// [section 4.1](https://www.jsonrpc.org/specification#notification).
    ///
    /// Over HTTP there is a response nevertheless, without a body, and awaiting the notification waits for it. Our
    /// server sends it when the handler has run: a handler that takes 700 ms holds its sender up for 700 ms. So the
    /// effects of notifications that are awaited one after the other happen in their order, a sender that is too fast
    /// is slowed down, and one that is refused is told.
    ///
    /// Whoever does not want to wait hands it to a task. Then nobody hears of a failure, unless the task tells it:
    ///
    /// ```
    /// # async fn example(client: rpc::Client) {
    /// let seen = client.call::<()>("user.seen", [7]).notify();
    /// tokio::spawn(async move {
    ///     if let Err(failure) = seen.await {
    ///         eprintln!("user.seen: {failure}");
    ///     }
    /// });
    /// # }
    /// ```
    pub fn notify(self) -> Notification {
        Notification { engine: self.engine, parts: self.parts.notify() }
    }
}

impl Notification {
    /// Makes the notification within the time for which the caller of the handler still waits that makes it, as
    /// [`Call::deadline_from`] does for a call.
    pub fn deadline_from(mut self, cx: &rpc_core::Context) -> Self {
        self.parts.until = self.parts.until.of_caller(cx);
        self
    }
}

impl IntoFuture for Notification {
    type Output = Result<(), Failure>;
    type IntoFuture = NotificationFuture;

    fn into_future(self) -> NotificationFuture {
        NotificationFuture(Box::pin(send::one(self.engine, self.parts)))
    }
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.debug(f.debug_struct("Notification"))
    }
}

/// A notification that was sent, or is about to be.
#[must_use = "futures do nothing unless polled"]
pub struct NotificationFuture(BoxFuture<Answered>);

impl Future for NotificationFuture {
    type Output = Result<(), Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(taken(ready!(self.0.as_mut().poll(cx))))
    }
}

/// Reads what came of a notification: nothing, or an error about the request as a whole.
pub(crate) fn taken(answered: Answered) -> Result<(), Failure> {
    match answered? {
        Answer::Result(_) => Ok(()),
        Answer::Error(error) | Answer::OfRequest(error) => Err(Failure::new(Kind::Server(error))),
    }
}

impl fmt::Debug for NotificationFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NotificationFuture")
    }
}
