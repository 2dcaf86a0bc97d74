//! [`Backend`]: what answers the calls of a server, either our [`Dispatcher`] or a `Dispatch` of the user's own. This
//! is the boundary between `http` and `dispatch`. An enum and no trait object, to save each call a box.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use rpc_core::{Outbound, RequestContext, Session};

use super::foreign::Foreign;
use crate::dispatch::{Dispatcher, Written};
use crate::idempotency;
use crate::load::Full;

/// What answers the requests that HTTP has read.
///
/// An enum, so that calls of our own methods pass no box, and that nothing of HTTP is compiled once for each kind. Who
/// has a message answered tells the two apart, since one more future around ours costs each call 70 instructions.
#[expect(clippy::large_enum_variant, reason = "a server has one, and a box would be one more load for each call")]
pub(crate) enum Backend {
    /// Methods of ours.
    Own(Dispatcher),
    /// A `Dispatch` of the user's own.
    Foreign(Foreign),
}

impl Backend {
    /// Tells whether no call can begin at the moment.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Own(dispatcher) => dispatcher.in_flight.is_full(),
            Self::Foreign(_) => false,
        }
    }

    /// Replaces an answer for which there is no room.
    pub(super) fn withhold(&self, answer: &mut Written, body: &Bytes, full: Full) {
        match self {
            Self::Own(dispatcher) => dispatcher.withhold(answer, body, full),
            Self::Foreign(foreign) => foreign.withhold(answer, body, full),
        }
    }

    /// Returns what a client is told that asks before it sends calls, if that is the same for all.
    pub(super) fn announcement_for_all(&self, headers: &HeaderMap) -> Option<Written> {
        match self {
            Self::Own(dispatcher) if !idempotency::asks_scope(headers) => Some(dispatcher.announce()),
            _ => None,
        }
    }

    /// Returns what the client of this request is told that asks before it sends calls.
    pub(crate) async fn announce(&self, request: Arc<RequestContext>) -> Written {
        match self {
            Self::Own(dispatcher) if idempotency::asks_scope(&request.headers) => {
                dispatcher.announce_with_scope(&request).await
            }
            Self::Own(dispatcher) => dispatcher.announce(),
            Self::Foreign(foreign) => foreign.announce(request).await,
        }
    }

    /// Opens a session, if the backend has any.
    pub(crate) fn open(&self, request: Arc<RequestContext>, outbound: Box<dyn Outbound>) -> Option<Box<dyn Session>> {
        match self {
            Self::Own(_) => None,
            Self::Foreign(foreign) => foreign.dispatch.open(request, outbound),
        }
    }

    /// Finds out whether the caller may read what requires these roles, or answers in its place.
    pub(super) async fn admit(&self, request: &Arc<RequestContext>, roles: &[&str]) -> Result<(), Box<Written>> {
        match self {
            Self::Own(dispatcher) => dispatcher.admit(request, Some(roles)).await,
            Self::Foreign(_) => Err(Foreign::deny(roles)),
        }
    }

    /// Waits until nothing runs whose caller has left.
    pub(crate) async fn none_detached(&self) {
        match self {
            Self::Own(dispatcher) => dispatcher.in_flight.none_detached().await,
            Self::Foreign(_) => {}
        }
    }

    /// Tells what still runs that it is over.
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
