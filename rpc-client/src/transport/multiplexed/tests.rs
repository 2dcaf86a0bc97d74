//! The transport on pipes in memory, with a peer that each test plays itself.

mod fake;
mod peers;
mod requests;
mod serving;
mod streams;
mod subscriptions;
