//! Counts what the server does beside its calls. The names stand in docs/production.md.

use http::StatusCode;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// How long a call takes that a server answers.
pub(crate) const CALL_DURATION: &str = "rpc.server.call.duration";

/// Is something that is counted while it lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    /// A connection is open.
    Connections,
    /// A connection could be accepted, but as many are open as may be.
    AcceptWaiting,
    /// A handler has begun and waits.
    CallsInFlight,
    /// A handler goes on without its caller.
    DetachedHandlers,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Connections => "rpc.server.connections",
            Self::AcceptWaiting => "rpc.server.accept.waiting",
            Self::CallsInFlight => "rpc.server.calls.in_flight",
            Self::DetachedHandlers => "rpc.server.handlers.detached",
        }
    }
}

/// Counts, where the server has metrics.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    is_on: bool,
}

impl Meter {
    pub(crate) fn new(is_on: bool) -> Self {
        if is_on {
            describe();
        }
        Self { is_on }
    }

    /// Counts calls that were refused because there is too much to do. The reason is what there is too much of.
    pub(crate) fn shed(self, reason: &'static str, calls: usize) {
        if self.is_on {
            counter!("rpc.server.sheds", "reason" => reason).increment(calls as u64);
        }
    }

    /// Counts an HTTP request that was refused before its calls were looked at.
    pub(crate) fn refused(self, status: StatusCode) {
        if self.is_on {
            let status = status.as_str().to_owned();
            counter!("rpc.server.requests.refused", "http.response.status_code" => status).increment(1);
        }
    }

    /// Counts a call that has an idempotency key, by what its store knew of it.
    pub(crate) fn key(self, outcome: &'static str) {
        if self.is_on {
            counter!("rpc.server.keys", "outcome" => outcome).increment(1);
        }
    }

    /// Counts a call that was refused since its store could not begin its key.
    pub(crate) fn key_refused(self, reason: &'static str) {
        if self.is_on {
            counter!("rpc.server.keys.refused", "reason" => reason).increment(1);
        }
    }

    /// Counts a call whose answer was not kept for repeats.
    pub(crate) fn unkept(self, reason: &'static str) {
        if self.is_on {
            counter!("rpc.server.keys.unkept", "reason" => reason).increment(1);
        }
    }

    /// Counts a connection that could not be accepted.
    pub(crate) fn accept_failed(self) {
        if self.is_on {
            counter!("rpc.server.accept.errors").increment(1);
        }
    }

    /// Raises a level by one until the guard is dropped.
    pub(crate) fn raise(self, level: Level) -> Raised {
        if self.is_on {
            gauge!(level.name()).increment(1.0);
        }
        Raised(self.is_on.then_some(level))
    }
}

/// Keeps a [`Level`] raised by one.
#[derive(Debug)]
#[must_use]
pub(crate) struct Raised(Option<Level>);

impl Drop for Raised {
    fn drop(&mut self) {
        if let Some(level) = self.0 {
            gauge!(level.name()).decrement(1.0);
        }
    }
}

/// Tells the recorder what the metrics mean.
pub(crate) fn describe() {
    describe_histogram!(
        CALL_DURATION,
        Unit::Seconds,
        "How long a call took, from when it was read until it was answered"
    );
    describe_counter!(
        "rpc.server.sheds",
        "Calls and requests that were refused because there was too much to do, and connections that were cut for it"
    );
    describe_counter!(
        "rpc.server.requests.refused",
        "HTTP requests that were refused before their calls were looked at"
    );
    describe_counter!("rpc.server.keys", "Calls with an idempotency key, by what the store knew of it");
    describe_counter!(
        "rpc.server.keys.refused",
        "Calls with an idempotency key that the store had no room for or failed"
    );
    describe_counter!(
        "rpc.server.keys.unkept",
        "Calls with an idempotency key whose answers were not kept for repeats"
    );
    describe_counter!("rpc.server.accept.errors", "Connections that could not be accepted");
    describe_gauge!(Level::Connections.name(), "Open connections");
    describe_gauge!(Level::AcceptWaiting.name(), "1 while connections queue since as many are open as may be");
    describe_gauge!(Level::CallsInFlight.name(), "Calls whose handler has begun and waits");
    describe_gauge!(Level::DetachedHandlers.name(), "Handlers that go on without their caller");
}
