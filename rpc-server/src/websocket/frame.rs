//! The frames of a WebSocket on the server's side: [`FrameReader`] joins the frames of a client to messages, and
//! [`begin_text`] and the other functions write those of the server. Neither keeps memory while nothing is in progress.
//! See [RFC 6455, section 5](https://www.rfc-editor.org/rfc/rfc6455#section-5).

use std::sync::Arc;

use bytes::Bytes;

use super::close::CloseReason;
use crate::load::{ByteRoom, ConnectionLoad, SMALL};
use crate::session::Received;

/// The longest payload of a control frame, in bytes.
const MAX_CONTROL: usize = 125;

/// The longest header of a client's frame, in bytes.
const MAX_HEADER: usize = 14;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// Joins the bytes of a client's frames to messages.
pub(super) struct FrameReader {
    header: [u8; MAX_HEADER],
    header_len: usize,
    frame: Option<OpenFrame>,
    message: OpenMessage,
    /// The payload of the control frame that arrives.
    control: Vec<u8>,
    /// The maximum size of a message, in bytes.
    limit: usize,
}

/// A frame whose payload arrives.
#[derive(Clone, Copy)]
struct OpenFrame {
    opcode: u8,
    is_final: bool,
    mask: [u8; 4],
    /// How many bytes of the payload are left.
    left: usize,
}

/// A message whose frames arrive.
struct OpenMessage {
    is_open: bool,
    bytes: Vec<u8>,
    room: ByteRoom,
}

impl FrameReader {
    /// `limit` is the maximum size of a message, in bytes. The bytes of large messages count in `load` as they arrive.
    pub(super) fn new(limit: usize, load: &Arc<ConnectionLoad>) -> Self {
        Self {
            header: [0; MAX_HEADER],
            header_len: 0,
            frame: None,
            message: OpenMessage { is_open: false, bytes: Vec::new(), room: ByteRoom::new(load) },
            control: Vec::new(),
            limit,
        }
    }

    /// Takes bytes up to the end of the next message, and returns the message. Returns `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// Returns why the connection must be closed.
    pub(super) fn read(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Received>, CloseReason> {
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => match self.read_header(bytes)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let frame = self.read_payload(frame, bytes)?;
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            self.frame = None;
            if let Some(received) = self.end_frame(frame)? {
                return Ok(Some(received));
            }
        }
    }

    /// Returns whether a part of a message has arrived, and its end has not.
    pub(super) fn is_within_message(&self) -> bool {
        self.message.is_open || self.frame.is_some_and(|frame| matches!(frame.opcode, TEXT | CONTINUATION))
    }

    /// Takes the bytes of a header, and returns the frame once the header is complete.
    fn read_header(&mut self, bytes: &mut &mut [u8]) -> Result<Option<OpenFrame>, CloseReason> {
        loop {
            let needed = header_len(&self.header[..self.header_len]);
            let taken = (needed - self.header_len).min(bytes.len());
            self.header[self.header_len..self.header_len + taken].copy_from_slice(&bytes[..taken]);
            advance(bytes, taken);
            self.header_len += taken;
            if self.header_len < needed {
                return Ok(None);
            }
            if header_len(&self.header[..self.header_len]) == self.header_len {
                break;
            }
        }
        let frame = self.parse_header()?;
        self.header_len = 0;
        Ok(Some(frame))
    }

    fn parse_header(&self) -> Result<OpenFrame, CloseReason> {
        let [first, second, ..] = self.header;
        let (opcode, is_final) = (first & 0x0f, first & FINAL != 0);
        if first & 0x70 != 0 {
            return Err(CloseReason::Protocol("a reserved bit is set"));
        }
        if second & MASKED == 0 {
            return Err(CloseReason::Protocol("a frame is not masked"));
        }
        let extended = &self.header[2..self.header_len - 4];
        let len = match extended.len() {
            0 => u64::from(second & !MASKED),
            _ => extended.iter().fold(0, |len, byte| len << 8 | u64::from(*byte)),
        };
        match opcode {
            CLOSE | PING | PONG if !is_final => return Err(CloseReason::Protocol("a control frame is fragmented")),
            CLOSE | PING | PONG if len > MAX_CONTROL as u64 => {
                return Err(CloseReason::Protocol("a control frame is too long"));
            }
            CLOSE | PING | PONG => {}
            BINARY => return Err(CloseReason::Binary),
            TEXT if self.message.is_open => return Err(CloseReason::Protocol("a message begins within another")),
            CONTINUATION if !self.message.is_open => {
                return Err(CloseReason::Protocol("a fragment belongs to no message"));
            }
            TEXT | CONTINUATION => {
                if len.saturating_add(self.message.bytes.len() as u64) > self.limit as u64 {
                    return Err(CloseReason::TooLarge);
                }
            }
            _ => return Err(CloseReason::Protocol("a frame has an unknown opcode")),
        }
        let mut mask = [0; 4];
        mask.copy_from_slice(&self.header[self.header_len - 4..self.header_len]);
        let left = usize::try_from(len).map_err(|_| CloseReason::TooLarge)?;
        Ok(OpenFrame { opcode, is_final, mask, left })
    }

    /// Takes bytes of a frame's payload, and returns the frame with what is left of it.
    fn read_payload(&mut self, mut frame: OpenFrame, bytes: &mut &mut [u8]) -> Result<OpenFrame, CloseReason> {
        let taken = frame.left.min(bytes.len());
        let payload = &mut bytes[..taken];
        unmask(payload, &mut frame.mask);
        if frame.opcode & 0x8 == 0 {
            self.message.add(payload, frame.left)?;
        } else {
            self.control.extend_from_slice(payload);
        }
        frame.left -= taken;
        advance(bytes, taken);
        Ok(frame)
    }

