//! [`Limiter`]: the shared state of one rate limit. It is separate from the layer, so that calls under a key can be
//! counted before the server asks their store.

use std::sync::Arc;
use std::time::Duration;

use governor::Quota;
use rpc_core::Context;

use super::buckets::{BucketKey, Buckets};

/// The state of a rate limit. Clones share it.
#[derive(Clone)]
pub(crate) struct Limiter {
    key: Option<Arc<KeyFn>>,
    buckets: Arc<Buckets>,
}

/// The user's function that returns the key of a call's caller.
pub(super) type KeyFn = dyn Fn(&Context) -> Option<String> + Send + Sync;

impl Limiter {
    pub(super) fn new(key: Option<Arc<KeyFn>>, quota: Quota) -> Self {
        Self { key, buckets: Arc::new(Buckets::new(quota)) }
    }

    /// Counts a call, or returns the time until the caller may retry it.
    pub(in crate::middleware) fn take(&self, context: &Context) -> Result<(), Duration> {
        let own = self.key.as_ref().and_then(|key| key(context)).map(BucketKey::Own);
        self.buckets.take(own.unwrap_or_else(|| BucketKey::of(context)))
    }

    pub(in crate::middleware) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.buckets, &other.buckets)
    }
}
