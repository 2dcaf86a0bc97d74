//! The HTTP headers of this framework: their names, and the functions that write and read their values.
//!
//! `docs/wire.md` in the repository describes them. Items that only the server and the client need are hidden.

mod keys;
mod names;
mod refused;
mod timeout;

pub use names::{
    IDEMPOTENCY_KEY, RPC_ATTEMPT, RPC_FAULT, RPC_HEARTBEAT_MS, RPC_IDEMPOTENCY, RPC_REFUSED, RPC_RETRY, RPC_STATUS,
    RPC_TIMEOUT_MS,
};
pub use refused::is_refused;
pub use timeout::timeout;

#[doc(hidden)]
pub use keys::{ASKS_SCOPE, KeyScope, Keys, NO_KEYS, StoreAnnouncement, StoreInfo, uuid_of};
#[doc(hidden)]
pub use refused::{Faults, Refused};
#[doc(hidden)]
pub use timeout::timeout_of;
