//! [`EndpointState`]: one endpoint of a running client, with its transport, its store, its load and its circuit.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use http::HeaderMap;

use super::health::EndpointHealth;
use super::load::Load;
use crate::breaker::{Breaker, CircuitBreaker, CircuitState};
use crate::endpoint::{EndpointIdentity, EndpointSettings};
use crate::reliability::keys::StoreDiscovery;
use crate::runtime::Instant;
use crate::stable_hash::stable_hash;
use crate::telemetry::EndpointLabels;
use crate::transport::{ServerAddress, Transport};

/// One endpoint of a running client: its address, its load and the state of its circuit.
///
/// [`Client::endpoints`](crate::Client::endpoints) lists the endpoints, and a [`Balancer`](crate::Balancer) chooses
/// between them. The state is live: each method returns the current value.
pub struct EndpointState {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) headers: HeaderMap,
    /// What the client knows of the server's store of idempotency keys.
    pub(crate) store: StoreDiscovery,
    /// The names of the endpoint in spans and metrics.
    pub(crate) labels: EndpointLabels,
    pub(crate) load: Load,
    /// Identifies the endpoint in [`Balance::hash`](crate::Balance::hash).
    pub(crate) hash: u64,
    address: Option<ServerAddress>,
    weight: AtomicU32,
    tier: AtomicU32,
    /// By what the client recognizes the endpoint in another set. `None` if it cannot.
    pub(super) identity: Option<EndpointIdentity>,
    /// The number of attempts in flight.
    pub(super) pending: AtomicU32,
    pub(super) breaker: Option<Breaker>,
    /// Whether the client answers calls of the endpoint's server.
    pub(crate) serves: bool,
    /// Set if the client checks the health of the endpoint.
    pub(super) health: Option<Box<EndpointHealth>>,
    /// Whether attempts may use the endpoint: its circuit is closed and it is healthy, or too few others are.
    pub(super) usable: AtomicBool,
}

impl EndpointState {
    pub(crate) fn new(
        settings: EndpointSettings,
        transport: Arc<dyn Transport>,
        breaker: Option<&CircuitBreaker>,
    ) -> Self {
        let (address, now) = (transport.server_address(), Instant::now());
        let EndpointSettings { weight, tier, headers, path, identity } = settings;
        let name = address.as_ref().map_or(String::new(), |address| format!("{address}{path}"));
        Self {
            transport,
            headers,
            store: StoreDiscovery::default(),
            labels: EndpointLabels::of(address.clone()),
            load: Load::new(now),
            hash: stable_hash(name.as_bytes()),
            address,
            weight: AtomicU32::new(weight),
            tier: AtomicU32::new(tier),
            identity,
            pending: AtomicU32::new(0),
            breaker: breaker.map(|settings| Breaker::new(settings, now)),
            serves: false,
            health: None,
            usable: AtomicBool::new(true),
        }
    }

    /// Applies the weight and the tier of a newer description of the endpoint. Returns whether one has changed.
    pub(super) fn update(&self, settings: &EndpointSettings) -> bool {
        let weight = self.weight.swap(settings.weight, Ordering::Relaxed);
        let tier = self.tier.swap(settings.tier, Ordering::Relaxed);
        (weight, tier) != (settings.weight, settings.tier)
    }

    /// Returns whether the circuit breaker guards the endpoint even if it is the client's only one.
    #[inline]
    pub(crate) fn guards_single(&self) -> bool {
        self.breaker.as_ref().is_some_and(Breaker::guards_single)
    }

    /// Returns the host and port of the endpoint, or `None` if its transport has none.
    pub fn address(&self) -> Option<&ServerAddress> {
        self.address.as_ref()
    }

    /// Returns the capacity of the endpoint relative to the others, at least 1.
    pub fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Returns the tier of the endpoint. 0 is the first.
    pub fn tier(&self) -> u32 {
        self.tier.load(Ordering::Relaxed)
    }

    /// Returns the number of attempts in flight to the endpoint.
    ///
    /// A client with one endpoint and no [circuit breaker](CircuitBreaker::single_endpoint) for it does not count them,
    /// and returns 0.
    pub fn pending(&self) -> u32 {
        self.pending.load(Ordering::Relaxed)
    }

    /// Returns the state of the endpoint's circuit. Without a circuit breaker, it is always closed.
    pub fn circuit(&self) -> CircuitState {
        self.breaker.as_ref().map_or(CircuitState::Closed, Breaker::state)
    }

    /// Returns whether the endpoint passes its [health checks](crate::HealthCheck). Without health checks, and before
    /// they have failed, it is always true.
    pub fn is_healthy(&self) -> bool {
        self.health.as_ref().is_none_or(|health| health.is_healthy())
    }

    /// Returns whether its circuit is closed and it is healthy.
    pub(super) fn is_good(&self) -> bool {
        self.circuit() == CircuitState::Closed && self.is_healthy()
    }

    /// Returns whether attempts may use the endpoint: its circuit is closed and it is healthy, or this holds for fewer
    /// than half of the endpoints. The only endpoint of a client with a
    /// [circuit breaker](CircuitBreaker::single_endpoint) for it is usable only while its circuit is closed.
    pub fn is_usable(&self) -> bool {
        self.usable.load(Ordering::Relaxed)
    }
}

/// Headers may hold secrets, and are not shown.
impl fmt::Debug for EndpointState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointState")
            .field("transport", &self.transport)
            .field("weight", &self.weight())
            .field("tier", &self.tier())
            .field("pending", &self.pending())
            .field("circuit", &self.circuit())
            .field("is_healthy", &self.is_healthy())
            .finish_non_exhaustive()
    }
}
