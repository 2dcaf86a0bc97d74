//! The HTTP headers of this framework, as docs/wire.md has them.

mod keys;
mod names;
mod refused;
mod timeout;

pub use keys::{ASKS_SCOPE, Announcement, KeyScope, Keys, NO_KEYS, StoreInfo, uuid_of};
pub use names::{
    IDEMPOTENCY_KEY, RPC_ATTEMPT, RPC_FAULT, RPC_IDEMPOTENCY, RPC_REFUSED, RPC_RETRY, RPC_STATUS, RPC_TIMEOUT_MS,
};
pub use refused::{Faults, Refused};
pub use timeout::{timeout, timeout_of};
