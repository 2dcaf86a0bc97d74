//! [`Dispatch`], the trait between transports and whatever answers: the bytes of a message in, the bytes of its answer
//! out. The server implements it, HTTP and the client's in-process transport call it, and users can wrap it. [`Answer`]
//! carries what HTTP must know besides the bytes.

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{BoxFuture, ErrorCode, MaybeSend, MaybeSync, Outbound, RequestContext, Session};

/// Answers the bytes of a JSON-RPC message with the bytes of its answer.
///
/// The HTTP face of the server and the client's in-process transport both call it. It performs no I/O of its own, and
/// whatever the bytes are, there is an answer: what is wrong with them is said in JSON-RPC.
///
/// # Cancel safety
///
/// Dropping the future cancels the request. Handlers of `readonly` methods are dropped with it; any other that was
/// begun goes on to its end, within the server's limit of time.
pub trait Dispatch: MaybeSend + MaybeSync + 'static {
    /// Answers one message: a request, a notification or a batch of them.
    fn dispatch(&self, body: Bytes, request: Arc<RequestContext>) -> BoxFuture<Answer>;

    /// Answers what HTTP answers to `HEAD`: the headers say which idempotency store the server has, and there is no
    /// body. By default nothing is said.
    ///
    /// A request that asks for the scope of its keys says `scope` in
    /// [`Rpc-Idempotency`](crate::headers::RPC_IDEMPOTENCY). Only such a request is asked for its credentials, and may
    /// be refused because of them.
    fn announce(&self, request: Arc<RequestContext>) -> BoxFuture<Answer> {
        let _ = request;
        Box::pin(ready(Answer::new(Bytes::new(), AnswerStatus::Success)))
    }

    /// Opens a session on a connection over which both sides send messages, such as a WebSocket. The request is the one
    /// by which the connection began. `None` says that there are no sessions, which is the default, and the transport
    /// refuses the connection.
    ///
    /// No transport of this framework opens sessions yet. HTTP never opens one for a `POST`.
    fn open(&self, request: Arc<RequestContext>, outbound: Box<dyn Outbound>) -> Option<Box<dyn Session>> {
        let _ = (request, outbound);
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

    fn open(&self, request: Arc<RequestContext>, outbound: Box<dyn Outbound>) -> Option<Box<dyn Session>> {
        (**self).open(request, outbound)
    }
}

/// What a message was answered with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The JSON text; empty where nothing is answered, as for notifications.
    pub body: Bytes,
    /// How it went.
    pub status: AnswerStatus,
    /// What the answer says beside the JSON, as headers of the HTTP response: see [`headers`](crate::headers). Nearly
    /// no answer has any.
    pub headers: Option<Box<HeaderMap>>,
}

impl Answer {
    /// Makes an answer.
    pub fn new(body: Bytes, status: AnswerStatus) -> Self {
        Self { body, status, headers: None }
    }
}

/// Says how a message fared, without a look into the answer's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerStatus {
    /// A single message succeeded.
    Success,
    /// A single message, or a batch as a whole, was answered with an error.
    Error(ErrorCode),
    /// The server did not run the message, and HTTP has a status for why. This is not told from the code alone, since a
    /// handler may relay another server's answer.
    Refused(ErrorCode, StatusCode),
    /// A batch was answered, entry by entry.
    Batch {
        /// How many entries were answered with an error.
        failures: usize,
    },
}
