//! Telemetry of calls: spans, durations and logs. [`Observer`] belongs to the server, [`Incoming`] to a request, and a
//! `Watch` to a call. `off` replaces this module without the feature. Other metrics are in `meter`.

mod incoming;
mod known;
mod observing;
mod span;
mod watch;

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rpc_core::{ErrorCode, Packet, RequestContext, Telemetry};

use crate::fault::{Cause, Fault};
use crate::meter::Meter;
use crate::table::Table;
pub(crate) use incoming::{Incoming, OfRequest};
use observing::{Observing, Reading};
pub(crate) use watch::{Watching, entered, watched};

/// The telemetry settings of a server.
pub(crate) type Settings = Option<Telemetry>;

/// Watches the calls of a server, if the server has telemetry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observer {
    observing: Option<Arc<Observing>>,
    meter: Meter,
}

impl Observer {
    /// Watches the calls of a table's methods.
    pub(crate) fn new(settings: Settings, table: &Table) -> Self {
        let Some(telemetry) = settings else { return Self::default() };
        let observing = Observing::new(telemetry, table);
        Self { meter: observing.meter, observing: Some(Arc::new(observing)) }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.meter
    }

    /// Watches the calls of a request.
    #[inline]
    pub(crate) fn of_request(&self, request: &RequestContext) -> OfRequest {
        self.observing.as_ref().map(|observing| Box::new(Incoming::new(observing, request)))
    }

    /// Counts the calls of a request that was refused as a whole, because of overload or because of its caller.
    #[cold]
    pub(crate) fn refused(&self, packet: &Packet<'_>, code: ErrorCode) {
        let Some(observing) = self.observing.as_ref().filter(|observing| observing.telemetry.metrics) else { return };
        let messages = match packet {
            Packet::Single(message) => std::slice::from_ref(message),
            Packet::Batch(messages) => messages,
        };
        if code == ErrorCode::OVERLOADED {
            self.meter.shed("calls", messages.len());
        }
        let refused = Fault { code, cause: Cause::Refused };
        for message in messages {
            let known = observing.known(Reading::of(observing, message).known);
            known.record(Duration::ZERO, Poll::Ready(Err(refused)));
        }
    }
}
