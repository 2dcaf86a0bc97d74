use std::time::Duration;

use http::HeaderValue;
use rpc_core::headers::{KeyScope, Keys, StoreInfo};
use tokio::time::Instant;
use uuid::Uuid;

use crate::reliability::keys::Announced;

/// What makes repeats under keys safe.
pub(super) struct Reliance {
    /// The store, as it was announced last.
    pub(super) announced: Announced,
    /// The earliest time at which one of the keys may have been sent, by the store's clock, in milliseconds.
    at: Option<u64>,
    /// To whom the keys belong, where tickets say it.
    scope: Option<KeyScope>,
    /// Until when it surely remembers what is sent from now on.
    until: Instant,
    /// Until when it remembers at all.
    pub(super) end: Instant,
}

impl Reliance {
    pub(super) fn begin(announced: Announced, now: Instant) -> Option<Self> {
        let ttl = announced.info.ttl;
        if ttl.is_zero() {
            return None;
        }
        // Half of the time is for what is long under way.
        let (until, end) = (now.checked_add(ttl / 2)?, now.checked_add(ttl)?);
        Some(Self { at: announced.time_at(now), announced, scope: None, until, end })
    }

    /// Relies on what tickets say. The store itself refuses them when it may have forgotten their keys.
    pub(super) fn pinned(pin: &Keys, now: Instant) -> Self {
        let ttl = pin.ttl.unwrap_or_default();
        let announced = Announced::by_ticket(StoreInfo { identity: pin.store.unwrap_or_default(), ttl });
        let at = pin.at.and_then(|at| u64::try_from(at.as_millis()).ok());
        // What a clock cannot hold is a very long time.
        let ttl = ttl.min(LONG);
        Self { announced, at, scope: pin.scope, until: now + ttl / 2, end: now + ttl }
    }

    pub(super) fn remembers(&self, at: Instant) -> bool {
        self.until > at
    }

    /// Writes what a request says of its keys.
    pub(super) fn value(&self, sum: Uuid) -> HeaderValue {
        Keys::write(sum, &self.announced.text, self.at, self.scope)
    }
}

/// A time that is longer than any call takes.
const LONG: Duration = Duration::from_secs(365 * 24 * 60 * 60);
