//! Helpers of the tests: servers on free ports and their clients, peers with prepared answers, HTTP by hand, and
//! processes.
#![forbid(unsafe_code)]
// Helpers of tests need what is allowed in tests.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, missing_docs, missing_debug_implementations)]

pub mod child;
pub mod events;
pub mod foreign;
pub mod frames;
mod messages;
mod panics;
mod peer;
#[cfg(unix)]
pub mod postgres;
#[cfg(target_os = "linux")]
pub mod process;
pub mod raw_http;
mod servers;
pub mod websocket;
mod wrapped;

pub use messages::{PING, PONG, array, error, result};
pub use panics::panic_of;
pub use peer::{Answer, Peer, Received, http, receive};
pub use servers::{client_of, clients_of, over_http, refusing, serve, serve_app};
pub use wrapped::Wrapped;
