//! The types of `telemetry` without the feature: all empty, so that calls pay nothing.

use std::convert::Infallible;
use std::sync::Arc;

use rpc_core::{ErrorCode, IdRef, Message, Packet, RequestContext};

use crate::fault::{Executed, Fault};
use crate::meter::Meter;
use crate::table::Table;

#[derive(Debug, Default)]
pub(crate) struct Settings;

#[derive(Clone, Debug, Default)]
pub(crate) struct Observer;

impl Observer {
    pub(crate) fn new(_settings: Settings, _table: &Table) -> Self {
        Self
    }

    pub(crate) fn meter(&self) -> Meter {
        Meter::default()
    }

    #[inline]
    pub(crate) fn of_request(&self, _request: &RequestContext) -> OfRequest {
        None
    }

    pub(crate) fn refused(&self, _packet: &Packet<'_>, _code: ErrorCode) {}
}

pub(crate) type OfRequest = Option<Incoming>;

#[derive(Debug)]
pub(crate) struct Incoming(Infallible);

impl Incoming {
    pub(crate) fn watch(&self, _request: &Arc<RequestContext>, _message: &Message<'_>) -> Watch {
        match self.0 {}
    }
}

pub(crate) type Watching = Option<Watch>;

#[derive(Debug)]
pub(crate) struct Watch(Infallible);

impl Watch {
    pub(crate) fn enter<R>(&self, _run: impl FnOnce() -> R) -> R {
        match self.0 {}
    }

    pub(crate) fn wait(self) -> Watching {
        match self.0 {}
    }

    pub(crate) fn end(self, _id: Option<IdRef<'_>>, _result: Result<(), Fault>) {
        match self.0 {}
    }
}

#[inline(always)]
pub(crate) fn entered<R>(_: &Watching, run: impl FnOnce() -> R) -> R {
    run()
}

#[inline(always)]
pub(crate) fn watched(_: &mut Watching, _id: Option<IdRef<'_>>, poll: impl FnOnce() -> Executed) -> Executed {
    poll()
}
