//! [`Serving`]: what answers the calls of the other side of a connection.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, HeaderMap};
use rpc_core::{Dispatch, Outbound, Peer, RequestContext, Session, SessionEvent, SessionProtocol};

use super::shared::SharedState;
use crate::failure::{Failure, FailureKind};

/// The session of a connection, and the peer that its handlers call.
pub(super) struct Serving {
    peer: Peer,
    session: Box<dyn Session>,
}

impl Serving {
    /// Opens a session for a connection.
    ///
    /// # Errors
    ///
    /// The dispatch has no sessions.
    pub(super) fn open(
        dispatch: &dyn Dispatch,
        state: &Arc<SharedState>,
        protocol: SessionProtocol,
    ) -> Result<Self, Failure> {
        let peer = Peer::new(protocol);
        peer.outbound_or_init(|| Arc::clone(state) as Arc<dyn Outbound>);
        let context = RequestContext::new(HeaderMap::new(), None, Extensions::new()).with_peer(peer.clone());
        let context = context.with_clock(|| tokio::time::Instant::now().into_std());
        let Some(session) = dispatch.open(Arc::new(context), protocol) else {
            let why = "the dispatch that the client serves opens no sessions: a `Server` does";
            return Err(Failure::new(FailureKind::Builder(why)));
        };
        Ok(Self { peer, session })
    }

    pub(super) fn receive(&mut self, message: Bytes) {
        self.session.receive(message);
    }

    pub(super) fn poll_message(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<SessionEvent> {
        self.session.poll_message(cx, output)
    }

    pub(super) fn run(&mut self, cx: &mut Context<'_>) {
        self.session.run(cx);
    }

    pub(super) fn drain(&mut self) {
        self.session.drain();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The handlers' own calls fail before the handlers are dropped.
        self.peer.end();
    }
}
