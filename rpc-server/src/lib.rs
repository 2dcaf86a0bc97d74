//! The JSON-RPC 2.0 server of the `rpc` crate.
//!
//! Bytes become an answer in [`Server`]'s implementation of [`Dispatch`](rpc_core::Dispatch), which performs no I/O.
//! Around it stands a face for HTTP: standalone ([`Server::serve`], [`Server::bind`]) or as a part of an axum
//! application ([`Server::into_router`]).
//!
//! Most users want the facade crate `rpc`.
#![forbid(unsafe_code)]
#![warn(clippy::print_stdout)]

pub mod auth;
mod builder;
mod closure;
mod dispatch;
mod fault;
mod handler;
pub mod health;
mod http;
pub mod idempotency;
mod limits;
pub mod middleware;
#[cfg(feature = "openrpc")]
mod openrpc;
mod quota;
mod serve;
mod server;
mod table;
#[cfg(feature = "tls")]
pub mod tls;

pub use builder::{ServerBuilder, Service};
pub use closure::MethodFn;
pub use limits::Limits;
pub use serve::{BoundServer, ServerHandle};
pub use server::Server;

#[doc(hidden)]
pub mod __private {
    //! What the macros' expansions call. Not a public interface.
    pub use crate::handler::{FromCall, asynchronous, blocking, synchronous};
    pub use crate::table::{Methods, Row};
}
