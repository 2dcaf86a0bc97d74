//! [`CallNumbers`]: the ids of calls without keys. Clients whose calls share a connection share them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::call_id::CallId;

/// Numbers calls. Clones continue the same numbers.
#[derive(Clone, Debug)]
pub struct CallNumbers(Arc<AtomicU64>);

impl CallNumbers {
    /// Begins with this number.
    pub(crate) fn starting_at(first: u64) -> Self {
        Self(Arc::new(AtomicU64::new(first)))
    }

    /// Returns an id that no other call with these numbers has.
    pub(crate) fn next(&self) -> CallId {
        CallId::Number(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

impl Default for CallNumbers {
    fn default() -> Self {
        Self::starting_at(1)
    }
}
