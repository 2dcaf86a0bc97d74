//! Faults of every kind between a client and a server, over real sockets and with killed processes: what callers are told is
//! what happened, nothing is lost and nothing runs twice. Each failure names its seed and what was done to the call.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

#[path = "../support/raw_http.rs"]
mod raw_http;

mod certificate;
#[cfg(unix)]
mod child;
mod fleet;
#[path = "../support/frames.rs"]
mod frames;
mod http2;
mod outcomes;
mod plan;
mod planted;
#[cfg(unix)]
#[path = "../support/postgres.rs"]
mod postgres_server;
mod promises;
mod proxy;
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
