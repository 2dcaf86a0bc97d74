//! [`OutputBuffer`]: the messages that wait to be written to a connection, many in one write.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use crate::load::{ByteRoom, ConnectionLoad, UnreadRoom};

/// The number of waiting bytes from which there is no room for another message.
const ENOUGH: usize = 16 << 10;

/// How much memory the buffer keeps while nothing waits, in bytes.
const KEPT: usize = 1 << 10;

/// The messages that wait to be written.
pub(super) struct OutputBuffer {
    pub(super) bytes: Vec<u8>,
    written: usize,
    load: Arc<ConnectionLoad>,
    /// The room of the waiting bytes, and how many they were. Set once the peer has not taken them at once.
    unread: Option<(UnreadRoom, usize)>,
    needs_flush: bool,
    /// How long the peer may take nothing.
    progress_timeout: Duration,
    /// When the peer must have taken bytes, while it takes none.
    write_by: Option<Instant>,
}

impl OutputBuffer {
    pub(super) fn new(load: &Arc<ConnectionLoad>, progress_timeout: Duration) -> Self {
        Self {
            bytes: Vec::new(),
            written: 0,
            load: Arc::clone(load),
            unread: None,
            needs_flush: false,
            progress_timeout,
            write_by: None,
        }
    }

    /// Returns whether there is room for another message.
    pub(super) fn has_room(&self) -> bool {
        self.bytes.len() - self.written < ENOUGH
    }

    /// Returns when the peer must have taken bytes, if it takes none at the moment.
    pub(super) fn write_by(&self) -> Option<Instant> {
        self.write_by
    }

    /// Writes all bytes that wait.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            match Pin::new(&mut *stream).poll_write(cx, &self.bytes[self.written..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    self.written += written;
                    self.needs_flush = true;
                    self.write_by = None;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.wait();
                    return Poll::Pending;
                }
            }
        }
        self.bytes.clear();
        self.written = 0;
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
        self.unread = None;
        if self.needs_flush {
            let Poll::Ready(flushed) = Pin::new(stream).poll_flush(cx) else {
                self.begin_waiting();
                return Poll::Pending;
            };
            flushed?;
            self.needs_flush = false;
            self.write_by = None;
        }
        Poll::Ready(Ok(()))
    }

    /// Notes that the peer takes nothing at the moment.
    #[cold]
    fn wait(&mut self) {
        self.bytes.drain(..self.written);
        self.written = 0;
        let waiting = self.bytes.len();
        if self.unread.as_ref().is_none_or(|(_, counted)| *counted < waiting) {
            self.unread = None;
            let mut room = ByteRoom::new(&self.load);
            room.fit_up_to(waiting);
            self.unread = Some((room.unread(), waiting));
        }
        self.begin_waiting();
    }

    fn begin_waiting(&mut self) {
        if self.write_by.is_none() {
            self.write_by = Instant::now().checked_add(self.progress_timeout);
        }
    }
}
