//! The types of `telemetry` without the feature. All are empty, so that they cost calls nothing. `tracing`, `metrics`
//! and `rpc_core::telemetry` are then not built.

use std::convert::Infallible;

use crate::delivery::Payload;
use crate::error::Answered;
use crate::meter::Meter;
use crate::runtime::Instant;
use crate::transport::{Request, ServerAddress};

#[derive(Clone, Debug, Default)]
pub(crate) struct Observer {}

impl Observer {
    pub(crate) fn meter(&self) -> Meter {
        Meter::default()
    }

    #[inline]
    pub(crate) fn watch(&self, _payload: &Payload, _labels: &Labels, _begun: Instant) -> Watching {
        None
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {}

impl Labels {
    pub(crate) fn of(_server: Option<ServerAddress>) -> Self {
        Self {}
    }
}

pub(crate) type Watching = Option<Infallible>;

#[inline(always)]
pub(crate) fn wrap<R>(_: &mut Watching, _number: u32, request: Request, send: impl FnOnce(Request) -> R) -> R {
    send(request)
}

#[inline(always)]
pub(crate) fn identified(_: &mut Watching, _payload: &Payload) {}

#[inline(always)]
pub(crate) fn attempted(_: &mut Watching, _answers: &[Answered]) {}

#[inline(always)]
pub(crate) fn settled(_: &mut Watching, _index: usize, _answered: &Answered) {}

/// The process's panic hook has already reported the panic.
pub(crate) fn hook_panicked() {}
