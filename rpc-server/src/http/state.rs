//! The state that all HTTP requests of a server share: settings, limits, byte budget, readiness and metrics, together
//! with the [`Backend`] that answers calls. The builders make it, and `http` and `serve` only read it. This file holds
//! data and handles no request.

use std::fmt;
use std::sync::Arc;

use super::backend::Backend;
use super::settings::HttpSettings;
use crate::Limits;
use crate::health::Readiness;
use crate::load::{ByteBudget, ConnectionLoad};
use crate::meter::Meter;

/// The shared state of the HTTP service, whatever answers its calls.
pub(crate) struct HttpState {
    pub(crate) backend: Backend,
    pub(crate) http: HttpSettings,
    pub(crate) limits: Limits,
    pub(crate) budget: Arc<ByteBudget>,
    /// The load of requests that come over no connection of this server, in process or through axum.
    pub(crate) load: Arc<ConnectionLoad>,
    pub(crate) readiness: Arc<Readiness>,
    /// Counts refused connections and requests. The backend counts calls.
    pub(crate) meter: Meter,
}

impl HttpState {
    pub(crate) fn new(
        backend: Backend,
        http: HttpSettings,
        limits: Limits,
        readiness: Arc<Readiness>,
        meter: Meter,
    ) -> Self {
        let budget = Arc::new(ByteBudget::new(&limits, meter));
        let load = ConnectionLoad::unlimited(&budget);
        Self { backend, http, limits, budget, load, readiness, meter }
    }
}

impl fmt::Debug for HttpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpState").field("backend", &self.backend).finish_non_exhaustive()
    }
}
