//! Services and errors in a crate that knows the facade by other names than `rpc`.
//!
//! The halves of what `#[rpc::service]` generates come and go with the facade's features, so this crate must compile
//! with each set of them, and without a warning:
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
