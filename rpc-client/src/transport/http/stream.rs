//! A type-erased byte stream below HTTP.

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Why a connection could not be made.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A stream of bytes: TCP, or TLS over another one.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A stream in the form that hyper needs.
pub(super) type Stream = TokioIo<Box<dyn Io>>;
