//! The JSON-RPC 2.0 client of the `rpc` crate.
//!
//! A [`Call`] is a value: it is built, configured, then awaited, sent as a notification or put into a batch. A
//! [`Client`] sends it over a [`Transport`]: HTTP, WebSocket, or a server in the same process.
//!
//! Most users want the facade crate `rpc`.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::print_stdout)]

mod balance;
mod batch;
mod breaker;
mod builder;
mod call;
mod call_id;
mod call_numbers;
mod client;
mod coalesce;
mod credentials;
mod delivery;
mod discover;
mod endpoint;
mod endpoints;
mod engine;
mod error;
mod exchange;
mod failure;
mod headers;
mod health_check;
mod hedge;
mod joined_call;
mod layered;
mod meta;
mod meter;
pub mod middleware;
mod notification;
mod parts;
mod relay;
mod reliability;
mod replies;
mod response_slot;
mod runtime;
mod send;
mod service;
mod settings;
mod stable_hash;
mod stream_call;
mod stream_error;
mod streaming;
#[cfg(any(feature = "ipc", feature = "websocket"))]
mod subscribe;
mod subset;
#[cfg_attr(not(feature = "telemetry"), path = "telemetry/off.rs")]
mod telemetry;
mod throttle;
mod ticket;
pub mod transport;

pub use balance::{Balance, Balancer};
pub use batch::{Batch, BatchCall, BatchFuture};
pub use breaker::{CircuitBreaker, CircuitState};
pub use builder::{ClientBuilder, Connect};
pub use call::{Call, CallFuture, MetaCall, MetaFuture};
pub use client::Client;
pub use coalesce::Coalesce;
pub use credentials::{Credential, Credentials};
#[cfg(feature = "dns")]
pub use discover::DnsDiscovery;
pub use discover::{Discover, DiscoveryStatus};
pub use endpoint::Endpoint;
pub use endpoints::{Candidates, EndpointState, EndpointWatch};
pub use error::Error;
pub use failure::Failure;
pub use health_check::HealthCheck;
pub use hedge::Hedge;
pub use meta::WithMeta;
pub use notification::{Notification, NotificationFuture};
pub use reliability::attempt::{Attempt, AttemptError, AttemptEvent};
pub use reliability::budget::RetryBudget;
pub use reliability::retry::Retry;
pub use rpc_core::{ErrorKind, Outcome};
pub use service::RawCall;
pub use settings::ClientSettings;
pub use stream_call::{StreamCall, StreamCallFuture};
pub use stream_error::StreamError;
pub use streaming::Streaming;
pub use subset::Subset;
pub use throttle::Throttle;
pub use ticket::Ticket;
pub use transport::Transport;

/// Keeps what only clients of peers need.
#[cfg(any(feature = "ipc", feature = "websocket"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_peers {
    ($($of_peers:tt)*) => { $($of_peers)* };
}

/// Drops what only clients of peers need. Without the features there are no peers.
#[cfg(not(any(feature = "ipc", feature = "websocket")))]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_peers {
    ($($of_peers:tt)*) => {};
}

#[doc(hidden)]
pub mod __private {
    //! What the expansions of the macros call. Not a public interface.
    pub use crate::__rpc_peers as peers;
    pub use crate::client::{call, stream};
    pub use crate::relay::DeclaredError;
}
