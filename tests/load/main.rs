//! Tests that keep a machine busy by themselves. They are a binary of their own, so that none of the others runs beside
//! them.
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

mod many_streams;
