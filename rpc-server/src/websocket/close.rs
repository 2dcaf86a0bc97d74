//! [`CloseReason`]: why the server closes a WebSocket, as the code and the text of a close frame.

use crate::session::SessionEnd;

/// Why the server closes a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The session has ended.
    Session(SessionEnd),
    /// A frame violates the protocol.
    Protocol(&'static str),
    /// A message is binary.
    Binary,
    /// A text is not UTF-8.
    NotUtf8,
    /// A message is larger than a request may be.
    TooLarge,
    /// The server has no room for a message.
    NoRoom,
}

impl From<SessionEnd> for CloseReason {
    fn from(end: SessionEnd) -> Self {
        Self::Session(end)
    }
}

impl CloseReason {
    /// Returns the code, as [RFC 6455, section 7.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.4) defines it.
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Session(SessionEnd::Ended) => 1000,
            Self::Session(SessionEnd::GoingAway) => 1001,
            Self::Protocol(_) => 1002,
            Self::Binary => 1003,
            Self::NotUtf8 => 1007,
            Self::Session(SessionEnd::TooSlow) => 1008,
            Self::TooLarge => 1009,
            Self::NoRoom => 1013,
            Self::Session(SessionEnd::Panicked) => 1011,
        }
    }

    /// Returns the text.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Session(SessionEnd::Ended) => "the session has ended",
            Self::Session(SessionEnd::GoingAway) => "the server shuts down",
            Self::Protocol(why) => why,
            Self::Binary => "messages are text",
            Self::NotUtf8 => "the text is not UTF-8",
            Self::TooLarge => "the message is too large",
            Self::Session(SessionEnd::TooSlow) => "a message did not arrive in time",
            Self::NoRoom => "the server has no room for the message",
            Self::Session(SessionEnd::Panicked) => "internal error",
        }
    }
}
