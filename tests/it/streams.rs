//! Streams: what servers send, and what clients make of it.

mod server;
mod typed;
