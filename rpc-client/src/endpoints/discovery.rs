//! [`Discovery`]: the task that reads a client's source of endpoints and replaces the set.

use std::fmt;
use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use rpc_core::contain::defuse;
use rpc_core::{BoxFuture, chain_text};

use super::background::BackgroundTask;
use super::factory::EndpointFactory;
use super::live::LiveEndpoints;
use super::state::EndpointState;
use crate::discover::{DiscoveryStatus, DynDiscover};
use crate::endpoint::{Endpoint, EndpointSettings};
use crate::failure::{Failure, FailureKind};
use crate::runtime::{Instant, sleep};
use crate::telemetry::Observer;
use crate::transport::{Reply, Request, Transport};

/// Keeps the endpoints of a client current. When it is dropped, its task ends.
pub(super) struct Discovery {
    shared: Arc<DiscoveryShared>,
    /// Stands for the endpoint of a call until there is a first one.
    unresolved: Arc<EndpointState>,
    live: Weak<LiveEndpoints>,
    task: BackgroundTask,
}

/// What a [`Discovery`] shares with its task.
struct DiscoveryShared {
    source: Box<dyn DynDiscover>,
    factory: EndpointFactory,
    observer: Observer,
    status: Mutex<DiscoveryStatus>,
}

/// How a stream of sets has ended.
enum StreamEnd {
    /// There will be no other set.
    Final,
    /// Its last item was an error. Streams that are written with `?` end with it.
    AfterError,
}

/// How long the client waits after an error, before it reads the source again.
const ERROR_PAUSE: Duration = Duration::from_secs(1);

impl Discovery {
    pub(super) fn new(
        source: Box<dyn DynDiscover>,
        factory: EndpointFactory,
        observer: Observer,
        live: &Arc<LiveEndpoints>,
    ) -> Self {
        let shared = DiscoveryShared { source, factory, observer, status: Mutex::default() };
        let unresolved = EndpointState::new(EndpointSettings::default(), Arc::new(NoEndpoint), None);
        Self {
            shared: Arc::new(shared),
            unresolved: Arc::new(unresolved),
            live: Arc::downgrade(live),
            task: BackgroundTask::default(),
        }
    }

    /// Starts the task, unless it runs already or there is no runtime here.
    #[inline]
    pub(super) fn start(&self) {
        self.task.start(|| Arc::clone(&self.shared).run(Weak::clone(&self.live)));
    }

    pub(super) fn unresolved(&self) -> &Arc<EndpointState> {
        &self.unresolved
    }

    /// Makes the failure of a call without an endpoint.
    pub(super) fn no_endpoint(&self) -> Failure {
        match &self.shared.status().error {
            Some(error) => Failure::with_source(FailureKind::NoEndpoint, error.as_ref()),
            None => Failure::new(FailureKind::NoEndpoint),
        }
    }

    pub(super) fn status(&self) -> DiscoveryStatus {
        self.shared.status().clone()
    }

    /// Asks the source for a new set.
    pub(super) fn refresh(&self) {
        self.shared.source.refresh();
    }
}

impl DiscoveryShared {
    /// Reads the source until it ends.
    async fn run(self: Arc<Self>, live: Weak<LiveEndpoints>) {
        loop {
            match AssertUnwindSafe(self.read(&live)).catch_unwind().await {
                Ok(StreamEnd::Final) => break,
                Ok(StreamEnd::AfterError) => {}
                Err(panic) => {
                    defuse(panic);
                    self.failed("the source of endpoints panicked");
                    sleep(ERROR_PAUSE).await;
                }
            }
        }
        self.status().has_ended = true;
        // Callers that wait for the first set wait in vain from now on.
        if let Some(live) = live.upgrade() {
            live.notify();
        }
    }

    /// Reads sets until the stream ends.
    async fn read(&self, live: &Weak<LiveEndpoints>) -> StreamEnd {
        let mut sets = self.source.watch();
        let mut end = StreamEnd::Final;
        while let Some(set) = sets.next().await {
            match set {
                Ok(endpoints) => {
                    let Some(live) = live.upgrade() else { return StreamEnd::Final };
                    self.apply(endpoints, &live);
                    end = StreamEnd::Final;
                }
                Err(error) => {
                    self.failed(&chain_text(&*error));
                    sleep(ERROR_PAUSE).await;
                    end = StreamEnd::AfterError;
                }
            }
        }
        end
    }

    fn apply(&self, endpoints: Vec<Endpoint>, live: &LiveEndpoints) {
        if endpoints.is_empty() {
            return self.failed("the source reported a set without endpoints");
        }
        let endpoints = self.factory.choose(endpoints);
        let count = endpoints.len();
        let failures = live.replace(endpoints, &self.factory);
        if failures.len() < count {
            let mut status = self.status();
            (status.updated, status.error) = (Some(Instant::now()), None);
            drop(status);
            self.observer.endpoints_discovered(count - failures.len());
        }
        if let Some(failure) = failures.into_iter().next() {
            self.failed(&chain_text(&failure));
        }
    }

    fn failed(&self, text: &str) {
        let text: Arc<str> = text.into();
        self.observer.discovery_failed(&text);
        self.status().error = Some(text);
    }

    fn status(&self) -> MutexGuard<'_, DiscoveryStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The transport of the endpoint that stands for those that are not discovered yet.
#[derive(Debug)]
struct NoEndpoint;

impl Transport for NoEndpoint {
    fn send(&self, _: Request) -> BoxFuture<Result<Reply, Failure>> {
        Box::pin(ready(Err(Failure::new(FailureKind::NoEndpoint))))
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.send(request)
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery").field("status", &self.status()).finish_non_exhaustive()
    }
}
