//! [`Backend`]: what answers the calls of a server, either our [`Dispatcher`] or a `Dispatch` of the user's own. This
//! is the boundary between `http` and `dispatch`. It is an enum instead of a trait object, which saves a box per call.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use rpc_core::{RequestContext, Session, SessionProtocol};

use super::foreign_dispatch::ForeignDispatch;
use crate::dispatch::{Dispatcher, WrittenAnswer};
use crate::idempotency;
use crate::load::CapacityError;
#[cfg(any(feature = "ipc", feature = "websocket"))]
use crate::session::CallerCheck;

/// What answers the requests that HTTP has read.
///
/// An enum, so that calls of our own methods need no box, and the code of HTTP is compiled only once. Code that
/// dispatches a message matches on the variants, since another future around ours costs 70 instructions per call.
#[expect(clippy::large_enum_variant, reason = "a server has one, and a box would be one more load for each call")]
pub(crate) enum Backend {
    /// The server's own methods.
    Own(Dispatcher),
    /// A `Dispatch` of the user's own.
    Foreign(ForeignDispatch),
}

impl Backend {
    /// Returns whether no call can start at the moment.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Own(dispatcher) => dispatcher.in_flight.is_full(),
            Self::Foreign(_) => false,
        }
    }

    /// Replaces an answer for which there is no room.
    pub(crate) fn withhold(&self, answer: &mut WrittenAnswer, body: &Bytes, full: CapacityError) {
        match self {
            Self::Own(dispatcher) => dispatcher.withhold(answer, body, full),
            Self::Foreign(foreign) => foreign.withhold(answer, body, full),
        }
    }

    /// Returns the answer to a client that asks about the server before it sends calls, if it is the same for all
    /// clients.
    pub(super) fn announcement_for_all(&self, headers: &HeaderMap) -> Option<WrittenAnswer> {
        match self {
            Self::Own(dispatcher) if !idempotency::asks_scope(headers) => Some(dispatcher.announce()),
            _ => None,
        }
    }

    /// Returns the answer to a client that asks about the server before it sends calls.
    pub(crate) async fn announce(&self, request: Arc<RequestContext>) -> WrittenAnswer {
        match self {
            Self::Own(dispatcher) if idempotency::asks_scope(&request.headers) => {
                dispatcher.announce_with_scope(&request).await
            }
            Self::Own(dispatcher) => dispatcher.announce(),
            Self::Foreign(foreign) => foreign.announce(request).await,
        }
    }

    /// Opens a session, if the backend has sessions of its own.
    pub(crate) fn open(&self, request: Arc<RequestContext>, protocol: SessionProtocol) -> Option<Box<dyn Session>> {
        match self {
            Self::Own(_) => None,
            Self::Foreign(foreign) => foreign.dispatch.open(request, protocol),
        }
    }

    /// Authenticates the caller and checks that it has these roles. Returns the refusal otherwise.
    pub(super) async fn admit(&self, request: &Arc<RequestContext>, roles: &[&str]) -> Result<(), Box<WrittenAnswer>> {
        match self {
            Self::Own(dispatcher) => dispatcher.admit(request, Some(roles)).await,
            Self::Foreign(_) => Err(ForeignDispatch::deny(roles)),
        }
    }

    /// Authenticates the caller of a session, for all of its messages. Returns the refusal if that fails.
    #[cfg(any(feature = "ipc", feature = "websocket"))]
    pub(crate) async fn authenticate(&self, request: &Arc<RequestContext>) -> Result<CallerCheck, Box<WrittenAnswer>> {
        match self {
            Self::Own(dispatcher) => dispatcher.admit(request, None).await.map(|()| CallerCheck::Done),
            // It sees each message, and may check it.
            Self::Foreign(_) => Ok(CallerCheck::EachMessage),
        }
    }

    /// Waits until no detached handler runs.
    pub(crate) async fn none_detached(&self) {
        match self {
            Self::Own(dispatcher) => dispatcher.in_flight.none_detached().await,
            Self::Foreign(_) => {}
        }
    }

    /// Ends the open streams, and refuses further ones. Their clients resume elsewhere.
    pub(crate) fn drain_streams(&self) {
        match self {
            Self::Own(dispatcher) => dispatcher.in_flight.streams.drain(),
            Self::Foreign(_) => {}
        }
    }

    /// Marks the server as ending, so that the calls still in flight are cancelled when they are cut.
    pub(crate) fn end(&self) {
        match self {
            Self::Own(dispatcher) => dispatcher.in_flight.end(),
            Self::Foreign(_) => {}
        }
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(dispatcher) => dispatcher.table.fmt(f),
            Self::Foreign(_) => f.write_str("Dispatch"),
        }
    }
}
