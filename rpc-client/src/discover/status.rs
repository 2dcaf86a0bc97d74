//! [`DiscoveryStatus`]: how current the endpoints of a client are.

use std::sync::Arc;
use std::time::Duration;

use crate::runtime::Instant;

/// How current the discovered endpoints of a client are. [`Client::discovery`](crate::Client::discovery) returns it.
#[derive(Clone, Debug, Default)]
pub struct DiscoveryStatus {
    pub(crate) updated: Option<Instant>,
    pub(crate) error: Option<Arc<str>>,
    pub(crate) has_ended: bool,
}

impl DiscoveryStatus {
    /// Returns how long ago the source reported its last usable set, or `None` if it has reported none yet.
    ///
    /// A source that reports only changes makes this long for endpoints that do not change.
    pub fn age(&self) -> Option<Duration> {
        self.updated.map(|updated| updated.elapsed())
    }

    /// Returns the last error of the source, if it has reported no set without errors since.
    ///
    /// A set without endpoints is an error. If endpoints of a set cannot be set up, the error says why the client
    /// leaves out the first one of them. The client uses the others.
    pub fn last_error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Returns whether the source has ended, so that the endpoints change no more.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }
}
