//! The head of a response, for calls that ask for it: [`WithMeta`] for users, and the slot through which a delivery
//! returns it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, StatusCode};

/// A call's result with the head of its response. Made by [`Call::with_meta`](crate::Call::with_meta).
#[derive(Clone)]
#[non_exhaustive]
pub struct WithMeta<T> {
    /// The result.
    pub value: T,
    meta: Arc<ResponseMeta>,
}

impl<T> WithMeta<T> {
    pub(crate) fn new(value: T, meta: Arc<ResponseMeta>) -> Self {
        Self { value, meta }
    }

    /// Returns the headers of the HTTP response, or of the answer in process. Each call of a batch has the headers of
    /// the response with its own result. They are empty if a layer of the client answered the call without passing it
    /// on.
    pub fn headers(&self) -> &HeaderMap {
        &self.meta.headers
    }

    /// Returns the HTTP status. It is `None` in process, and if a layer has answered.
    pub fn status(&self) -> Option<StatusCode> {
        self.meta.status
    }

    /// Converts the result and keeps the head.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> WithMeta<U> {
        WithMeta { value: convert(self.value), meta: self.meta }
    }
}

/// Shows no headers, since they may hold secrets.
impl<T: fmt::Debug> fmt::Debug for WithMeta<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithMeta")
            .field("value", &self.value)
            .field("status", &self.meta.status)
            .finish_non_exhaustive()
    }
}

/// The head of a response.
#[derive(Clone, Default)]
pub(crate) struct ResponseMeta {
    pub(crate) status: Option<StatusCode>,
    pub(crate) headers: HeaderMap,
}

/// Where a delivery stores the head of the response for its call.
#[derive(Clone, Default)]
#[allow(unnameable_types, unreachable_pub, reason = "the shape of a batch names it")]
pub struct MetaSlot(Arc<Mutex<Option<Arc<ResponseMeta>>>>);

impl MetaSlot {
    pub(crate) fn set(&self, meta: &Arc<ResponseMeta>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(meta));
    }

    /// Takes the head. It is empty if no response arrived.
    pub(crate) fn take(&self) -> Arc<ResponseMeta> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

impl fmt::Debug for MetaSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetaSlot")
    }
}
