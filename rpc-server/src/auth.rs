//! Finds out who calls, and whether they may.
//!
//! [`ServerBuilder::authenticate`](crate::ServerBuilder::authenticate) takes what turns a request into a
//! [`Principal`]: [`Bearer`] for a list of tokens, or an async closure for anything else. It is asked once for each request,
//! over HTTP and in process alike, before idempotency keys, middleware and handlers see the calls. Handlers find the principal
//! in [`Context::principal`](rpc_core::Context::principal).
//!
//! What a method requires stands in its trait: `#[rpc(requires)]` for any principal, `#[rpc(requires = "admin")]` for one with
//! that role, or the same on the whole service. It is an attribute and not a layer, so that it travels in the method's
//! description, is checked before a kept answer is given out, and cannot be forgotten where the service is served a second
//! time.
//!
//! A request whose credentials are wrong is refused as a whole, with HTTP 401. One without credentials is let in, without a
//! principal, so that methods which require none can be called by anybody; the others answer -32098.

mod authenticate;
mod bearer;
mod settings;

pub use authenticate::Authenticate;
pub use bearer::Bearer;
pub use rpc_core::{Denied, Principal};
pub(crate) use settings::{Access, Unauthenticated, check, has_all};
