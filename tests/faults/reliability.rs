//! Faults of every kind between a client and a server, over real sockets and with killed processes. What callers are
//! told is what happened, no call is lost and none runs twice. Each failure names its seed and the faults that the call
//! met.

mod certificate;
#[cfg(unix)]
mod child;
#[cfg(unix)]
mod coalescing;
#[cfg(unix)]
mod endpoint_kills;
mod endpoints;
mod endpoints_table;
mod fleet;
mod http2;
mod outcomes;
pub(crate) mod plan;
mod planted;
mod promises;
pub(crate) mod proxy;
mod proxy_faults;
mod replicas;
#[cfg(unix)]
mod restarts;
mod server;
mod silence;
mod stale;
mod store;
mod storm;
#[cfg(unix)]
mod tickets;
