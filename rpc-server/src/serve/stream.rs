//! The byte stream of one accepted connection, for every listener. TCP is an enum variant; every other stream is boxed.
//! `serve` thus compiles hyper's HTTP code once. This file adds no timeouts and counts no bytes; `pace` does.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

#[cfg(feature = "ipc")]
use super::peer_credentials::PeerCredentials;

/// A connection of any listener.
pub(super) enum ConnectionStream {
    Tcp(TcpStream),
    Other(Box<dyn ErasedIo>),
}

/// A byte stream to a peer.
pub(super) trait ErasedIo: AsyncRead + AsyncWrite + Unpin + Send {
    /// Returns the credentials of the peer, if the stream is a Unix socket.
    #[cfg(feature = "ipc")]
    fn credentials(&self) -> Option<PeerCredentials>;
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> ErasedIo for S {
    #[cfg(all(unix, feature = "ipc"))]
    fn credentials(&self) -> Option<PeerCredentials> {
        (self as &dyn std::any::Any).downcast_ref().and_then(PeerCredentials::of)
    }

    #[cfg(all(not(unix), feature = "ipc"))]
    fn credentials(&self) -> Option<PeerCredentials> {
        None
    }
}

impl ConnectionStream {
    /// Disables Nagle's algorithm. Answers are written whole, so waiting to fill a packet only delays them.
    pub(super) fn set_nodelay(&self) {
        if let Self::Tcp(stream) = self {
            let _ = stream.set_nodelay(true);
        }
    }
}

#[cfg(feature = "ipc")]
impl ConnectionStream {
    /// Returns the credentials of the peer, if the stream is a Unix socket.
    pub(super) fn credentials(&self) -> Option<PeerCredentials> {
        match self {
            Self::Tcp(_) => None,
            Self::Other(stream) => (**stream).credentials(),
        }
    }
}

/// Evaluates the same expression with either stream.
macro_rules! with_stream {
    ($this:expr, $stream:ident => $does:expr) => {
        match $this {
            ConnectionStream::Tcp($stream) => $does,
            ConnectionStream::Other($stream) => $does,
        }
    };
}

impl AsyncRead for ConnectionStream {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        with_stream!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for ConnectionStream {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        with_stream!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, buf))
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        with_stream!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    #[inline]
    fn is_write_vectored(&self) -> bool {
        with_stream!(self, stream => stream.is_write_vectored())
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_stream!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_stream!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}
