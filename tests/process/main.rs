//! What concerns a whole process: the memory, the time and the files of a server that is attacked or used for long, and
//! the one recorder of metrics that a process has. Tests that record metrics otherwise belong into `it`.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

#[cfg(target_os = "linux")]
mod attacks;
mod prometheus;
#[cfg(target_os = "linux")]
mod soak;
