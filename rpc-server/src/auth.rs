//! Authentication of callers, and the roles that methods require.
//!
//! [`ServerBuilder::authenticate`](crate::ServerBuilder::authenticate) sets how the server finds the [`Principal`] of a
//! request: [`Bearer`] for a list of tokens, or an async closure for anything else. The server calls it once per
//! request, over HTTP and in process, before idempotency keys, middleware and handlers see the calls. Handlers read the
//! principal with [`Context::principal`](rpc_core::Context::principal).
//!
//! A trait declares what its methods require. `#[rpc(requires)]` requires any principal, and
//! `#[rpc(requires = "admin")]` a principal with that role. Both also work on the whole service. The requirement is an
//! attribute and not a layer, so it is part of the method's description. The server checks it before it sends a kept
//! answer. A service keeps its requirements on each server that serves it.
//!
//! The server rejects a request with wrong credentials as a whole, with HTTP 401. It accepts a request without
//! credentials, without a principal: any caller may call methods that require none. The server answers calls to all
//! other methods with -32098.

mod authenticate;
mod bearer;
mod settings;

pub use authenticate::Authenticate;
pub use bearer::Bearer;
pub use rpc_core::{Denied, Principal};
pub(crate) use settings::{AccessControl, Unauthenticated, check, has_all};
