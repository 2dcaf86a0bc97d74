//! Counters and gauges of the server: connections, calls in flight, sheds, refusals and keys. docs/production.md lists
//! their names. `telemetry` records the durations of calls.
//!
//! Without the feature `telemetry` a [`Meter`] and what it [raises](RaisedGauge) have no size, and counting does
//! nothing.

use http::StatusCode;
#[cfg(feature = "telemetry")]
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

/// The metric of the durations of calls.
#[cfg(feature = "telemetry")]
pub(crate) const CALL_DURATION: &str = "rpc.server.call.duration";

/// A state that is counted while it lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gauge {
    /// A connection is open.
    Connections,
    /// A connection waits to be accepted, since the limit of connections is reached.
    AcceptWaiting,
    /// A handler has started and is pending.
    CallsInFlight,
    /// A handler continues without its caller.
    DetachedHandlers,
    /// A stream is open.
    Streams,
}

#[cfg(feature = "telemetry")]
impl Gauge {
    fn name(self) -> &'static str {
        match self {
            Self::Connections => "rpc.server.connections",
            Self::AcceptWaiting => "rpc.server.accept.waiting",
            Self::CallsInFlight => "rpc.server.calls.in_flight",
            Self::DetachedHandlers => "rpc.server.handlers.detached",
            Self::Streams => "rpc.server.streams",
        }
    }
}

/// Counts, if the server has metrics.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meter {
    #[cfg(feature = "telemetry")]
    is_on: bool,
}

impl Meter {
    #[cfg(feature = "telemetry")]
    pub(crate) fn new(is_on: bool) -> Self {
        if is_on {
            describe();
        }
        Self { is_on }
    }

    /// Counts calls that were shed. `reason` names what is exhausted.
    pub(crate) fn shed(self, reason: &'static str, calls: usize) {
        self.count("rpc.server.sheds", ("reason", reason), calls);
    }

    /// Counts an HTTP request that was refused before its calls were looked at.
    pub(crate) fn refused(self, status: StatusCode) {
        self.count("rpc.server.requests.refused", ("http.response.status_code", status.as_str()), 1);
    }

    /// Counts a call with an idempotency key, by what its store knew of it.
    pub(crate) fn key(self, outcome: &'static str) {
        self.count("rpc.server.keys", ("outcome", outcome), 1);
    }

    /// Counts a call that was refused because its store could not begin its key.
    pub(crate) fn key_refused(self, reason: &'static str) {
        self.count("rpc.server.keys.refused", ("reason", reason), 1);
    }

    /// Counts a call with an answer that was not kept for repeats.
    pub(crate) fn unkept(self, reason: &'static str) {
        self.count("rpc.server.keys.unkept", ("reason", reason), 1);
    }

    /// Counts a connection that could not be accepted.
    pub(crate) fn accept_failed(self) {
        #[cfg(feature = "telemetry")]
        if self.is_on {
            counter!("rpc.server.accept.errors").increment(1);
        }
    }

    /// Adds to a counter that has a label.
    #[cfg_attr(not(feature = "telemetry"), expect(unused_variables, reason = "nothing is counted"))]
    fn count(self, name: &'static str, (key, value): (&'static str, &str), more: usize) {
        #[cfg(feature = "telemetry")]
        if self.is_on {
            counter!(name, key => value.to_owned()).increment(more as u64);
        }
    }

    /// Raises a level by one until the guard is dropped.
    #[cfg_attr(not(feature = "telemetry"), expect(unused_variables, reason = "nothing is counted"))]
    pub(crate) fn raise(self, level: Gauge) -> RaisedGauge {
        #[cfg(feature = "telemetry")]
        if self.is_on {
            gauge!(level.name()).increment(1.0);
        }
        RaisedGauge {
            #[cfg(feature = "telemetry")]
            level: self.is_on.then_some(level),
        }
    }
}

/// Keeps a [`Gauge`] raised by one.
#[derive(Debug)]
#[must_use]
pub(crate) struct RaisedGauge {
    #[cfg(feature = "telemetry")]
    level: Option<Gauge>,
}

/// Servers without the feature pay nothing.
#[cfg(not(feature = "telemetry"))]
const _: () = assert!(size_of::<(Meter, RaisedGauge)>() == 0);

#[cfg(feature = "telemetry")]
impl Drop for RaisedGauge {
    fn drop(&mut self) {
        if let Some(level) = self.level {
            gauge!(level.name()).decrement(1.0);
        }
    }
}

/// Describes the metrics to the recorder.
#[cfg(feature = "telemetry")]
pub(crate) fn describe() {
    describe_histogram!(CALL_DURATION, Unit::Seconds, "How long a call took, from reading it to its answer");
    describe_counter!(
        "rpc.server.sheds",
        "Calls and requests that were refused because of overload, and connections that were closed because of it"
    );
    describe_counter!("rpc.server.requests.refused", "HTTP requests that were refused before their calls were read");
    describe_counter!("rpc.server.keys", "Calls with an idempotency key, by the state of the key in the store");
    describe_counter!(
        "rpc.server.keys.refused",
        "Calls with an idempotency key that failed because the store was full or failed"
    );
    describe_counter!(
        "rpc.server.keys.unkept",
        "Calls with an idempotency key whose answers were not kept for repeats"
    );
    describe_counter!("rpc.server.accept.errors", "Connections that could not be accepted");
    describe_gauge!(Gauge::Connections.name(), "Open connections");
    describe_gauge!(
        Gauge::AcceptWaiting.name(),
        "1 while connections queue because the limit of connections is reached"
    );
    describe_gauge!(Gauge::CallsInFlight.name(), "Calls whose handler has begun and has not ended");
    describe_gauge!(Gauge::DetachedHandlers.name(), "Handlers that continue without their caller");
    describe_gauge!(Gauge::Streams.name(), "Open streams");
}
