//! [`Connection`]: the handle to an open connection. It begins requests. A connection that the client has opened closes
//! when its handle, its requests and its streams are gone. That of a peer belongs to its session.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use rpc_core::SessionProtocol;
use rpc_core::headers::RPC_IDEMPOTENCY;
use tokio::sync::oneshot;

use super::message_headers::write_headers;
use super::shared::SharedState;
use super::state::{Arrived, Expect, GivenUp, Outgoing, Token};
use super::stream_buffer::StreamBuffer;
use super::subscribe::subscribe_call;
use crate::call_id::CallId;
use crate::call_numbers::CallNumbers;
use crate::failure::Failure;
use crate::transport::{Progress, Reply, ReplyBody, Request};

/// A request with what its connection must know of it.
#[derive(Debug)]
pub(super) struct IdentifiedRequest {
    pub(super) request: Request,
    /// The ids of its calls.
    pub(super) ids: Vec<CallId>,
    pub(super) expect: Expect,
}

/// An open connection.
pub(super) struct Connection {
    state: Arc<SharedState>,
    protocol: SessionProtocol,
    /// The headers of the request that opened the connection.
    opened_with: HeaderMap,
    _close: Option<CloseOnDrop>,
}

impl Connection {
    /// Makes the handle to a connection that the client has opened with a request with these headers.
    pub(super) fn opened(state: Arc<SharedState>, protocol: SessionProtocol, opened_with: HeaderMap) -> Self {
        let close = Some(CloseOnDrop(Arc::clone(&state)));
        Self { state, protocol, opened_with, _close: close }
    }

    /// Makes a handle to the connection of a session, for calls to its peer.
    pub(super) fn of_session(state: Arc<SharedState>, protocol: SessionProtocol) -> Self {
        Self { state, protocol, opened_with: HeaderMap::new(), _close: None }
    }

    /// Returns the numbers of calls that are made through the peer of the session.
    pub(super) fn peer_calls(&self) -> &CallNumbers {
        self.state.peer_calls()
    }

    /// Returns whether the connection has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.state.with(|state| state.has_ended())
    }

    pub(super) fn protocol(&self) -> SessionProtocol {
        self.protocol
    }

    /// Returns whether the connection takes no more requests.
    pub(super) fn is_retired(&self) -> bool {
        self.state.with(|state| state.is_retired())
    }

    /// Returns whether no request and no stream is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.state.with(|state| state.is_idle())
    }

    /// Queues a request. Returns `None` if another request with one of its ids is under way, or if the connection takes
    /// no more requests.
    pub(super) fn begin(self: &Arc<Self>, identified: &IdentifiedRequest) -> Option<WaitingRequest> {
        let IdentifiedRequest { request, ids, expect } = identified;
        if !self.state.with(|state| state.has_room_for(ids)) {
            return None;
        }
        let text = match (self.protocol, expect) {
            (SessionProtocol::RpcV1, _) => write_headers(&request.body, &request.headers, &self.opened_with),
            (_, Expect::Stream(names)) => subscribe_call(&request.body, names),
            _ => request.body.clone(),
        };
        let (sender, answer) = oneshot::channel();
        let outgoing = Outgoing { ids: ids.clone(), text, expect: expect.clone(), progress: request.progress.clone() };
        // Another request may have come in the meantime.
        let token = self.state.change(|state| state.has_room_for(ids).then(|| state.enqueue(outgoing, sender)))?;
        let held = HeldRequest {
            connection: Arc::clone(self),
            token: Some(token),
            progress: request.progress.clone(),
            dropped: if has_ticket(&request.headers) { GivenUp::Attempt } else { GivenUp::Call },
        };
        Some(WaitingRequest { held, answer })
    }
}

/// Returns whether the calls of a request have tickets, by which they may be repeated at any time.
fn has_ticket(headers: &HeaderMap) -> bool {
    let keys = headers.get(RPC_IDEMPOTENCY).and_then(|keys| keys.to_str().ok());
    keys.is_some_and(|keys| keys.contains(";scope="))
}

/// Closes a connection when its handle is dropped: nothing can begin a request, and none is under way.
struct CloseOnDrop(Arc<SharedState>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.change(|state| state.is_closing = true);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The headers are left out, since they may hold secrets.
        f.debug_struct("Connection").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

/// A request or a stream on its connection. Dropping it cancels what has not ended.
#[derive(Debug)]
struct HeldRequest {
    connection: Arc<Connection>,
    token: Option<Token>,
    progress: Progress,
    /// What is given up if the caller drops the request.
    dropped: GivenUp,
}

impl Drop for HeldRequest {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            let given_up = if self.progress.has_timed_out() { GivenUp::Attempt } else { self.dropped };
            self.connection.state.change(|state| state.abandon(token, given_up));
        }
    }
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct WaitingRequest {
    held: HeldRequest,
    answer: oneshot::Receiver<Result<Arrived, Failure>>,
}

/// The answer to a request.
#[derive(Debug)]
pub(super) enum Received {
    Whole(Bytes, HeaderMap),
    Stream(StreamMessages, HeaderMap),
}

impl Received {
    /// Makes the reply of a transport.
    pub(super) fn into_reply(self) -> Reply {
        match self {
            Self::Whole(message, headers) => Reply { headers, ..Reply::new(message) },
            Self::Stream(messages, mut headers) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
                Reply { headers, ..Reply::new(ReplyBody::from_messages(messages)) }
            }
        }
    }
}

impl WaitingRequest {
    /// Waits for the answer.
    pub(super) async fn receive(mut self) -> Result<Received, Failure> {
        let arrived = (&mut self.answer).await;
        if let Ok(Ok(Arrived::Stream(buffer, headers))) = arrived {
            return Ok(Received::Stream(StreamMessages { buffer, held: self.held }, headers));
        }
        // It has ended, so there is nothing to cancel.
        self.held.token = None;
        match arrived {
            Ok(Ok(Arrived::Written)) => Ok(Received::Whole(Bytes::new(), HeaderMap::new())),
            Ok(Ok(Arrived::Answer(message, headers))) => Ok(Received::Whole(message, headers)),
            Ok(Ok(Arrived::Stream(..))) => unreachable!("streams were returned above"),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::not_sent("the request was given up")),
        }
    }
}

/// The messages of a stream. Dropping it cancels the stream, unless it has ended.
#[derive(Debug)]
pub(super) struct StreamMessages {
    buffer: Arc<StreamBuffer>,
    held: HeldRequest,
}

impl Stream for StreamMessages {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.buffer.poll_next(cx));
        match (&next, self.held.token) {
            (Some(Ok(_)), Some(token)) if self.buffer.has_credit() => {
                self.held.connection.state.change(|state| state.give_credit(token));
            }
            (Some(Ok(_)), _) => {}
            (Some(Err(_)) | None, _) => self.held.token = None,
        }
        Poll::Ready(next)
    }
}
