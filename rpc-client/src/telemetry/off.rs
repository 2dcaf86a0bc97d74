//! The types of `telemetry` without the feature. All are empty, so that they cost calls nothing. `tracing`, `metrics`
//! and `rpc_core::telemetry` are then not built.

use std::convert::Infallible;

use crate::breaker::{Breaker, CircuitState};
use crate::delivery::Payload;
use crate::error::AnswerResult;
use crate::health_check::Health;
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
    pub(crate) fn watch(&self, _payload: &Payload, _labels: &EndpointLabels, _begun: Instant) -> MaybeWatch {
        None
    }

    #[inline(always)]
    pub(crate) fn endpoints_discovered(&self, _count: usize) {}

    #[inline(always)]
    pub(crate) fn discovery_failed(&self, _error: &str) {}

    #[inline(always)]
    pub(crate) fn health_changed(&self, _: &EndpointLabels, _: Health, _error: Option<&str>) {}

    #[inline(always)]
    pub(crate) fn circuit_changed(&self, _: &EndpointLabels, _: &Breaker, _: CircuitState, _now: Instant) {}
}

#[derive(Clone, Debug, Default)]
pub(crate) struct EndpointLabels {}

impl EndpointLabels {
    pub(crate) fn of(_server: Option<ServerAddress>) -> Self {
        Self {}
    }
}

pub(crate) type MaybeWatch = Option<Infallible>;

#[inline(always)]
pub(crate) fn wrap<R>(_: &mut MaybeWatch, _number: u32, request: Request, send: impl FnOnce(Request) -> R) -> R {
    send(request)
}

#[inline(always)]
pub(crate) fn wrap_hedge<R>(
    _: &mut MaybeWatch,
    _number: u32,
    _labels: &EndpointLabels,
    request: Request,
    send: impl FnOnce(Request) -> R,
) -> R {
    send(request)
}

#[inline(always)]
pub(crate) fn hedge_ended(_: &mut MaybeWatch, _won: bool) {}

#[inline(always)]
pub(crate) fn identified(_: &mut MaybeWatch, _payload: &Payload) {}

#[inline(always)]
pub(crate) fn moved(_: &mut MaybeWatch, _labels: &EndpointLabels) {}

#[inline(always)]
pub(crate) fn attempted(_: &mut MaybeWatch, _answers: &[AnswerResult]) {}

#[inline(always)]
pub(crate) fn settled(_: &mut MaybeWatch, _index: usize, _answered: &AnswerResult) {}

/// The span of a call that may share its request with calls of other callers.
pub(crate) struct CallSpan {}

impl CallSpan {
    pub(crate) fn of(_: &MaybeWatch) -> Self {
        Self {}
    }
}

#[inline(always)]
pub(crate) fn in_trace_of<R>(_calls: &[CallSpan], run: impl FnOnce() -> R) -> R {
    run()
}

#[inline(always)]
pub(crate) fn link(_: &MaybeWatch, _calls: &[CallSpan]) {}

/// The process's panic hook has already reported the panic.
pub(crate) fn hook_panicked() {}
