//! [`CountedStream`]: the bytes that are written to a connection of messages count in its load, as those of HTTP do.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::too_slow;
use crate::lazy_timer::LazyTimer;
use crate::load::ConnectionLoad;

/// A byte stream that fails once its peer has not read its large answers in time. The driver of the session enforces
/// the timeout of progress.
#[derive(Debug)]
pub(in crate::serve) struct CountedStream<S> {
    stream: S,
    load: Arc<ConnectionLoad>,
    write_clock: LazyTimer,
}

impl<S> CountedStream<S> {
    pub(in crate::serve) fn new(stream: S, load: &Arc<ConnectionLoad>) -> Self {
        Self { stream, load: Arc::clone(load), write_clock: LazyTimer::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CountedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CountedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, load, write_clock } = &mut *self;
        match Pin::new(stream).poll_write(cx, buf) {
            Poll::Ready(Ok(written)) => {
                load.note_written(written);
                write_clock.stop();
                Poll::Ready(Ok(written))
            }
            Poll::Pending if load.read_by().is_some_and(|read_by| write_clock.has_struck(cx, read_by)) => {
                Poll::Ready(Err(too_slow("answer is not being read")))
            }
            poll => poll,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
