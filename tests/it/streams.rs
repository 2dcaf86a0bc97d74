//! Streams: what servers send, and what clients make of it.

mod client;
pub(crate) mod cutting_proxy;
mod dispatch;
mod foreign;
mod layers;
mod limits;
mod outages;
mod resume;
mod server;
mod services;
mod stops;
mod told;
mod typed;
