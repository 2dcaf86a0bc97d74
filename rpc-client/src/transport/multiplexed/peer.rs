//! [`PeerConnection`]: the connection of a session of the server, for calls to its peer.

use std::any::Any;
use std::sync::Arc;

use rpc_core::{BoxFuture, Outbound, Peer};

use super::connection::Connection;
use super::identify::identify;
use super::shared::SharedState;
use crate::call_numbers::CallNumbers;
use crate::failure::Failure;
use crate::transport::{Reply, Request};

/// The one connection to the peer of a session. Clones share it.
#[derive(Clone)]
pub(in crate::transport) struct PeerConnection(Arc<Connection>);

impl PeerConnection {
    /// Returns the connection to a peer, or `None` if calls to it are sent by code of the user's.
    pub(in crate::transport) fn of(peer: &Peer) -> Option<Self> {
        let protocol = peer.protocol();
        let make = || -> Arc<dyn Outbound> { Arc::new(SharedState::new(protocol, CallNumbers::default())) };
        let outbound: Arc<dyn Any + Send + Sync> = Arc::clone(peer.outbound_or_init(make)) as _;
        let state = outbound.downcast::<SharedState>().ok()?;
        Some(Self(Arc::new(Connection::of_session(state, protocol))))
    }

    /// Returns the numbers of the calls to this peer.
    pub(in crate::transport) fn call_numbers(&self) -> &CallNumbers {
        self.0.peer_calls()
    }

    pub(in crate::transport) fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        // Until the session takes the message, the peer cannot have it.
        request.progress.hold();
        let connection = Arc::clone(&self.0);
        Box::pin(async move {
            let identified = identify(request)?;
            let waiting = connection.begin(&identified).ok_or_else(|| Failure::not_sent(why_not(&connection)))?;
            Ok(waiting.receive().await?.into_reply())
        })
    }
}

/// Returns why a connection takes no request.
fn why_not(connection: &Connection) -> &'static str {
    if connection.has_ended() {
        "the session has ended"
    } else if connection.is_retired() {
        "the peer has left too many calls unanswered that were given up"
    } else {
        "an earlier call with this id has no answer yet, and the session has only one connection"
    }
}
