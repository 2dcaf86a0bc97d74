//! [`CloseReason`]: why the server closes a WebSocket, as the code and the text of a close frame.

/// Why the server closes a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The session has ended.
    Ended,
    /// The server shuts down, or the connection must end.
    GoingAway,
    /// A frame violates the protocol.
    Protocol(&'static str),
    /// A message is binary.
    Binary,
    /// A text is not UTF-8.
    NotUtf8,
    /// A message is larger than a request may be.
    TooLarge,
    /// A message did not arrive in time.
    TooSlow,
    /// The server has no room for a message.
    NoRoom,
    /// The session has panicked. It is a session of the user's own.
    Panicked,
}

impl CloseReason {
    /// Returns the code, as [RFC 6455, section 7.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.4) defines it.
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Ended => 1000,
            Self::GoingAway => 1001,
            Self::Protocol(_) => 1002,
            Self::Binary => 1003,
            Self::NotUtf8 => 1007,
            Self::TooSlow => 1008,
            Self::TooLarge => 1009,
            Self::NoRoom => 1013,
            Self::Panicked => 1011,
        }
    }

    /// Returns the text.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Ended => "the session has ended",
            Self::GoingAway => "the server shuts down",
            Self::Protocol(why) => why,
            Self::Binary => "messages are text",
            Self::NotUtf8 => "the text is not UTF-8",
            Self::TooLarge => "the message is too large",
            Self::TooSlow => "a message did not arrive in time",
            Self::NoRoom => "the server has no room for the message",
            Self::Panicked => "internal error",
        }
    }
}
