//! [`Session`] and [`Outbound`]: the contract for transports over which both sides send, such as WebSocket. No
//! transport of this framework uses it yet.

use std::task::{Context, Poll};

use bytes::Bytes;

use crate::MaybeSend;

/// A connection over which both sides send messages at any time, seen from the side that answers calls.
///
/// [`Dispatch::open`](crate::Dispatch::open) makes one for a transport that has such connections. The transport owns
/// the session, hands it what the peer sends, polls it, and drops it when the connection ends; what runs for it is
/// cancelled by that. No transport of this framework opens sessions yet.
pub trait Session: MaybeSend + 'static {
    /// Takes one whole message of the peer: a call, a notification, a response, or a batch of them.
    ///
    /// It never waits, so that responses reach those who wait for them whatever else runs. What is too much is refused
    /// by an answer, and not queued.
    fn receive(&mut self, message: Bytes);

    /// Runs what was received and sends what there is to send. Ready once the session has ended: then the transport
    /// writes what was sent, and closes the connection.
    ///
    /// The transport polls it after each message that it hands over, and whenever it is woken.
    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// Where a [`Session`] sends its messages. A transport provides it, and the session owns it.
///
/// A session can always send one message after [`poll_ready`](Self::poll_ready) was ready. Messages arrive in the order
/// in which they are sent. There are no errors: when the connection ends, the transport drops the session.
pub trait Outbound: MaybeSend + 'static {
    /// Is ready once there is room for a message, so that a peer which does not read holds up those who send to it.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Sends one whole message.
    fn send(&mut self, message: Bytes);
}
