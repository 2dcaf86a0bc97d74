//! Telemetry of calls: spans, durations and logs. [`Observer`] belongs to the server, [`RequestTelemetry`] to a
//! request, and a `CallTelemetry` to a call. `off` replaces this module without the feature. Other metrics are in
//! `meter`.

mod call;
mod method;
mod request;
mod span;
mod state;

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rpc_core::{ErrorCode, Packet, RequestContext, Telemetry};

use crate::fault::{Fault, FaultCause};
use crate::meter::Meter;
use crate::table::MethodTable;
pub(crate) use call::{OptCallTelemetry, entered, watched};
pub(crate) use request::{OptRequestTelemetry, RequestTelemetry};
use state::{MessageFacts, TelemetryState};

/// The telemetry settings of a server.
pub(crate) type TelemetrySettings = Option<Telemetry>;

/// Watches the calls of a server, if the server has telemetry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observer {
    state: Option<Arc<TelemetryState>>,
    meter: Meter,
}

impl Observer {
    /// Watches the calls of a table's methods.
    pub(crate) fn new(settings: TelemetrySettings, table: &MethodTable) -> Self {
        let Some(telemetry) = settings else { return Self::default() };
        let state = TelemetryState::new(telemetry, table);
        Self { meter: state.meter, state: Some(Arc::new(state)) }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.meter
    }

    /// Watches the calls of a request.
    #[inline]
    pub(crate) fn of_request(&self, request: &RequestContext) -> OptRequestTelemetry {
        self.state.as_ref().map(|state| Box::new(RequestTelemetry::new(state, request)))
    }

    /// Counts the calls of a request that was refused as a whole, because of overload or because of its caller.
    #[cold]
    pub(crate) fn refused(&self, packet: &Packet<'_>, code: ErrorCode) {
        let Some(state) = self.state.as_ref().filter(|state| state.telemetry.metrics) else { return };
        let messages = match packet {
            Packet::Single(message) => std::slice::from_ref(message),
            Packet::Batch(messages) => messages,
        };
        if code == ErrorCode::OVERLOADED {
            self.meter.shed("calls", messages.len());
        }
        let refused = Fault { code, cause: FaultCause::Refused };
        for message in messages {
            let known = state.known(MessageFacts::of(state, message).known);
            known.record(Duration::ZERO, Poll::Ready(Err(refused)));
        }
    }
}
