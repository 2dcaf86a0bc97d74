//! Tests that concern a whole process: the memory, time and files of a server under attack or long use, and the one
//! recorder of metrics of a process. Other tests that record metrics belong in `it`.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

#[cfg(target_os = "linux")]
mod attacks;
mod prometheus;
#[cfg(target_os = "linux")]
mod soak;
