//! Our server with clients that others wrote, and our client with servers that others wrote: real programs in their own
//! processes, over real sockets. `tests/foreign/install` installs them.
#![forbid(unsafe_code)]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

mod chain;
mod clients;
mod curl;
mod script;
mod server_events;
mod servers;
mod session;
mod shelf;
mod subscribers;
