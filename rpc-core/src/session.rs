//! [`Session`] and [`Outbound`]: the contract for transports over which both sides send, such as WebSocket. No
//! transport of this framework uses it yet.

use std::task::{Context, Poll};

use bytes::Bytes;

use crate::MaybeSend;

/// The answering side of a connection over which both sides send messages at any time.
///
/// A transport with such connections gets a session from [`Dispatch::open`](crate::Dispatch::open). The transport owns
/// the session, passes it the peer's messages, polls it, and drops it when the connection ends. That drop cancels
/// everything that runs for the session. No transport of this framework opens sessions yet.
pub trait Session: MaybeSend + 'static {
    /// Takes one whole message from the peer: a call, a notification, a response, or a batch.
    ///
    /// It never waits, so that responses are delivered whatever else runs. Calls beyond a limit are rejected by an
    /// answer, and not queued.
    fn receive(&mut self, message: Bytes);

    /// Runs the received messages and sends what is pending. Returns ready once the session has ended. The transport
    /// then writes what was sent, and closes the connection.
    ///
    /// The transport polls it after each message that it passes on, and whenever it is woken.
    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// The sink for a [`Session`]'s messages. A transport provides it, and the session owns it.
///
/// After [`poll_ready`](Self::poll_ready) was ready, a session can always send one message. Messages arrive in the
/// order in which they are sent. There are no errors: when the connection ends, the transport drops the session.
pub trait Outbound: MaybeSend + 'static {
    /// Returns ready once there is room for a message. So a peer that does not read slows its senders down.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Sends one whole message.
    fn send(&mut self, message: Bytes);
}
