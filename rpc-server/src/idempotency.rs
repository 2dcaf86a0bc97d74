//! Idempotency keys: what lets a client repeat a call whose fate it does not know, without running it twice.

mod ietf;
mod keyed;
mod keys;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod settings;
mod store;
#[cfg(any(test, feature = "test-util"))]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod suite;

pub(crate) use keyed::{Keyed, Room};
pub(crate) use keys::{Broken, KeyHeaders, RequestKeys, asks_scope, scope_tag};
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresBuilder, PostgresStore};
pub use rpc_core::headers::StoreInfo;
pub(crate) use settings::{Choice, Idempotency, Settings};
pub use store::{Begin, BeginRequest, End, Fingerprint, Kept, Key, Lease, Store, StoreError};
