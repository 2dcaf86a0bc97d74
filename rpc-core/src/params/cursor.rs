use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Says that the text is not what it should be.
#[derive(Debug)]
pub(super) struct Malformed;

/// Walks over an array or an object and decodes its values where they stand.
///
/// A visitor of serde's would be compiled for each tuple, together with all of the deserializer that calls it. This is
/// compiled once, and [`value`](Self::value) once for each type.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// Returns the next byte that is no white space, without going past it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        if self.rest.as_bytes().first().is_some_and(blank) {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        }
        self.rest.as_bytes().first().copied()
    }

    /// Returns the text that was not read yet.
    #[inline]
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// Goes past a `null` that comes next, and tells whether one did.
    pub(super) fn skip_null(&mut self) -> bool {
        self.peek();
        let rest = self.rest.strip_prefix("null");
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Goes past the byte that [`peek`](Self::peek) returned, which is of ASCII.
    #[inline]
    fn bump(&mut self) {
        self.rest = &self.rest[1..];
    }

    /// Goes past the opening bracket, and past the closing one where nothing is between. Tells whether something is.
    #[inline]
    pub(super) fn open(&mut self, close: u8) -> Result<bool, Malformed> {
        self.bump();
        let more = self.peek() != Some(close);
        if !more {
            self.bump();
        }
        Ok(more)
    }

    /// Goes past what stands behind a value: a comma, or the closing bracket. Tells whether another value follows.
    // Two of its callers are on the way of each value.
    #[inline(always)]
    pub(super) fn more(&mut self, close: u8) -> Result<bool, Malformed> {
        let more = match self.peek() {
            Some(b',') => true,
            Some(byte) if byte == close => false,
            _ => return Err(Malformed),
        };
        self.bump();
        Ok(more)
    }

    /// Reads the name of a member, and goes past the colon.
    pub(super) fn name(&mut self) -> Result<Cow<'a, str>, Malformed> {
        if self.peek() != Some(b'"') {
            return Err(Malformed);
        }
        let text = &self.rest[1..];
        let end = text.bytes().position(|byte| matches!(byte, b'"' | b'\\')).ok_or(Malformed)?;
        let name = if text.as_bytes()[end] == b'"' {
            self.rest = &text[end + 1..];
            Cow::Borrowed(&text[..end])
        } else {
            Cow::Owned(self.value().map_err(|_| Malformed)?)
        };
        if self.peek() != Some(b':') {
            return Err(Malformed);
        }
        self.bump();
        Ok(name)
    }

    /// Decodes the value that comes next.
    #[inline]
    pub(super) fn value<T: Deserialize<'a>>(&mut self) -> Result<T, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(self.rest);
        let value = T::deserialize(&mut deserializer)?;
        // An iterator over further values is what tells how far the deserializer came.
        self.rest = &self.rest[deserializer.into_iter::<IgnoredAny>().byte_offset()..];
        Ok(value)
    }
}
