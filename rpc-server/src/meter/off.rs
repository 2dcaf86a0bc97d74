//! Counts nothing, as long as the feature `telemetry` is off.

use http::StatusCode;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    Connections,
    AcceptWaiting,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter;

impl Meter {
    pub(crate) fn shed(self, _reason: &'static str, _calls: usize) {}

    pub(crate) fn refused(self, _status: StatusCode) {}

    pub(crate) fn key(self, _outcome: &'static str) {}

    pub(crate) fn key_refused(self, _reason: &'static str) {}

    pub(crate) fn unkept(self, _reason: &'static str) {}

    pub(crate) fn accept_failed(self) {}

    pub(crate) fn raise(self, _level: Level) -> Raised {
        Raised
    }
}

#[derive(Debug)]
#[must_use]
pub(crate) struct Raised;
