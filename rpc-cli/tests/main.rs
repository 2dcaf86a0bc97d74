//! The command `rpc` as users run it: in pipes and in a pseudo-terminal, against real servers.
#![allow(clippy::unwrap_used, missing_docs)]

mod basics;
mod batch;
mod bench;
mod binary;
mod call;
mod completions;
mod describe;
mod descriptions;
mod diff;
#[cfg(unix)]
mod foreign;
mod health;
mod list;
#[cfg(unix)]
mod pipes;
mod profiles;
#[cfg(unix)]
mod tour;
mod users;
#[cfg(unix)]
mod watch;
