//! [`SharedParts`]: what calls must have in common to share a request.

use http::HeaderMap;
use rpc_core::headers::Keys;

/// What calls must have in common to share a request.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SharedParts {
    /// The headers of the calls.
    pub(crate) headers: Option<Box<HeaderMap>>,
    /// The store, time and scope of their ticket, if they have one.
    pub(crate) pin: Option<Box<Keys>>,
    /// The hash of their hash key. Always `None` for a client with one endpoint, so that no key divides a batch.
    pub(crate) hash_key: Option<u64>,
}
