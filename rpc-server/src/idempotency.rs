//! Idempotency keys: a client can retry a call with an unknown outcome, and the call still runs only once.
//!
//! The server keeps keys and answers in a [`Store`]. Default: a [`MemoryStore`] in the process. Replicas of a server
//! share a store, which [`ServerBuilder::idempotency_store`](crate::ServerBuilder::idempotency_store) sets:
//! `PostgresStore` (feature `postgres`), or a [`Store`] of your own, which the module `suite` (feature `test-util`)
//! tests.

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

pub(crate) use keyed::{KeyedCall, RunPermit};
pub(crate) use keys::{KeyHeaders, RequestKeys, RequestKeysError, asks_scope, scope_tag};
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresBuilder, PostgresStore};
pub use rpc_core::headers::StoreInfo;
pub(crate) use settings::{Idempotency, IdempotencySettings, StoreChoice};
pub use store::{Begin, BeginRequest, End, Fingerprint, Kept, Key, Lease, Store, StoreError};
