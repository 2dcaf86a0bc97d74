//! [`Engine`]: the state that all calls of a client share. It has the endpoints, takes retries from the budget, and
//! numbers calls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::call_id::CallId;
use crate::call_numbers::CallNumbers;
use crate::coalesce::Coalescer;
use crate::credentials::CredentialCache;
use crate::endpoints::Endpoints;
use crate::headers::{ClientHeaders, PropagatedHeaders};
use crate::hedge::Hedging;
use crate::middleware::Next;
use crate::reliability::attempt_hook::AttemptHook;
use crate::reliability::retry::Retry;
use crate::runtime::Instant;
use crate::settings::ClientSettings;
use crate::telemetry::Observer;
use crate::throttle::Throttler;

/// The state that the calls of a client share. A [`Client`](crate::Client) is a handle to it.
pub(crate) struct Engine {
    pub(crate) settings: ClientSettings,
    pub(crate) headers: ClientHeaders,
    pub(crate) propagated: PropagatedHeaders,
    pub(crate) on_attempt: Option<AttemptHook>,
    pub(crate) observer: Observer,
    pub(crate) credentials: Option<CredentialCache>,
    /// The layers that each delivery passes through, if there are any.
    pub(crate) layers: Option<Next>,
    pub(crate) endpoints: Endpoints,
    /// The throttle, if the user wants one. Pinned clients share it.
    pub(crate) throttler: Option<Arc<Throttler>>,
    /// Decides when to send a second request, if the client hedges.
    pub(crate) hedging: Option<Arc<Hedging>>,
    /// The gathered calls, if the client coalesces calls.
    pub(crate) coalescer: Option<Arc<Coalescer>>,
    /// The numbers of calls without keys.
    pub(crate) call_numbers: CallNumbers,
}

impl Engine {
    pub(crate) fn new(
        settings: ClientSettings,
        headers: ClientHeaders,
        observer: Observer,
        endpoints: Endpoints,
    ) -> Self {
        let throttler = settings.throttle.map(|throttle| Arc::new(Throttler::new(throttle, Instant::now())));
        let coalescer = coalescer(&settings);
        Self {
            hedging: settings.hedge.map(Hedging::new).map(Arc::new),
            settings,
            headers,
            propagated: PropagatedHeaders::default(),
            on_attempt: None,
            observer,
            credentials: None,
            layers: None,
            endpoints,
            throttler,
            coalescer,
            call_numbers: CallNumbers::default(),
        }
    }

    /// Makes the engine of a client with calls that all go to one endpoint. It shares the endpoints and all else.
    pub(crate) fn pinned(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            headers: self.headers.clone(),
            propagated: self.propagated.clone(),
            on_attempt: self.on_attempt.clone(),
            observer: self.observer.clone(),
            credentials: self.credentials.clone(),
            layers: self.layers.clone(),
            endpoints: self.endpoints.pinned(),
            throttler: self.throttler.clone(),
            hedging: self.hedging.clone(),
            coalescer: coalescer(&self.settings),
            call_numbers: self.call_numbers.clone(),
        }
    }

    /// Returns the retry policy of a method, if it has its own.
    pub(crate) fn method_retry(&self, method: &str) -> Option<&Retry> {
        let policies = &self.settings.method_retries;
        if policies.is_empty() { None } else { policies.get(method) }
    }

    /// Takes this many retries from the budget, and returns how long they wait for their turn, at most `longest`.
    /// Returns `None` if the budget does not allow them.
    pub(crate) fn withdraw(&self, retries: usize, now: Instant, longest: Duration) -> Option<Duration> {
        let wait = self.settings.retry_budget.withdraw(retries, now, longest);
        if wait.is_none() {
            self.observer.meter().budget_exhausted();
        }
        wait
    }

    /// Returns whether the throttle rejects calls that share a request, or their retries.
    pub(crate) fn throttles(&self, now: Instant) -> bool {
        self.throttler.as_ref().is_some_and(|throttler| throttler.rejects(now, rand::random()))
    }

    /// Returns an id that no other call of this client has.
    pub(crate) fn next_id(&self) -> CallId {
        self.call_numbers.next()
    }
}

fn coalescer(settings: &ClientSettings) -> Option<Arc<Coalescer>> {
    let coalesce = settings.coalesce.as_ref()?;
    Some(Arc::new(Coalescer::new(coalesce, settings.max_batch_entries)))
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The headers are left out, since they may hold secrets.
        f.debug_struct("Engine")
            .field("settings", &self.settings)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}
