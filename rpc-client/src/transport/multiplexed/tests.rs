//! The transport on pipes in memory, with a peer that each test plays itself.

mod fake;
mod peers;
mod requests;
mod streams;
mod subscriptions;
