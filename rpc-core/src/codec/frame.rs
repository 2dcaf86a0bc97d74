//! Messages on a stream of bytes: [`FrameDecoder`] finds them, and [`begin_frame`] and [`end_frame`] write them.

use bytes::Bytes;

use crate::Framing;

/// The longest head of a message, in bytes. Those of known clients have at most two short lines.
const MAX_HEAD: usize = 1024;

/// The space that [`begin_frame`] leaves for the head of a message.
const HEAD_SPACE: usize = "Content-Length: \r\n\r\n".len() + 20;

/// Finds the messages in a stream of bytes. It keeps no memory between messages.
#[derive(Debug)]
pub struct FrameDecoder {
    framing: Framing,
    /// The maximum size of a message, in bytes.
    limit: usize,
    part: Part,
    buffer: Vec<u8>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A line, or a line of a head.
    Line,
    /// The rest of a line that is too long.
    SkippedLine,
    /// This many bytes of a message in all.
    Message(usize),
    /// This many bytes of a message that is too large.
    SkippedMessage(u64),
}

/// What a stream of bytes has.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole message. It may be no JSON, and no UTF-8.
    Message(Bytes),
    /// A message that is larger than the limit. Its bytes are skipped.
    TooLarge,
}

/// Why the messages of a stream can no longer be told apart: a fault of the head of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// It has no `Content-Length`.
    NoLength,
    /// Its `Content-Length` is no number, or it has several that differ.
    Length,
    /// A line is no header.
    Header,
    /// The charset of its `Content-Type` is not UTF-8.
    Charset,
    /// It is too long.
    TooLong,
}

impl FrameError {
    /// Returns the text of the error.
    pub fn text(self) -> &'static str {
        match self {
            Self::NoLength => "the head of a message must have a Content-Length",
            Self::Length => "the Content-Length of a message must be one decimal number",
            Self::Header => "a line in the head of a message is no header",
            Self::Charset => "the charset of a message must be UTF-8",
            Self::TooLong => "the head of a message is too long",
        }
    }
}

impl FrameDecoder {
    /// Makes a decoder for messages of up to `limit` bytes.
    pub fn new(framing: Framing, limit: usize) -> Self {
        Self { framing, limit, part: Part::Line, buffer: Vec::new() }
    }

    /// Returns how many bytes of an incomplete message the decoder holds.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Takes bytes up to the end of the next message, and returns it. Returns `None` once it has taken all bytes and
    /// needs more.
    ///
    /// # Errors
    ///
    /// Returns why the rest of the stream makes no sense.
    pub fn decode(&mut self, bytes: &mut &[u8]) -> Result<Option<Frame>, FrameError> {
        while !bytes.is_empty() {
            let frame = match (self.part, self.framing) {
                (Part::Line, Framing::Lines) => self.line(bytes),
                (Part::Line, Framing::ContentLength) => self.head(bytes)?,
                (Part::SkippedLine, _) => {
                    let end = line_end(bytes);
                    advance(bytes, end.unwrap_or(bytes.len()));
                    if end.is_some() {
                        self.part = Part::Line;
                    }
                    None
                }
                (Part::Message(len), _) => self.message(len, bytes),
                (Part::SkippedMessage(left), _) => {
                    let skipped = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    advance(bytes, skipped);
                    let left = left - skipped as u64;
                    self.part = if left == 0 { Part::Line } else { Part::SkippedMessage(left) };
                    None
                }
            };
            if frame.is_some() {
                return Ok(frame);
            }
        }
        Ok(None)
    }

    /// Returns the last line, if the stream has ended without the end of this line.
    pub fn finish(&mut self) -> Option<Bytes> {
        let is_line = self.framing == Framing::Lines && self.part == Part::Line;
        let rest = std::mem::take(&mut self.buffer);
        (is_line && !rest.trim_ascii().is_empty()).then(|| rest.into())
    }

    /// Takes a line, or what there is of it.
    fn line(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        let end = line_end(bytes);
        let taken = end.unwrap_or(bytes.len());
        // The end of the line is no part of the message.
        if self.buffer.len() + taken > self.limit.saturating_add("\r\n".len()) {
            self.buffer = Vec::new();
            // The bytes are skipped in the next turn.
            self.part = Part::SkippedLine;
            return Some(Frame::TooLarge);
        }
        let part = &bytes[..taken];
        let message = match end {
            None => {
                self.buffer.extend_from_slice(part);
                None
            }
            Some(_) if self.buffer.is_empty() => Some(Bytes::copy_from_slice(part.trim_ascii())),
            Some(_) => {
                self.buffer.extend_from_slice(part);
                let mut line = std::mem::take(&mut self.buffer);
                line.truncate(line.trim_ascii_end().len());
                Some(Bytes::from(line))
            }
        };
        advance(bytes, taken);
        let message = message.filter(|message| !message.trim_ascii().is_empty())?;
        Some(if message.len() > self.limit { Frame::TooLarge } else { Frame::Message(message) })
    }

