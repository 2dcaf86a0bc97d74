//! Idempotency keys: what lets a client repeat a call whose fate it does not know, without running it twice.

mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod store;
#[cfg(any(test, feature = "test-util"))]
pub mod suite;

pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresBuilder, PostgresStore};
pub use rpc_core::headers::StoreInfo;
pub use store::{Begin, End, Fingerprint, Kept, Key, Lease, Store, StoreError};
