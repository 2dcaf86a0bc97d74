//! What carries a request to a server and its answer back.

mod http;
mod in_process;
mod reply;
#[cfg(feature = "reqwest")]
mod reqwest;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use ::http::HeaderMap;
use bytes::Bytes;
use rpc_core::BoxFuture;

pub(crate) use http::HttpSettings;
pub use http::HttpTransport;
#[cfg(feature = "tls")]
pub(crate) use http::TlsSettings;
pub(crate) use in_process::InProcess;
pub use reply::{Reply, ReplyBody};
#[cfg(feature = "reqwest")]
pub use reqwest::ReqwestTransport;

use crate::Failure;

/// Carries requests to a server.
///
/// The client bounds every wait and the size of every answer itself; a transport only carries.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends a request and returns the beginning of its answer.
    ///
    /// A failure should say with [`Failure::connect`] that nothing was sent, and only then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the request up; it may have been sent.
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>>;
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        (**self).send(request)
    }
}

/// A request on its way to a server: one message, or a batch of them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// The JSON text.
    pub body: Bytes,
    /// The headers, content type included.
    pub headers: Arc<HeaderMap>,
    /// When the client will stop waiting.
    pub deadline: Instant,
}
