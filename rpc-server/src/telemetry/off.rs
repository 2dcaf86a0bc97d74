//! The types of `telemetry` without the feature: all empty, so that calls pay nothing.

use std::convert::Infallible;
use std::sync::Arc;

use rpc_core::{ErrorCode, IdRef, Message, Packet, RequestContext};

use crate::fault::{Executed, Fault};
use crate::meter::Meter;
use crate::table::MethodTable;

#[derive(Debug, Default)]
pub(crate) struct TelemetrySettings;

#[derive(Clone, Debug, Default)]
pub(crate) struct Observer;

impl Observer {
    pub(crate) fn new(_settings: TelemetrySettings, _table: &MethodTable) -> Self {
        Self
    }

    pub(crate) fn meter(&self) -> Meter {
        Meter::default()
    }

    #[inline]
    pub(crate) fn of_request(&self, _request: &RequestContext) -> OptRequestTelemetry {
        None
    }

    pub(crate) fn refused(&self, _packet: &Packet<'_>, _code: ErrorCode) {}
}

pub(crate) type OptRequestTelemetry = Option<RequestTelemetry>;

#[derive(Debug)]
pub(crate) struct RequestTelemetry(Infallible);

impl RequestTelemetry {
    pub(crate) fn watch(&self, _request: &Arc<RequestContext>, _message: &Message<'_>) -> CallTelemetry {
        match self.0 {}
    }
}

pub(crate) type OptCallTelemetry = Option<CallTelemetry>;

#[derive(Debug)]
pub(crate) struct CallTelemetry(Infallible);

impl CallTelemetry {
    pub(crate) fn enter<R>(&self, _run: impl FnOnce() -> R) -> R {
        match self.0 {}
    }

    pub(crate) fn wait(self) -> OptCallTelemetry {
        match self.0 {}
    }

    pub(crate) fn end(self, _id: Option<IdRef<'_>>, _result: Result<(), Fault>) {
        match self.0 {}
    }
}

#[inline(always)]
pub(crate) fn entered<R>(_: &OptCallTelemetry, run: impl FnOnce() -> R) -> R {
    run()
}

#[inline(always)]
pub(crate) fn watched(_: &mut OptCallTelemetry, _id: Option<IdRef<'_>>, poll: impl FnOnce() -> Executed) -> Executed {
    poll()
}
