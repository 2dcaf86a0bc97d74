//! Faults between a client, a server and its store: faults of the network, and processes and databases that end.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

mod reliability;
#[cfg(unix)]
mod stores;
mod streams;
mod websocket;
