//! Idempotency keys: what lets a client repeat a call whose fate it does not know, without running it twice.

mod memory;
mod store;

pub use memory::MemoryStore;
pub use rpc_core::headers::StoreInfo;
pub use store::{Begin, End, Fingerprint, Kept, Key, Lease, Store, StoreError};
