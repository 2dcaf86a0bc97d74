//! The messages in the bytes of a stream: events, or frames of a WebSocket.

use crate::Result;

/// How messages are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events in the chunks of HTTP/1.1. No server that is measured splits an event between two chunks, so
    /// the lines with the sizes of the chunks lie between events.
    Events,
    /// Frames of a WebSocket from a server, without fragments.
    Frames,
}

/// The first byte of a whole text frame, and of a ping.
const TEXT: u8 = 0x81;
const PING: u8 = 0x89;

/// The size of a read, in bytes.
const READ: usize = 64 << 10;

/// The bytes that have arrived, as messages.
pub(super) struct Messages {
    framing: Framing,
    bytes: Vec<u8>,
    /// How many of the bytes were read as messages.
    read: usize,
    /// How many pings have no pong yet.
    pings: usize,
}

impl Messages {
    pub(super) fn new(framing: Framing, bytes: Vec<u8>) -> Self {
        Self { framing, bytes, read: 0, pings: 0 }
    }

    /// Returns the buffer for further bytes.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        self.bytes.drain(..self.read);
        self.read = 0;
        // A client that waits needs no buffer. Only one that reads much gets a large one.
        self.bytes.reserve(if self.bytes.capacity() < 512 { 512 } else { READ });
        &mut self.bytes
    }

    /// Returns the text of the next message, if all of it has arrived.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        match self.framing {
            Framing::Events => Ok(self.next_event()),
            Framing::Frames => self.next_frame(),
        }
    }

    fn next_event(&mut self) -> Option<&[u8]> {
        loop {
            let rest = &self.bytes[self.read..];
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let line = self.read..self.read + end;
            self.read = line.end + 1;
            if self.bytes[line.clone()].starts_with(b"data: ") {
                return Some(&self.bytes[line.start + 6..line.end]);
            }
        }
    }

    /// Returns how many pings have come since the last call.
    pub(super) fn take_pings(&mut self) -> usize {
        std::mem::take(&mut self.pings)
    }

    fn next_frame(&mut self) -> Result<Option<&[u8]>> {
        loop {
            let (kind, start, length) = match self.bytes[self.read..] {
                [PING, 0, ..] => {
                    self.read += 2;
                    self.pings += 1;
                    continue;
                }
                [kind, length @ 0..=125, ..] => (kind, 2, length as usize),
                [kind, 126, high, low, ..] => (kind, 4, u16::from_be_bytes([high, low]) as usize),
                [_, 127..=255, ..] => {
                    return Err("a frame of 64 KiB or more, or one with a mask, is not expected".into());
                }
                _ => return Ok(None),
            };
            if kind != TEXT {
                return Err(format!("a frame of the kind {kind:#x} is not expected").into());
            }
            let start = self.read + start;
            if self.bytes.len() < start + length {
                return Ok(None);
            }
            self.read = start + length;
            return Ok(Some(&self.bytes[start..self.read]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, Messages};

    /// Reads the messages of bytes that arrive one at a time.
    fn read(framing: Framing, bytes: &[u8]) -> Vec<String> {
        let mut messages = Messages::new(framing, Vec::new());
        let mut read = Vec::new();
        for byte in bytes {
            messages.buffer().push(*byte);
            while let Some(message) = messages.next().unwrap() {
                read.push(String::from_utf8(message.to_vec()).unwrap());
            }
        }
        read
    }

    #[test]
    fn events_are_the_lines_with_data() {
        let bytes = b"1d\r\nid: 7\ndata: {\"a\":1}\n\n:\n\n\r\nb\r\ndata: {}\n\n\r\n0\r\n\r\n";
        assert_eq!(read(Framing::Events, bytes), [r#"{"a":1}"#, "{}"]);
    }

    #[test]
    fn frames_have_a_short_or_a_long_length() {
        let long = "x".repeat(300);
        let bytes = [&[0x81, 2][..], b"{}", &[0x81, 126, 1, 44], long.as_bytes()].concat();
        assert_eq!(read(Framing::Frames, &bytes), ["{}", &long]);
    }

    #[test]
    fn pings_between_messages_are_counted() {
        let mut messages = Messages::new(Framing::Frames, [&[0x89, 0, 0x81, 2][..], b"{}", &[0x89, 0]].concat());
        assert_eq!(messages.next().unwrap(), Some(&b"{}"[..]));
        assert!(messages.next().unwrap().is_none());
        assert_eq!((messages.take_pings(), messages.take_pings()), (2, 0));
    }

    #[test]
    fn other_frames_are_refused() {
        for bytes in [&[0x88, 0][..], &[0x81, 127], &[0x81, 0x80]] {
            assert!(Messages::new(Framing::Frames, bytes.to_vec()).next().is_err());
        }
    }
}
