//! Services and errors in a crate that knows the facade by names other than `rpc`.
//!
//! What `#[rpc::service]` generates depends on the facade's features. So this crate must compile with each set of them,
//! without warnings:
//!
//! ```text
//! cargo check -p rpc-hygiene --no-default-features
//! cargo check -p rpc-hygiene --no-default-features --features client
//! cargo check -p rpc-hygiene --no-default-features --features server
//! ```
#![deny(warnings, missing_docs)]

mod private;
pub mod reexported;
pub mod renamed;
#[cfg(all(test, feature = "client", feature = "server"))]
mod tests;
