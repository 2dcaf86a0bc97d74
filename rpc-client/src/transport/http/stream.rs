//! A type-erased byte stream below HTTP.

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Why a connection could not be made.
pub(super) type BoxConnectError = Box<dyn std::error::Error + Send + Sync>;

/// A stream of bytes: TCP, or TLS over another one.
pub(in crate::transport) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A stream in the form that hyper needs.
pub(super) type HyperStream = TokioIo<Box<dyn ByteStream>>;
