//! Streams over connections that break, and from servers that end. Items come once and in order, and each loss is told.

mod cuts;
pub(crate) mod cutting_proxy;
mod drains;
mod numbers;
#[cfg(unix)]
mod restarts;
#[cfg(target_os = "linux")]
mod unread;
