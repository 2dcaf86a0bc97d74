//! [`Work`]: what all messages of one request share while they run, such as table, limits, keys and admission.
//! `Dispatcher` makes it; `single`, `batch` and `execution` borrow it. It also decides whether a request is cancelled
//! when its client disconnects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpc_core::RequestContext;

use crate::Limits;
use crate::call::Form;
use crate::idempotency::RequestKeys;
use crate::in_flight::{Admission, InFlight};
use crate::load::ConnectionLoad;
use crate::table::Table;
use crate::telemetry::OfRequest;

/// What the messages of one request share while they run.
pub(super) struct Work<'a> {
    pub(super) table: &'a Table,
    pub(super) limits: &'a Limits,
    pub(super) in_flight: &'a Arc<InFlight>,
    pub(super) body: &'a Bytes,
    pub(super) request: &'a Arc<RequestContext>,
    /// Nearly no request has any.
    pub(super) keys: Option<Box<RequestKeys>>,
    pub(super) admission: &'a Admission<'a>,
    pub(super) load: &'a Arc<ConnectionLoad>,
    pub(super) form: Form,
    /// Is there where calls are watched.
    pub(super) observed: OfRequest,
}

impl Work<'_> {
    /// Returns how long the caller still waits, if it says so.
    #[inline]
    pub(super) fn left(&self) -> Option<Duration> {
        self.request.deadline().map(|deadline| deadline.saturating_duration_since(self.request.now()))
    }

    /// Cancels the request, whose client has left, unless the client may come again for the answers, which are kept
    /// under keys: then it has only given up an attempt, and what still runs is told at its deadline.
    #[cold]
    pub(super) fn leave(&self) {
        let may_come_again = self.keys.is_some() && self.left().is_some_and(|left| !left.is_zero());
        if !may_come_again || self.in_flight.is_ending() {
            self.request.cancel();
        }
    }
}