    fn end_frame(&mut self, frame: OpenFrame) -> Result<Option<Received>, CloseReason> {
        Ok(match frame.opcode {
            TEXT | CONTINUATION => {
                self.message.is_open = !frame.is_final;
                if frame.is_final { Some(Received::Message(self.message.end()?)) } else { None }
            }
            PING => Some(Received::Ping(std::mem::take(&mut self.control))),
            PONG => {
                self.control = Vec::new();
                Some(Received::Pong)
            }
            _ => Some(Received::Close(close_code(&std::mem::take(&mut self.control))?)),
        })
    }
}

impl OpenMessage {
    /// Adds a part of a frame's payload, of which `left` bytes are left with this part.
    fn add(&mut self, payload: &[u8], left: usize) -> Result<(), CloseReason> {
        let whole = self.bytes.len() + payload.len();
        // The room of a small message is taken when it is whole, so that its call is refused by an answer.
        if whole > SMALL.max(self.room.bytes()) {
            self.room.add(whole - self.room.bytes()).map_err(|_| CloseReason::NoRoom)?;
        }
        if self.bytes.capacity() < whole {
            // Memory is reserved for what has arrived, and not for what a frame announces.
            self.bytes.reserve_exact(left.min(self.bytes.len().max(SMALL)).max(payload.len()));
        }
        self.bytes.extend_from_slice(payload);
        Ok(())
    }

    fn end(&mut self) -> Result<Bytes, CloseReason> {
        // The session counts the message from now on.
        self.room.fit_up_to(0);
        let bytes = std::mem::take(&mut self.bytes);
        std::str::from_utf8(&bytes).map_err(|_| CloseReason::NotUtf8)?;
        Ok(bytes.into())
    }
}

/// Returns how long a header is that begins with these bytes, as far as they tell.
fn header_len(begin: &[u8]) -> usize {
    match begin {
        [_, second, ..] => {
            let extended = match second & !MASKED {
                // It is refused, whatever its length.
                _ if second & MASKED == 0 => return 2,
                126 => 2,
                127 => 8,
                _ => 0,
            };
            2 + extended + 4
        }
        _ => 2,
    }
}

fn advance(bytes: &mut &mut [u8], by: usize) {
    let rest = std::mem::take(bytes);
    *bytes = &mut rest[by..];
}

/// Removes the mask from a part of a payload, and turns the mask to the beginning of the next part.
fn unmask(payload: &mut [u8], mask: &mut [u8; 4]) {
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let mut words = payload.chunks_exact_mut(8);
    for word in &mut words {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        word.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ wide).to_ne_bytes());
    }
    let rest = words.into_remainder();
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    mask.rotate_left(rest.len() % 4);
}

/// Reads the payload of a close frame. Returns the code for the reply.
fn close_code(payload: &[u8]) -> Result<Option<u16>, CloseReason> {
    match payload {
        [] => Ok(None),
        [_] => Err(CloseReason::Protocol("a close frame has half a code")),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(CloseReason::Protocol("a close frame has an invalid code"));
            }
            std::str::from_utf8(reason).map_err(|_| CloseReason::NotUtf8)?;
            Ok(Some(code))
        }
    }
}

/// The space that [`begin_text`] leaves for a header. It fits most headers.
const HEADER_SPACE: usize = 4;

/// Begins a text frame, whose payload the caller appends. Returns the place for [`end_text`].
pub(super) fn begin_text(output: &mut Vec<u8>) -> usize {
    let start = output.len();
    output.extend_from_slice(&[0; HEADER_SPACE]);
    start
}

/// Ends the text frame that begins at `start`, by writing its header.
pub(super) fn end_text(output: &mut Vec<u8>, start: usize) {
    let payload = start + HEADER_SPACE;
    let len = output.len() - payload;
    match u16::try_from(len) {
        Ok(len @ ..=125) => {
            output.copy_within(payload.., start + 2);
            output.truncate(output.len() - 2);
            output[start..start + 2].copy_from_slice(&[FINAL | TEXT, len.to_be_bytes()[1]]);
        }
        Ok(len) => {
            let [high, low] = len.to_be_bytes();
            output[start..payload].copy_from_slice(&[FINAL | TEXT, 126, high, low]);
        }
        Err(_) => {
            let mut header = [FINAL | TEXT, 127, 0, 0, 0, 0, 0, 0, 0, 0];
            header[2..].copy_from_slice(&(len as u64).to_be_bytes());
            output.splice(start..payload, header);
        }
    }
}

pub(super) fn write_ping(output: &mut Vec<u8>) {
    write_control(output, PING, &[]);
}

pub(super) fn write_pong(output: &mut Vec<u8>, payload: &[u8]) {
    write_control(output, PONG, payload);
}

/// Writes a close frame with a code and a reason.
pub(super) fn write_close(output: &mut Vec<u8>, code: Option<u16>, reason: &str) {
    let mut payload = Vec::new();
    if let Some(code) = code {
        payload.extend_from_slice(&code.to_be_bytes());
        payload.extend_from_slice(reason.as_bytes());
    }
    write_control(output, CLOSE, &payload);
}

fn write_control(output: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    let payload = &payload[..payload.len().min(MAX_CONTROL)];
    output.extend_from_slice(&[FINAL | opcode, u8::try_from(payload.len()).unwrap_or_default()]);
    output.extend_from_slice(payload);
}

#[cfg(test)]
mod tests;
