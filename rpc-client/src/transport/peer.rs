//! [`PeerTransport`]: calls to the peer of a session, over the connection of that session.

use std::fmt;

use rpc_core::{BoxFuture, FromPeer, Peer};

use super::multiplexed::PeerConnection;
use super::{Reply, Request, Transport};
use crate::call_numbers::CallNumbers;
use crate::failure::Failure;

/// Sends calls to the peer of a session: from a server to its client, or from a client that serves to its server.
///
/// `cx.peer::<rpc::Client>()` returns a client on it with the default settings, except that it does not retry. With
/// this type, you choose the settings yourself.
///
/// - There is one connection. After its end, calls fail at once, with the outcome
///   [`Outcome::NotSent`](crate::Outcome::NotSent).
/// - Calls, notifications, batches and streams share the connection with the calls of the peer. Headers travel with the
///   messages if the session speaks `rpc.v1`: deadline, trace and `x-*`.
/// - A call that is given up is cancelled at the peer, if the session speaks `rpc.v1`. So is a stream that is dropped.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use rpc::transport::PeerTransport;
/// use rpc::{Client, Context, ErrorObject, InternalExt, Server};
///
/// let server = Server::builder().try_method("confirm", |(question,): (String,), cx: Context| async move {
///     let peer = cx.peer::<PeerTransport>().internal()?;
///     let caller = Client::builder().transport(peer).deadline(Duration::from_secs(5)).build().internal()?;
///     let answer = caller.call::<bool>("ask", [question]).await.internal()?;
///     Ok::<_, ErrorObject>(answer)
/// });
/// # let _ = server.build();
/// ```
#[derive(Clone)]
pub struct PeerTransport(Option<PeerConnection>);

impl FromPeer for PeerTransport {
    /// Makes a transport to this peer. Transports to the same peer share the connection and the ids of calls.
    fn from_peer(peer: &Peer) -> Self {
        Self(PeerConnection::of(peer))
    }
}

impl Transport for PeerTransport {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        match &self.0 {
            Some(connection) => connection.send(request),
            None => {
                let why = "the session sends calls by an `Outbound` that is not the client's";
                Box::pin(std::future::ready(Err(Failure::not_sent(why))))
            }
        }
    }

    fn call_numbers(&self) -> Option<CallNumbers> {
        self.0.as_ref().map(|connection| connection.call_numbers().clone())
    }
}

impl fmt::Debug for PeerTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerTransport")
    }
}
