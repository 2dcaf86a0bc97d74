//! A TCP stream that checks the socket itself before a request is written. It detects a connection that the server has
//! just closed, so that hyper returns the request unsent.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connection_reuse::ConnectionReuse;

/// A TCP connection that detects arrived data at once.
///
/// tokio reads a socket only after its driver has seen an event for it. Between two polls of the driver, the end of a
/// connection can arrive unseen, and a request written then is lost. hyper reads an idle connection before it takes a
/// request for it. So a read that finds nothing, after the transport has begun a request, also asks the socket itself.
/// An end that has arrived retires the connection, and hyper returns the request untouched.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    reuse: ConnectionReuse,
    /// The number of requests that the transport had begun at the last check.
    requests: u64,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, reuse: ConnectionReuse) -> Self {
        Self { stream, reuse, requests: 0 }
    }

    /// Returns whether the transport has begun a request since the last check. The request may be for this connection.
    #[inline]
    fn may_be_handed_a_request(&mut self) -> bool {
        let requests = self.reuse.requests();
        std::mem::replace(&mut self.requests, requests) != requests
    }

    /// Reads the socket without tokio's driver. `WouldBlock` means that nothing has arrived.
    fn read_now(&self, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        let socket = SockRef::from(&self.stream);
        // Nearly always nothing has arrived, and `peek` finds that out without a buffer. A read would first have to
        // clear the buffer.
        if socket.peek(&mut [MaybeUninit::uninit()])? == 0 {
            return Ok(());
        }
        let read = io::Read::read(&mut &*socket, buf.initialize_unfilled())?;
        buf.advance(read);
        Ok(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            // The waker is registered by now, so later data is not missed.
            Poll::Pending if buf.remaining() > 0 && this.may_be_handed_a_request() => match this.read_now(buf) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                    Poll::Pending
                }
                read => Poll::Ready(read),
            },
            poll => poll,
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }
}
