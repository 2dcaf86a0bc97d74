//! [`RequestWork`]: what all messages of one request share while they run, such as table, limits, keys and admission.
//! `Dispatcher` makes it; `single`, `batch` and `execution` borrow it. It also decides whether a request is cancelled
//! when its client disconnects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpc_core::RequestContext;

use crate::Limits;
use crate::call::RequestShape;
use crate::idempotency::RequestKeys;
use crate::in_flight::{Admission, InFlight};
use crate::load::ConnectionLoad;
use crate::table::MethodTable;
use crate::telemetry::OptRequestTelemetry;

/// What the messages of one request share while they run.
pub(super) struct RequestWork<'a> {
    pub(super) table: &'a MethodTable,
    pub(super) limits: &'a Limits,
    pub(super) in_flight: &'a Arc<InFlight>,
    pub(super) body: &'a Bytes,
    pub(super) request: &'a Arc<RequestContext>,
    /// Boxed, since nearly no request has keys.
    pub(super) keys: Option<Box<RequestKeys>>,
    pub(super) admission: &'a Admission<'a>,
    pub(super) load: &'a Arc<ConnectionLoad>,
    pub(super) shape: RequestShape,
    /// Set if calls are watched.
    pub(super) observed: OptRequestTelemetry,
}

impl RequestWork<'_> {
    /// Returns the caller's remaining time, if the request has a deadline.
    #[inline]
    pub(super) fn left(&self) -> Option<Duration> {
        self.request.deadline().map(|deadline| deadline.saturating_duration_since(self.request.now()))
    }

    /// Cancels the request because its client has left. A client of calls with keys and time left has only given up an
    /// attempt, and may retry to get the kept answers. Then its calls are cancelled only at their deadline, unless the
    /// server is ending.
    #[cold]
    pub(super) fn leave(&self) {
        let has_keys = self.keys.as_ref().is_some_and(|keys| keys.protect_calls());
        let may_come_again = has_keys && self.left().is_some_and(|left| !left.is_zero());
        if !may_come_again || self.in_flight.is_ending() {
            self.request.cancel();
        }
    }
}