    /// Takes the lines of a head, or what there is of them.
    fn head(&mut self, bytes: &mut &[u8]) -> Result<Option<Frame>, FrameError> {
        let end = line_end(bytes);
        let taken = end.unwrap_or(bytes.len());
        if self.buffer.len() + taken > MAX_HEAD {
            return Err(FrameError::TooLong);
        }
        self.buffer.extend_from_slice(&bytes[..taken]);
        advance(bytes, taken);
        let is_complete = self.buffer.ends_with(b"\n\n") || self.buffer.ends_with(b"\n\r\n");
        if end.is_none() || !(is_complete || self.buffer.trim_ascii().is_empty()) {
            return Ok(None);
        }
        let head = std::mem::take(&mut self.buffer);
        if head.trim_ascii().is_empty() {
            // Some clients put a line between messages.
            return Ok(None);
        }
        let len = content_length(&head)?;
        match usize::try_from(len).ok().filter(|len| *len <= self.limit) {
            Some(0) => Ok(Some(Frame::Message(Bytes::new()))),
            Some(len) => {
                self.part = Part::Message(len);
                Ok(None)
            }
            None => {
                self.part = Part::SkippedMessage(len);
                Ok(Some(Frame::TooLarge))
            }
        }
    }

    /// Takes a message of this length, or what there is of it.
    fn message(&mut self, len: usize, bytes: &mut &[u8]) -> Option<Frame> {
        let taken = (len - self.buffer.len()).min(bytes.len());
        let part = &bytes[..taken];
        let message = if taken == len { Some(Bytes::copy_from_slice(part)) } else { None };
        if message.is_none() {
            // Memory is reserved for what has arrived, and not for what a head announces.
            self.buffer.extend_from_slice(part);
        }
        advance(bytes, taken);
        let message =
            message.or_else(|| (self.buffer.len() == len).then(|| Bytes::from(std::mem::take(&mut self.buffer))))?;
        self.part = Part::Line;
        Some(Frame::Message(message))
    }
}

/// Returns how many bytes the first line has, with its end.
fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n').map(|end| end + 1)
}

fn advance(bytes: &mut &[u8], by: usize) {
    *bytes = &bytes[by..];
}

/// Reads the length from the head of a message.
fn content_length(head: &[u8]) -> Result<u64, FrameError> {
    let head = std::str::from_utf8(head).map_err(|_| FrameError::Header)?;
    let mut length = None;
    for line in head.lines().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(FrameError::Header)?;
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case("content-length") {
            let is_decimal = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let read: u64 = value.parse().ok().filter(|_| is_decimal).ok_or(FrameError::Length)?;
            if length.replace(read).is_some_and(|known| known != read) {
                return Err(FrameError::Length);
            }
        } else if name.eq_ignore_ascii_case("content-type") && !is_utf8(value) {
            return Err(FrameError::Charset);
        }
    }
    length.ok_or(FrameError::NoLength)
}

/// Returns whether the charset of a media type is UTF-8, which is the default. Old clients write `utf8`.
fn is_utf8(media_type: &str) -> bool {
    let params = media_type.split(';').skip(1).filter_map(|param| param.split_once('='));
    let mut charsets = params.filter(|(name, _)| name.trim_ascii().eq_ignore_ascii_case("charset"));
    charsets.all(|(_, charset)| {
        let charset = charset.trim_ascii().trim_matches('"');
        charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
    })
}

/// Begins a message, whose text the caller appends. Returns the place for [`end_frame`]. To remove the message,
/// truncate the output to this place.
pub fn begin_frame(framing: Framing, output: &mut Vec<u8>) -> usize {
    let start = output.len();
    if framing == Framing::ContentLength {
        output.resize(start + HEAD_SPACE, 0);
    }
    start
}

/// Ends the message that begins at `start`.
pub fn end_frame(framing: Framing, output: &mut Vec<u8>, start: usize) {
    match framing {
        Framing::Lines => {
            // Outside of strings they are whitespace, and inside of strings JSON does not allow them.
            for byte in &mut output[start..] {
                if matches!(byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
            output.push(b'\n');
        }
        Framing::ContentLength => {
            let text = start + HEAD_SPACE;
            let head = format!("Content-Length: {}\r\n\r\n", output.len() - text);
            output[start..start + head.len()].copy_from_slice(head.as_bytes());
            output.copy_within(text.., start + head.len());
            output.truncate(output.len() - (HEAD_SPACE - head.len()));
        }
    }
}

#[cfg(test)]
mod tests;
