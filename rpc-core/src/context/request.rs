use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use http::{Extensions, HeaderMap};

use super::cancellation::Cancellation;
use super::response_headers::ResponseHeaders;
use crate::contain::contain;
use crate::{Principal, headers};

/// Holds what the calls of one HTTP request have in common.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct RequestContext {
    /// The request's headers.
    pub headers: HeaderMap,
    /// The peer's address, where it is known.
    pub peer_addr: Option<SocketAddr>,
    /// What HTTP layers have attached to the request.
    pub extensions: Extensions,
    pub(super) deadline: Option<Instant>,
    clock: Clock,
    pub(super) cancellation: Cancellation,
    principal: OnceLock<Principal>,
    pub(super) response_headers: ResponseHeaders,
}

impl RequestContext {
    /// Makes the context of an HTTP request.
    pub fn new(headers: HeaderMap, peer_addr: Option<SocketAddr>, extensions: Extensions) -> Self {
        Self {
            headers,
            peer_addr,
            extensions,
            deadline: None,
            clock: Clock::default(),
            cancellation: Cancellation::default(),
            principal: OnceLock::new(),
            response_headers: ResponseHeaders::default(),
        }
    }

    /// Lets the time count from now on that the caller gives in the header
    /// [`Rpc-Timeout-Ms`](crate::headers::RPC_TIMEOUT_MS), by this clock.
    #[must_use]
    pub fn counting_from_now(self, clock: fn() -> Instant) -> Self {
        let timeout = headers::timeout(&self.headers);
        self.with_timeout(timeout, clock)
    }

    /// Lets so much time count from now on, which is what the caller gives in that header, by this clock.
    #[inline]
    #[must_use]
    pub fn with_timeout(mut self, timeout: Option<Duration>, clock: fn() -> Instant) -> Self {
        self.clock = Clock(clock);
        // Most foreign clients give no time, and then nobody has to look at the clock.
        self.deadline = timeout.and_then(|timeout| clock().checked_add(timeout));
        self
    }

    /// Returns who calls, where authentication has found out: the server's own, or a layer of HTTP that has put a
    /// [`Principal`] into the extensions. One with an empty subject names nobody, and is as if it were not there.
    pub fn principal(&self) -> Option<&Principal> {
        let of_layer = || self.extensions.get().filter(|principal: &&Principal| principal.is_somebody());
        self.principal.get().or_else(of_layer)
    }

    /// Notes who calls, as the server's authentication does before the calls are looked at. It is noted once: what is
    /// said later does not count, nor does a principal with an empty subject.
    pub fn set_principal(&self, principal: Principal) {
        if principal.is_somebody() {
            let _ = self.principal.set(principal);
        }
    }

    /// Returns until when the caller waits, where it says so.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Tells the time by the clock that deadlines are counted by.
    pub fn now(&self) -> Instant {
        (self.clock.0)()
    }

    /// Takes the headers out that handlers have set on the response, in the order of their calls.
    #[doc(hidden)]
    #[inline]
    pub fn take_response_headers(&self) -> Option<Box<HeaderMap>> {
        self.response_headers.take()
    }

    /// Says that nobody waits for the answers any longer.
    pub fn cancel(&self) {
        self.cancellation.cancel();
    }

    /// Tells whether nobody waits for the answers any longer.
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }
}

impl Drop for RequestContext {
    #[inline]
    fn drop(&mut self) {
        // Layers of HTTP put values of their own types there, whose drop may panic.
        if !self.extensions.is_empty() {
            contain(|| drop(std::mem::take(&mut self.extensions)));
        }
    }
}

/// Tells the time. Servers whose time stands still in tests have one of their own.
#[derive(Clone, Copy, Debug)]
struct Clock(fn() -> Instant);

impl Default for Clock {
    fn default() -> Self {
        Self(Instant::now)
    }
}
