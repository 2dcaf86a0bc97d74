//! The interface between `http` and whatever accepts connections. [`Connection`] tells `http` about the connection of
//! a request. Through [`Arrival`], `http` reports when it waits for the rest of a request, and when it stops waiting.
//! `serve` implements `Arrival`; the axum router uses `()`. This file knows neither hyper nor axum.

use std::net::SocketAddr;

/// The connection of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Connection {
    pub(crate) peer_addr: Option<SocketAddr>,
    /// Whether the server is bound to a loopback address.
    pub(crate) loopback: bool,
}

/// Is told how the rest of a request arrives whose head was read.
pub(crate) trait Arrival {
    /// The body is waited for.
    fn waits(&self) {}

    /// Nothing more of the request is waited for.
    fn ends(&self) {}
}

/// For requests of whose connection nothing is known.
impl Arrival for () {}
