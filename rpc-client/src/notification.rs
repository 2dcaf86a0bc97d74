//! [`Notification`]: a call without an answer, as a value before it is sent.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rpc_core::BoxFuture;

use crate::call::Call;
use crate::engine::Engine;
use crate::error::{Answer, AnswerResult};
use crate::failure::{Failure, FailureKind};
use crate::parts::CallParts;
use crate::send;

/// A call that expects no answer, made by [`Call::notify`](crate::Call::notify).
///
/// Awaiting it sends it, and returns when the server has answered the request.
/// [This framework's server answers when the method has run](Call::notify). In a batch it is sent with the batch.
///
/// # Errors
///
/// It is not certain that the server received it, or the server rejected it. How the method ended is never known,
/// [section 4.1](https://www.jsonrpc.org/specification#notification).
///
/// # Cancel safety
///
/// As for a [`Call`](crate::Call).
#[must_use = "a notification is sent only when it is awaited or put into a batch"]
pub struct Notification {
    engine: Arc<Engine>,
    pub(crate) parts: CallParts,
}

impl<T, E> Call<T, E> {
    /// Makes a notification of the call: the server runs it and answers nothing,
    /// [section 4.1](https://www.jsonrpc.org/specification#notification).
    ///
    /// Over HTTP there is still a response, without a body, and awaiting the notification waits for it. This
    /// framework's server sends it when the handler has run: a handler that takes 700 ms delays the sender by 700 ms.
    /// As a result, notifications that are awaited in sequence take effect in order. A sender that is too fast is
    /// slowed down, and sees refusals.
    ///
    /// If you do not want to wait, spawn a task. A failure is then visible only in that task:
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
    /// Limits the notification to the time for which the caller of the current handler still waits, as
    /// [`Call::deadline_from`] does for a call.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// use rpc::{Client, Context, MethodSpec, Outcome, RequestContext, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("audit", |(_order,): (u64,)| async {}).build();
    /// let client = Client::in_process(&server);
    /// // The context of a call from a caller that no longer waits.
    /// let cx = Context::new(MethodSpec::new("order.place"), None, RequestContext::default());
    /// let cx = cx.with_deadline(Instant::now());
    /// let failure = client.notify("audit", [7]).deadline_from(&cx).await.unwrap_err();
    /// assert_eq!(failure.outcome(), Outcome::NotSent);
    /// # Ok(())
    /// # }
    /// ```
    pub fn deadline_from(mut self, cx: &rpc_core::Context) -> Self {
        self.parts.until = self.parts.until.of_caller(cx);
        self
    }

    /// Copies headers from the request of the current handler, as [`Call::headers_from`] does for a call.
    pub fn headers_from(mut self, cx: &rpc_core::Context) -> Self {
        self.parts.copy_headers(&self.engine, cx.headers());
        self
    }

    /// Sets the key by which [`Balance::hash`](crate::Balance::hash) chooses the endpoint. See [`Call::hash_key`].
    pub fn hash_key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.parts.set_hash_key(key.as_ref());
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

/// The future of a notification that was sent or is about to be.
#[must_use = "futures do nothing unless polled"]
pub struct NotificationFuture(BoxFuture<AnswerResult>);

impl Future for NotificationFuture {
    type Output = Result<(), Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(taken(ready!(self.0.as_mut().poll(cx))))
    }
}

/// Reads the answer to a notification: nothing, or an error about the whole request.
pub(crate) fn taken(answered: AnswerResult) -> Result<(), Failure> {
    match answered? {
        Answer::Result(_) => Ok(()),
        Answer::Error(error) | Answer::OfRequest(error) => Err(Failure::new(FailureKind::Server(error))),
    }
}

impl fmt::Debug for NotificationFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NotificationFuture")
    }
}
