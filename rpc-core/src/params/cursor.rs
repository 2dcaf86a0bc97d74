use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The error that the text is not as expected.
#[derive(Debug)]
pub(super) struct MalformedParams;

/// A cursor over an array or an object that decodes its values in place.
///
/// A serde visitor would be compiled for each tuple, together with the whole deserializer that calls it. This cursor is
/// compiled once, and [`value`](Self::value) once for each type.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// Returns the next byte that is not white space, without consuming it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        if self.rest.as_bytes().first().is_some_and(blank) {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        }
        self.rest.as_bytes().first().copied()
    }

    /// Returns the unread text.
    #[inline]
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// Consumes a `null`, and returns whether there was one.
    pub(super) fn skip_null(&mut self) -> bool {
        self.peek();
        let rest = self.rest.strip_prefix("null");
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Consumes the byte that [`peek`](Self::peek) returned, which is ASCII.
    #[inline]
    fn bump(&mut self) {
        self.rest = &self.rest[1..];
    }

    /// Consumes the opening bracket. If nothing follows, also consumes the closing one. Returns whether a value
    /// follows.
    #[inline]
    pub(super) fn open(&mut self, close: u8) -> Result<bool, MalformedParams> {
        self.bump();
        let more = self.peek() != Some(close);
        if !more {
            self.bump();
        }
        Ok(more)
    }

    /// Consumes what follows a value: a comma, or the closing bracket. Returns whether another value follows.
    // Inlined, because two of its callers run for each value.
    #[inline(always)]
    pub(super) fn more(&mut self, close: u8) -> Result<bool, MalformedParams> {
        let more = match self.peek() {
            Some(b',') => true,
            Some(byte) if byte == close => false,
            _ => return Err(MalformedParams),
        };
        self.bump();
        Ok(more)
    }

    /// Reads the name of a member, and consumes the colon.
    pub(super) fn name(&mut self) -> Result<Cow<'a, str>, MalformedParams> {
        if self.peek() != Some(b'"') {
            return Err(MalformedParams);
        }
        let text = &self.rest[1..];
        let end = text.bytes().position(|byte| matches!(byte, b'"' | b'\\')).ok_or(MalformedParams)?;
        let name = if text.as_bytes()[end] == b'"' {
            self.rest = &text[end + 1..];
            Cow::Borrowed(&text[..end])
        } else {
            Cow::Owned(self.value().map_err(|_| MalformedParams)?)
        };
        if self.peek() != Some(b':') {
            return Err(MalformedParams);
        }
        self.bump();
        Ok(name)
    }

    /// Decodes the next value.
    #[inline]
    pub(super) fn value<T: Deserialize<'a>>(&mut self) -> Result<T, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(self.rest);
        let value = T::deserialize(&mut deserializer)?;
        // Only the iterator over further values shows how far the deserializer has read.
        self.rest = &self.rest[deserializer.into_iter::<IgnoredAny>().byte_offset()..];
        Ok(value)
    }
}
