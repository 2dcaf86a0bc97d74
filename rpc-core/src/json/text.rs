//! [`JsonText`]: the bytes of an answer, up to its limit, and strings with their escapes.

use std::fmt::{self, Display, Write as _};

use serde::ser::Error as _;
use serde_json::Error;

use crate::plain::{is_plain, plain_end};

type Result<T = ()> = std::result::Result<T, Error>;

/// The spare room in bytes after a long string. It saves a copy of the string when the answer is completed.
const SLACK: usize = 64;

/// JSON text under construction, up to a limit in bytes.
#[derive(Debug)]
pub(crate) struct JsonText {
    bytes: Vec<u8>,
    /// The length up to which bytes are appended by the fast path: the limit, or 0 while strings are verbatim.
    bound: usize,
    limit: usize,
    /// Whether the text would have exceeded the limit.
    over: bool,
    /// Whether strings are already JSON, such as those of a [`RawValue`](serde_json::value::RawValue).
    verbatim: bool,
}

impl JsonText {
    /// Makes a text that appends to these bytes, up to the limit.
    #[inline]
    pub(crate) fn new(bytes: Vec<u8>, limit: usize) -> Self {
        Self { bytes, bound: limit, limit, over: false, verbatim: false }
    }

    /// Returns the bytes.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the bytes by value.
    #[inline]
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Returns whether the text would have exceeded the limit.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Drops the bytes after this length, for example after an error.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.over = false;
        self.end_verbatim();
    }

    /// Frees the unused memory.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Appends bytes without checking the limit.
    #[inline]
    pub(crate) fn push_beyond(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends bytes, up to the limit.
    ///
    /// # Errors
    ///
    /// Returns an error if they exceed it.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result {
        if !self.has_room(bytes.len()) {
            return self.push_slowly(bytes);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Returns whether this number of bytes fits into the capacity and the limit. The first test lets the compiler drop
    /// the vector's own capacity test.
    #[inline(always)]
    fn has_room(&self, more: usize) -> bool {
        let len = self.bytes.len();
        more <= self.bytes.capacity().wrapping_sub(len) && len + more <= self.bound
    }

    #[cold]
    #[inline(never)]
    fn push_slowly(&mut self, bytes: &[u8]) -> Result {
        self.make_room(bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Makes room for more bytes, up to the limit.
    #[cold]
    fn make_room(&mut self, more: usize) -> Result {
        if more > self.limit.saturating_sub(self.bytes.len()) {
            self.over = true;
            return Err(Error::custom("the text is longer than its limit"));
        }
        self.bytes.reserve(more + SLACK);
        Ok(())
    }

    /// Returns whether strings are written verbatim, as JSON.
    pub(super) fn is_verbatim(&self) -> bool {
        self.verbatim
    }

    /// Begins to write strings verbatim, as JSON.
    #[cold]
    pub(super) fn begin_verbatim(&mut self) {
        self.verbatim = true;
        self.bound = 0;
    }

    /// Writes strings as text again.
    #[cold]
    pub(super) fn end_verbatim(&mut self) {
        self.verbatim = false;
        self.bound = self.limit;
    }

    /// Writes a string in quotes, with its escapes.
    pub(super) fn string(&mut self, text: &str) -> Result {
        let bytes = text.as_bytes();
        if !self.has_room(bytes.len() + 2) || !is_plain(bytes) {
            return self.unusual_string(bytes);
        }
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(bytes);
        self.bytes.push(b'"');
        Ok(())
    }

    /// Writes a string for which there is no room yet, which has escapes, or which is already JSON.
    #[inline(never)]
    fn unusual_string(&mut self, bytes: &[u8]) -> Result {
        if self.verbatim {
            return self.push(bytes);
        }
        self.make_room(bytes.len() + 2)?;
        self.bytes.push(b'"');
        self.escaped(bytes)?;
        self.push(b"\"")
    }

    /// Writes a byte, the name of a member and its colon.
    pub(super) fn name(&mut self, lead: u8, name: &str) -> Result {
        let bytes = name.as_bytes();
        if !self.has_room(bytes.len() + 4) || !is_plain(bytes) {
            return self.unusual_name(lead, bytes);
        }
        self.bytes.extend_from_slice(&[lead, b'"']);
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(b"\":");
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn unusual_name(&mut self, lead: u8, bytes: &[u8]) -> Result {
        self.push(&[lead])?;
        self.unusual_string(bytes)?;
        self.push(b":")
    }

    /// Writes the content of a string.
    fn escaped(&mut self, bytes: &[u8]) -> Result {
        let mut rest = bytes;
        loop {
            let (plain, special) = rest.split_at(plain_end(rest, 0));
            if !plain.is_empty() {
                self.push(plain)?;
            }
            let Some((byte, behind)) = special.split_first() else { return Ok(()) };
            self.escape(*byte)?;
            rest = behind;
        }
    }

    /// Writes the shortest escape of a byte that needs one.
    #[inline]
    fn escape(&mut self, byte: u8) -> Result {
        match LETTERS.get(usize::from(byte)) {
            Some(b'u') | None => {
                let digit = |value: u8| char::from_digit(value.into(), 16).map_or(b'0', |digit| digit as u8);
                self.push(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)])
            }
            Some(letter) => self.push(&[b'\\', *letter]),
        }
    }

    /// Writes the `Display` output of a value as a string, piece by piece.
    pub(super) fn display(&mut self, value: &(impl Display + ?Sized)) -> Result {
        self.push(b"\"")?;
        let mut pieces = EscapingWriter { text: self, error: None };
        let written = write!(pieces, "{value}");
        match (written, pieces.error) {
            (Ok(()), _) => self.push(b"\""),
            (Err(_), Some(error)) => Err(error),
            (Err(fmt::Error), None) => Err(Error::custom("the `Display` of a value failed")),
        }
    }
}

/// The letter that escapes each byte, or `u` if the byte's number escapes it.
const LETTERS: [u8; 0x5d] = {
    let mut letters = [b'u'; 0x5d];
    letters[0x08] = b'b';
    letters[b'\t' as usize] = b't';
    letters[b'\n' as usize] = b'n';
    letters[0x0c] = b'f';
    letters[b'\r' as usize] = b'r';
    letters[b'"' as usize] = b'"';
    letters[b'\\' as usize] = b'\\';
    letters
};

/// A writer that escapes the output of a `Display`, and keeps the error that [`fmt::Error`] cannot hold.
struct EscapingWriter<'t> {
    text: &'t mut JsonText,
    error: Option<Error>,
}

impl fmt::Write for EscapingWriter<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.text.escaped(piece.as_bytes()).map_err(|error| {
            self.error = Some(error);
            fmt::Error
        })
    }
}
