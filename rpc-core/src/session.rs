//! [`Session`]: the contract for transports over which both sides send, such as WebSocket.

use std::task::{Context, Poll};

use bytes::Bytes;

use crate::MaybeSend;

/// The answering side of a connection over which both sides send messages at any time.
///
/// A transport with such connections gets a session from [`Dispatch::open`](crate::Dispatch::open). The transport owns
/// the session, passes it the peer's messages, writes the session's own, and drops it when the connection ends. That
/// drop cancels everything that runs for the session.
pub trait Session: MaybeSend + 'static {
    /// Takes one whole message from the peer: a call, a notification, a response, or a batch.
    ///
    /// It never waits, so that responses are delivered whatever else runs. Calls beyond a limit are rejected by an
    /// answer, and not queued.
    fn receive(&mut self, message: Bytes);

    /// Runs the received messages, and appends the text of the session's next message to `output`.
    ///
    /// The transport polls it after each message that it passes on, whenever it is woken, and only while it has room
    /// for a message. So a peer that does not read slows the streams of its session down. The output is unchanged while
    /// this is pending.
    fn poll_message(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<SessionEvent>;

    /// Runs the received messages without writing one. The transport calls it instead of
    /// [`poll_message`](Self::poll_message) while it has no room, so that handlers go on.
    ///
    /// Default: does nothing, and the messages run when there is room again.
    fn run(&mut self, cx: &mut Context<'_>) {
        let _ = cx;
    }

    /// Ends the session in an orderly way, because its server or its connection ends.
    ///
    /// The session ends its streams with [`StreamEnd::Draining`](crate::StreamEnd::Draining), rejects new calls, and
    /// answers the calls in flight. Then [`poll_message`](Self::poll_message) returns [`SessionEvent::Ended`]. Until
    /// that, the server waits for the session as for a call. The transport may call it several times.
    fn drain(&mut self);
}

/// What a session has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A message was appended.
    Message,
    /// The session has ended. The transport writes what is left, and closes the connection.
    Ended,
}

/// The form of the messages beyond plain JSON-RPC, as both sides have agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionProtocol {
    /// The framework's own, `rpc.v1`: streams have the id of their call, and messages have the member `rpc`.
    RpcV1,
    /// The older form of subscriptions: a stream has an id of its own, which is the result of its call.
    Subscriptions,
}
