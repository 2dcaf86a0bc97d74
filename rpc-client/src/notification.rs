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
/// Awaiting it sends it and returns when the server has answered the request, which it may do as late as when the
/// method has run; in a batch it goes with the batch.
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
