//! Watches nothing, as long as the feature `telemetry` is off. What there is never one of takes no room either.

use std::convert::Infallible;

use rpc_core::BoxFuture;
use tokio::time::Instant;

use crate::RetryBudget;
use crate::delivery::Entry;
use crate::error::Answered;
use crate::failure::Failure;
use crate::meter::Meter;
use crate::transport::{Reply, Request, Transport};

#[derive(Clone, Debug, Default)]
pub(crate) struct Observer {}

impl Observer {
    pub(crate) fn of_server(self, _url: &str) -> Self {
        self
    }

    pub(crate) fn meter(&self) -> Meter {
        Meter {}
    }

    #[inline]
    pub(crate) fn watch(&self, _entries: &[Entry], _single: bool, _: &RetryBudget, _begun: Instant) -> Watching {
        None
    }
}

pub(crate) type Watching = Option<Infallible>;

#[inline(always)]
pub(crate) fn send(
    _: &mut Watching,
    _number: u32,
    request: Request,
    transport: &dyn Transport,
) -> BoxFuture<Result<Reply, Failure>> {
    transport.send(request)
}

#[inline(always)]
pub(crate) fn attempted(_: &mut Watching, _answers: &[Answered]) {}

#[inline(always)]
pub(crate) fn settled(_: &mut Watching, _index: usize, _answered: &Answered) {}

/// The process's panic hook has told of it.
pub(crate) fn hook_panicked() {}
