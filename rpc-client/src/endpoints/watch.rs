//! [`EndpointWatch`]: waits for changes of a client's endpoints.

use std::sync::{Arc, Weak};

use tokio::sync::watch;

use super::live::LiveEndpoints;
use super::state::EndpointState;

/// Watches the endpoints of a client. [`Client::watch_endpoints`](crate::Client::watch_endpoints) makes it.
///
/// It does not keep the client alive, and needs no runtime of its own. A client without a watch does no extra work.
#[derive(Debug)]
pub struct EndpointWatch {
    endpoints: Weak<LiveEndpoints>,
    changes: watch::Receiver<()>,
}

impl EndpointWatch {
    pub(super) fn new(endpoints: &Arc<LiveEndpoints>) -> Self {
        Self { endpoints: Arc::downgrade(endpoints), changes: endpoints.subscribe() }
    }

    /// Waits until the set of endpoints, or the circuit, the health or the usability of one of them, has changed since
    /// the last call, or since the watch was made. Returns the endpoints, as
    /// [`Client::endpoints`](crate::Client::endpoints) does. Returns `None` when the client, all its clones, pinned
    /// clients and their calls are gone.
    ///
    /// Several changes between two calls count as one. The states are live, so an endpoint may have changed back.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it ends, no change is lost: the next call returns it.
    pub async fn changed(&mut self) -> Option<Vec<Arc<EndpointState>>> {
        self.changes.changed().await.ok()?;
        Some(self.endpoints.upgrade()?.set().all().to_vec())
    }
}
