//! [`Dispatch`], the trait between transports and the code that answers: the bytes of a message in, the bytes of its
//! answer out. The server implements it, HTTP and the client's in-process transport call it, and users can wrap it.
//! [`Answer`] carries what HTTP needs besides the bytes.

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use crate::{AnswerStatus, AnswerStream, BoxFuture, MaybeSend, MaybeSync, RequestContext, Session, SessionProtocol};

/// Answers the bytes of a JSON-RPC message with the bytes of its answer.
///
/// The server's HTTP layer and the client's in-process transport both call it. It performs no I/O of its own. It
/// answers any bytes: if they are invalid, the answer is a JSON-RPC error.
///
/// # Cancel safety
///
/// Dropping the future cancels the request. The handlers of `readonly` methods are dropped with it. Any other handler
/// that has begun runs to its end, within the server's time limit.
pub trait Dispatch: MaybeSend + MaybeSync + 'static {
    /// Answers one message: a call, a notification or a batch.
    fn dispatch(&self, body: Bytes, request: Arc<RequestContext>) -> BoxFuture<Answer>;

    /// Answers an HTTP `HEAD` request, or the call `rpc.announce` of a session: headers that name the server's
    /// idempotency store, and no body. The default implementation sets no headers.
    ///
    /// A request for the scope of its keys has `scope` in [`Rpc-Idempotency`](crate::headers::RPC_IDEMPOTENCY). Only
    /// such a request is authenticated, and can be refused because of its credentials.
    fn announce(&self, request: Arc<RequestContext>) -> BoxFuture<Answer> {
        let _ = request;
        Box::pin(ready(Answer::new(Bytes::new(), AnswerStatus::Success)))
    }

    /// Opens a session on a connection over which both sides send messages, such as a WebSocket. `request` is the
    /// request that began the connection. `None`, the default, means that the server runs a session of its own, which
    /// passes each message to [`dispatch`](Self::dispatch).
    fn open(&self, request: Arc<RequestContext>, protocol: SessionProtocol) -> Option<Box<dyn Session>> {
        let _ = (request, protocol);
        None
    }
}

impl<D: Dispatch + ?Sized> Dispatch for Arc<D> {
    fn dispatch(&self, body: Bytes, request: Arc<RequestContext>) -> BoxFuture<Answer> {
        (**self).dispatch(body, request)
    }

    fn announce(&self, request: Arc<RequestContext>) -> BoxFuture<Answer> {
        (**self).announce(request)
    }

    fn open(&self, request: Arc<RequestContext>, protocol: SessionProtocol) -> Option<Box<dyn Session>> {
        (**self).open(request, protocol)
    }
}

/// The answer to a message.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The JSON text. Empty if there is no answer, as for notifications.
    pub body: Bytes,
    /// How the message ended.
    pub status: AnswerStatus,
    /// Further headers of the HTTP response: see [`headers`](crate::headers). Few answers have any.
    pub headers: Option<Box<HeaderMap>>,
    /// The stream that the call has opened, if the request [accepts](RequestContext::accepting_stream) one. It ends
    /// with the answer to the call, and `body` is not sent.
    pub stream: Option<Box<AnswerStream>>,
}

impl Answer {
    /// Makes an answer without further headers.
    ///
    /// # Example
    ///
    /// ```
    /// use std::future::ready;
    /// use std::sync::Arc;
    ///
    /// use bytes::Bytes;
    /// use rpc::{Answer, AnswerStatus, BoxFuture, Client, Dispatch, ErrorCode, RequestContext};
    ///
    /// /// Answers every message with the same error.
    /// #[derive(Clone)]
    /// struct Closed;
    ///
    /// impl Dispatch for Closed {
    ///     fn dispatch(&self, _: Bytes, _: Arc<RequestContext>) -> BoxFuture<Answer> {
    ///         let body = r#"{"jsonrpc":"2.0","error":{"code":1001,"message":"closed"},"id":null}"#;
    ///         Box::pin(ready(Answer::new(body.into(), AnswerStatus::Error(ErrorCode::new(1001)))))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let error = Client::in_process(&Closed).call::<u64>("count", ()).await.unwrap_err();
    /// assert_eq!(error.error_object().map(|error| error.code().get()), Some(1001));
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(body: Bytes, status: AnswerStatus) -> Self {
        Self { body, status, headers: None, stream: None }
    }
}
