//! [`MessagePipe`]: a connection that carries whole messages both ways. WebSocket is one.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

/// A connection that carries whole texts both ways. One task polls it.
///
/// After an error or the end it is polled no more.
pub(crate) trait MessagePipe: Send + 'static {
    /// Waits until there is room for a message.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PipeEnd>>;

    /// Takes a message, after [`poll_ready`](Self::poll_ready) has reported room for it.
    fn send(&mut self, message: Bytes) -> Result<(), PipeEnd>;

    /// Writes the messages that were taken.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PipeEnd>>;

    /// Returns the peer's next message.
    ///
    /// # Errors
    ///
    /// Returns why there will be no more messages.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, PipeEnd>>;

    /// Closes the connection, and waits until the peer has agreed.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// Why a connection has ended.
#[derive(Clone, Debug)]
pub(crate) enum PipeEnd {
    /// The peer closed the connection, for this reason if it gave one.
    Closed(Option<Arc<str>>),
    /// The peer sent a message of more than this many bytes.
    TooLarge(usize),
    /// The connection failed.
    Failed(Arc<dyn StdError + Send + Sync>),
}

impl PipeEnd {
    pub(crate) fn failed(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Failed(error.into().into())
    }
}

impl fmt::Display for PipeEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(None) => f.write_str("server closed the connection"),
            Self::Closed(Some(reason)) => write!(f, "server closed the connection: {reason}"),
            Self::TooLarge(limit) => write!(f, "server sent a message of more than {limit} bytes"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl StdError for PipeEnd {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::Closed(_) | Self::TooLarge(_) => None,
        }
    }
}
