//! [`FramedPipe`]: a stream of bytes as a pipe of messages.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rpc_core::Framing;
use rpc_core::codec::{Envelope, Frame, FrameDecoder, begin_frame, end_frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::source::ByteStreams;
use crate::transport::multiplexed::{MessagePipe, PipeEnd};

/// How many bytes are read at a time.
const READ_BYTES: usize = 16 << 10;

/// While more bytes than these wait to be written, there is no room for another message.
const WRITE_BYTES: usize = 16 << 10;

/// The streams of a connection.
pub(super) struct FramedPipe {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    /// `None` once the client has closed the connection.
    writer: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    framing: Framing,
    decoder: FrameDecoder,
    max_message_bytes: usize,
    /// What was read, and which part of it is not decoded.
    read: Box<[u8]>,
    undecoded: std::ops::Range<usize>,
    has_ended: bool,
    /// What waits to be written, and how much of it was.
    output: Vec<u8>,
    written: usize,
}

impl FramedPipe {
    pub(super) fn new(streams: ByteStreams, framing: Framing, max_message_bytes: usize) -> Self {
        Self {
            reader: streams.reader,
            writer: Some(streams.writer),
            framing,
            decoder: FrameDecoder::new(framing, max_message_bytes),
            max_message_bytes,
            read: vec![0; READ_BYTES].into(),
            undecoded: 0..0,
            has_ended: false,
            output: Vec::new(),
            written: 0,
        }
    }

    /// Reads more bytes. Returns whether there were any.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, PipeEnd>> {
        let mut buffer = ReadBuf::new(&mut self.read);
        ready!(Pin::new(&mut self.reader).poll_read(cx, &mut buffer)).map_err(PipeEnd::failed)?;
        self.undecoded = 0..buffer.filled().len();
        Poll::Ready(Ok(!self.undecoded.is_empty()))
    }

    /// Returns the next whole message of the bytes that were read.
    fn decode(&mut self) -> Result<Option<Bytes>, PipeEnd> {
        let mut bytes = &self.read[self.undecoded.clone()];
        let frame = self.decoder.decode(&mut bytes);
        self.undecoded.start = self.undecoded.end - bytes.len();
        match frame {
            Ok(Some(Frame::Message(message))) => Ok(Some(message)),
            Ok(Some(Frame::TooLarge)) => Err(PipeEnd::TooLarge(self.max_message_bytes)),
            Ok(None) => Ok(None),
            Err(error) => Err(PipeEnd::failed(format!("the server's messages cannot be told apart: {}", error.text()))),
        }
    }

    /// Returns what the end of the stream leaves: a last line without its end, or how the connection has ended.
    fn finish(&mut self) -> Result<Bytes, PipeEnd> {
        let is_within_message = self.decoder.buffered() > 0;
        match self.decoder.finish() {
            Some(line) if is_whole(&line) => Ok(line),
            _ if is_within_message => Err(PipeEnd::failed("server closed the connection within a message")),
            _ => Err(PipeEnd::Closed(None)),
        }
    }

    /// Writes what waits, until at most this many bytes are left.
    fn poll_write(&mut self, cx: &mut Context<'_>, left: usize) -> Poll<Result<(), PipeEnd>> {
        let Some(writer) = &mut self.writer else { return Poll::Ready(Err(PipeEnd::Closed(None))) };
        while self.output.len() - self.written > left {
            let written = ready!(Pin::new(&mut *writer).poll_write(cx, &self.output[self.written..]));
            match written.map_err(PipeEnd::failed)? {
                0 => return Poll::Ready(Err(PipeEnd::failed("the connection takes no more bytes"))),
                written => self.written += written,
            }
        }
        if self.written == self.output.len() {
            self.written = 0;
            self.output.clear();
            // An idle connection keeps no memory of a large message.
            self.output.shrink_to(WRITE_BYTES);
        } else if self.written >= WRITE_BYTES.max(self.output.len() / 2) {
            self.output.drain(..self.written);
            self.written = 0;
        }
        Poll::Ready(Ok(()))
    }
}

/// Returns whether a line is whole JSON, though its end is missing.
fn is_whole(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok_and(|line| Envelope::each(line, |_| ()).is_ok())
}

impl MessagePipe for FramedPipe {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PipeEnd>> {
        self.poll_write(cx, WRITE_BYTES)
    }

    fn send(&mut self, message: Bytes) -> Result<(), PipeEnd> {
        let start = begin_frame(self.framing, &mut self.output);
        self.output.extend_from_slice(&message);
        end_frame(self.framing, &mut self.output, start);
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PipeEnd>> {
        ready!(self.poll_write(cx, 0))?;
        let Some(writer) = &mut self.writer else { return Poll::Ready(Ok(())) };
        Pin::new(writer).poll_flush(cx).map_err(PipeEnd::failed)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, PipeEnd>> {
        loop {
            if let Some(message) = self.decode()? {
                return Poll::Ready(Ok(message));
            }
            if self.has_ended {
                return Poll::Ready(Err(PipeEnd::Closed(None)));
            }
            if !ready!(self.poll_read(cx))? {
                self.has_ended = true;
                return Poll::Ready(self.finish());
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.writer.is_some() && ready!(self.poll_flush(cx)).is_err() {
            return Poll::Ready(());
        }
        if let Some(writer) = &mut self.writer {
            // Its error is that of a connection that has ended.
            let _ = ready!(Pin::new(writer).poll_shutdown(cx));
            // A pipe ends only when it is dropped.
            self.writer = None;
        }
        // The server ends the connection once it has answered.
        while let Ok(true) = ready!(self.poll_read(cx)) {}
        Poll::Ready(())
    }
}
