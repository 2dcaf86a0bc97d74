//! The failures that layers of a client cause.

use std::fmt;

use rpc_core::ErrorKind;

/// How a layer of a client fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LayerFault {
    /// It failed with an error of its own.
    Failed,
    /// It stopped waiting for the inner service, after a time limit of its own.
    TimedOut,
    /// It let no more calls through.
    Overloaded,
    /// It passed on a second time a call that may have run and must not run twice.
    Repeated,
    /// It returned a different number of answers than there are calls.
    OtherCount,
}

impl LayerFault {
    /// Returns the category for metrics.
    pub(super) fn counted_as(self) -> ErrorKind {
        match self {
            Self::TimedOut => ErrorKind::Timeout,
            Self::Overloaded => ErrorKind::Unavailable,
            Self::Failed | Self::Repeated | Self::OtherCount => ErrorKind::Internal,
        }
    }
}

impl fmt::Display for LayerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "middleware of the client failed",
            Self::TimedOut => "middleware of the client gave up waiting",
            Self::Overloaded => "middleware of the client let no more calls through",
            Self::Repeated => "middleware of the client passed on a call again that may have run and has an effect",
            Self::OtherCount => "middleware of the client gave another number of answers than there are calls",
        })
    }
}
