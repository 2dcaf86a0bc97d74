//! Authentication of callers, and the roles that methods require.
//!
//! [`ServerBuilder::authenticate`](crate::ServerBuilder::authenticate) takes what turns a request into a [`Principal`]:
//! [`Bearer`] for a list of tokens, or an async closure for anything else. The server calls it once for each request,
//! over HTTP and in process alike, before idempotency keys, middleware and handlers see the calls. Handlers find the
//! principal in [`Context::principal`](rpc_core::Context::principal).
//!
//! A trait declares what its methods require: `#[rpc(requires)]` for any principal, `#[rpc(requires = "admin")]` for
//! one with that role, or the same on the whole service. It is an attribute and not a layer, so it travels in the
//! method's description. The server checks it before it sends a kept answer. A service that is served a second time
//! keeps it.
//!
//! A request with wrong credentials is rejected as a whole, with HTTP 401. A request without credentials is accepted,
//! without a principal: anybody may call methods that require none. All other methods answer it with -32098.

mod authenticate;
mod bearer;
mod settings;

pub use authenticate::Authenticate;
pub use bearer::Bearer;
pub use rpc_core::{Denied, Principal};
pub(crate) use settings::{Access, Unauthenticated, check, has_all};
