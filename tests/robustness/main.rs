//! Bad input and bad peers, over bare sockets: each gets an answer, a JSON-RPC error or an HTTP 4xx, and the server goes
//! on at bounded memory. Every wait has a bound, so a hang fails the test.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

#[path = "../support/frames.rs"]
mod frames;
#[path = "../support/raw_http.rs"]
mod raw_http;

mod answers;
mod attack;
mod broken;
mod buffers;
mod depth;
mod heads;
mod http2;
mod load;
mod lying_server;
mod memory;
mod peers;
mod server;
mod size;
mod text;
mod time;
