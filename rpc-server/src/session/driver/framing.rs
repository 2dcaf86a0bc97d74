//! [`MessageFraming`]: how the messages of a session are told apart on its connection. WebSockets and streams of bytes
//! implement it, and the driver knows no more of them.

use std::time::Duration;

use bytes::Bytes;

/// How the messages of a session are told apart on its connection, and how the connection ends.
pub(crate) trait MessageFraming {
    /// Why the server ends a connection.
    type Reason: From<SessionEnd>;

    /// The name of such a connection, for logs.
    const NAME: &'static str;

    /// Whether the peer answers a close by its own.
    const AWAITS_CLOSE: bool;

    /// Takes bytes of the peer up to the end of the next thing that they mean. Returns `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// Returns why the connection must end.
    fn read(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Received>, Self::Reason>;

    /// Takes the end of the peer's bytes.
    fn finish(&mut self) -> InputEnd;

    /// Returns whether a part of a message has arrived, and its end has not.
    fn is_within_message(&self) -> bool;

    /// Begins a message, whose text the caller appends. Returns the place for [`end_message`](Self::end_message). To
    /// retract the message, truncate the output to this place.
    fn begin_message(&self, output: &mut Vec<u8>) -> usize;

    /// Ends the message that begins at `start`.
    fn end_message(&self, output: &mut Vec<u8>, start: usize);

    /// Tells the peer why the connection ends, if there is a way.
    fn write_close(&self, output: &mut Vec<u8>, reason: &Self::Reason);

    /// Replies to the peer's close. Default: there are no closes.
    fn write_close_reply(&self, output: &mut Vec<u8>, code: Option<u16>) {
        let _ = (output, code);
    }

    /// Writes a ping. Default: there are none.
    fn write_ping(&self, output: &mut Vec<u8>) {
        let _ = output;
    }

    /// Replies to a ping. Default: there are none.
    fn write_pong(&self, output: &mut Vec<u8>, payload: &[u8]) {
        let _ = (output, payload);
    }

    /// Returns how often a ping is sent. Default: never.
    fn ping_interval(&self) -> Duration {
        Duration::MAX
    }
}

/// What a peer has sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// A whole message.
    Message(Bytes),
    /// A message that the session never sees. The peer is sent this answer.
    #[cfg_attr(not(feature = "ipc"), allow(dead_code, reason = "WebSockets close instead"))]
    Refused(Vec<u8>),
    /// A ping with its payload.
    #[cfg_attr(not(feature = "websocket"), allow(dead_code, reason = "only WebSockets have pings"))]
    Ping(Vec<u8>),
    #[cfg_attr(not(feature = "websocket"), allow(dead_code, reason = "only WebSockets have pings"))]
    Pong,
    /// The close of the connection, with the code for the reply.
    #[cfg_attr(not(feature = "websocket"), allow(dead_code, reason = "only WebSockets have closes"))]
    Close(Option<u16>),
}

/// What the end of the peer's bytes means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InputEnd {
    /// The connection was cut.
    #[cfg_attr(not(feature = "websocket"), allow(dead_code, reason = "only WebSockets have closes"))]
    Cut,
    /// The peer sends no more, and still reads. This was its last message, if it had no end.
    #[cfg_attr(not(feature = "ipc"), allow(dead_code, reason = "WebSockets close instead"))]
    Drains(Option<Bytes>),
}

/// Why a session ends, whatever its framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionEnd {
    /// It has nothing more to say.
    Ended,
    /// The server shuts down, or the connection must end.
    GoingAway,
    /// A message of the peer did not arrive in time.
    TooSlow,
    /// It has panicked. It is a session of the user's own.
    Panicked,
}
