//! A server process under what a port brings: signals, peers that are slow, too many connections, too much at once.
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

#[path = "../support/files.rs"]
mod files;
#[path = "../support/raw_http.rs"]
mod raw_http;

mod child;
mod descriptors;
mod memory;
mod shutdown;
mod slow_peers;
mod states;
