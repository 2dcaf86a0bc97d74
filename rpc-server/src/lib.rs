//! The JSON-RPC 2.0 server of the `rpc` crate.
//!
//! [`Server`] implements [`Dispatch`](rpc_core::Dispatch), which turns the bytes of a request into an answer and
//! performs no I/O of its own. HTTP is served around it: standalone ([`Server::serve`], [`Server::bind`]), or as a part
//! of an axum application ([`Server::into_router`]).
//!
//! Most users want the facade crate `rpc`.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::print_stdout)]

pub mod auth;
mod builder;
mod call;
mod closure;
mod dispatch;
mod drive;
mod failures;
mod fault;
#[cfg(feature = "ipc")]
mod framed;
mod handler;
pub mod health;
mod http;
pub mod idempotency;
mod in_flight;
mod lazy_timer;
mod limits;
mod load;
mod meter;
pub mod middleware;
#[cfg(feature = "openrpc")]
mod openrpc;
mod page;
#[cfg(feature = "prometheus")]
mod prometheus;
mod quota;
mod registered_waker;
mod serve;
mod server;
mod service;
mod session;
mod stream;
mod table;
#[cfg_attr(not(feature = "telemetry"), path = "telemetry/off.rs")]
mod telemetry;
mod throttle;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "server-tls")))]
pub mod tls;
#[cfg(feature = "websocket")]
mod websocket;

pub use builder::{DispatchServerBuilder, ServerBuilder};
pub use closure::MethodFn;
#[cfg(feature = "ipc")]
pub use framed::MessageSettings;
pub use limits::Limits;
pub use serve::{BoundServer, Lifecycle, Listener, ServerHandle, ServerPhase};
#[cfg(feature = "ipc")]
pub use serve::{PeerCredentials, ServerConnection, stdio};
pub use server::Server;
pub use service::Service;
#[cfg(feature = "websocket")]
pub use websocket::WebSocketSettings;

#[cfg(feature = "prometheus")]
pub use prometheus::{Prometheus, PrometheusError};

/// Exports the types of the metrics page. The facade calls this macro instead of using a feature of its own, since the
/// tests enable only the features of the other crates.
#[cfg(feature = "prometheus")]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_export_prometheus {
    () => {
        pub use $crate::{Prometheus, PrometheusError};
    };
}

/// Exports nothing.
#[cfg(not(feature = "prometheus"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_export_prometheus {
    () => {};
}

#[doc(hidden)]
pub mod __private {
    //! What the macros' expansions call. Not a public interface.
    pub use crate::handler::{FromCall, asynchronous, blocking, streaming, synchronous};
    pub use crate::stream::{CursorItems, FallibleItems, ItemForm, PlainItems, StreamPort};
    pub use crate::table::{Methods, Row};
}
