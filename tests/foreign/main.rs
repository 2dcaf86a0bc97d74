//! Our server and clients of other makers, and our client and servers of other makers: real programs, as processes of
//! their own, over real sockets. `tests/foreign/install` installs them.
#![forbid(unsafe_code)]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

mod clients;
mod curl;
mod servers;
mod shelf;
mod tools;
