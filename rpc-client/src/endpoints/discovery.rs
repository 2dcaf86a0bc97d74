//! [`Discovery`]: the task that reads a client's source of endpoints and replaces the set.

use std::fmt;
use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{FutureExt, StreamExt};
use rpc_core::contain::defuse;
use rpc_core::{BoxFuture, chain_text};
use tokio::sync::oneshot;

use super::factory::EndpointFactory;
use super::live::LiveEndpoints;
use super::state::EndpointState;
use crate::discover::{DiscoveryStatus, DynDiscover};
use crate::endpoint::{Endpoint, EndpointSettings};
use crate::failure::{Failure, FailureKind};
use crate::runtime::{Instant, is_here, sleep, spawn};
use crate::telemetry::Observer;
use crate::transport::{Reply, Request, Transport};

/// Keeps the endpoints of a client current. When it is dropped, its task ends.
pub(super) struct Discovery {
    shared: Arc<DiscoveryShared>,
    /// Stands for the endpoint of a call until there is a first one.
    unresolved: Arc<EndpointState>,
    live: Weak<LiveEndpoints>,
    /// Dropped with this value, which ends the task.
    alive: Mutex<Option<oneshot::Sender<()>>>,
}

/// What a [`Discovery`] shares with its task.
struct DiscoveryShared {
    source: Box<dyn DynDiscover>,
    factory: EndpointFactory,
    observer: Observer,
    /// One of the states below.
    state: AtomicU8,
    status: Mutex<DiscoveryStatus>,
}

/// No task runs, and the next call starts one.
const STOPPED: u8 = 0;
const RUNNING: u8 = 1;
/// The source has ended, so there is nothing to run.
const ENDED: u8 = 2;

/// How long the client waits after an error, before it reads the source again.
const ERROR_PAUSE: Duration = Duration::from_secs(1);

impl Discovery {
    pub(super) fn new(
        source: Box<dyn DynDiscover>,
        factory: EndpointFactory,
        observer: Observer,
        live: &Arc<LiveEndpoints>,
    ) -> Self {
        let (state, status) = (AtomicU8::new(STOPPED), Mutex::default());
        let shared = DiscoveryShared { source, factory, observer, state, status };
        let unresolved = EndpointState::new(EndpointSettings::default(), Arc::new(NoEndpoint), None);
        Self {
            shared: Arc::new(shared),
            unresolved: Arc::new(unresolved),
            live: Arc::downgrade(live),
            alive: Mutex::default(),
        }
    }

    /// Starts the task, unless it runs already or there is no runtime here.
    #[inline]
    pub(super) fn start(&self) {
        if self.shared.state.load(Ordering::Acquire) == STOPPED {
            self.spawn();
        }
    }

    #[cold]
    fn spawn(&self) {
        let state = &self.shared.state;
        if !is_here() || state.compare_exchange(STOPPED, RUNNING, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return;
        }
        let (alive, dropped) = oneshot::channel();
        *self.alive.lock().unwrap_or_else(PoisonError::into_inner) = Some(alive);
        let running = RunningGuard(Arc::clone(&self.shared));
        spawn(running.run(Weak::clone(&self.live), dropped));
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

/// Allows another task to be started once the task of this guard is gone, whatever ended it.
struct RunningGuard(Arc<DiscoveryShared>);

impl RunningGuard {
    async fn run(self, live: Weak<LiveEndpoints>, dropped: oneshot::Receiver<()>) {
        let reading = AssertUnwindSafe(self.0.read(live)).catch_unwind();
        if let Either::Right((Err(panic), _)) = select(dropped, pin!(reading)).await {
            defuse(panic);
            self.0.failed("the source of endpoints panicked");
        }
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        // The source may have ended.
        let _ = self.0.state.compare_exchange(RUNNING, STOPPED, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl DiscoveryShared {
    /// Reads sets until the source ends.
    async fn read(&self, live: Weak<LiveEndpoints>) {
        let mut sets = self.source.watch();
        while let Some(set) = sets.next().await {
            match set {
                Ok(endpoints) => {
                    let Some(live) = live.upgrade() else { return };
                    self.apply(endpoints, &live);
                }
                Err(error) => {
                    self.failed(&chain_text(&*error));
                    sleep(ERROR_PAUSE).await;
                }
            }
        }
        self.state.store(ENDED, Ordering::Release);
        self.status().has_ended = true;
        // Callers that wait for the first set wait in vain from now on.
        if let Some(live) = live.upgrade() {
            live.notify();
        }
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
