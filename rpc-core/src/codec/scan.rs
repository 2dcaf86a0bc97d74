//! A scanner of JSON text. It checks the grammar and finds where values end, without decoding.
//!
//! The envelope of a message is scanned once, and its contents are borrowed as text. `serde_json` can do the same with
//! `RawValue`, but takes three times as long. `serde_json` stays the reference: the tests compare the two.

mod nesting;

use serde_json::value::RawValue;

use crate::plain::{plain_end, short_end};
use nesting::{NestingKind, NestingStack};

/// The error that the text is not JSON. `serde_json` gives the better explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotJson;

type Result<T> = std::result::Result<T, NotJson>;

/// A cursor over JSON text that moves value by value.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Whether a value was nested too deep since the flag was last taken.
    too_deep: bool,
    /// Whether a string had an escape since the flag was last taken.
    escaped: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, too_deep: false, escaped: false }
    }

    /// Returns the length of the text in bytes.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Returns the current position.
    #[inline]
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Returns the text from `start` to the current position.
    #[inline]
    pub(super) fn text_from(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    #[inline]
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// Returns the next byte that is not white space, without consuming it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                next => return next.copied(),
            }
        }
    }

    /// Consumes this byte, which must come next.
    #[inline]
    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(NotJson)
        }
    }

    /// Checks that only white space is left.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.peek().is_none() { Ok(()) } else { Err(NotJson) }
    }

    /// Returns whether the text is one JSON value.
    pub(super) fn is_json(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        scanner.value().is_ok() && scanner.end().is_ok()
    }

    /// Returns whether a value was nested too deep since the last call.
    pub(super) fn take_too_deep(&mut self) -> bool {
        std::mem::take(&mut self.too_deep)
    }

    /// Returns whether a string had an escape since the last call.
    pub(super) fn take_escaped(&mut self) -> bool {
        std::mem::take(&mut self.escaped)
    }

    /// Moves over an array or an object from its opening bracket to its closing one, and calls back before each member.
    /// The callback must consume the member. It can stop the walk with an error.
    #[inline]
    pub(super) fn members<E: From<NotJson>>(
        &mut self,
        open: u8,
        close: u8,
        mut member: impl FnMut(&mut Self) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        self.expect(open)?;
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            member(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(next) if next == close => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(NotJson.into()),
            }
        }
    }

    /// Consumes this text and returns true, if it begins exactly at the current position.
    #[inline(always)]
    pub(super) fn take(&mut self, text: &str) -> bool {
        let taken = self.bytes().get(self.at..).is_some_and(|rest| rest.starts_with(text.as_bytes()));
        if taken {
            self.at += text.len();
        }
        taken
    }

    /// Consumes the name of an object's member and its colon. Returns what `read` makes of the name.
    ///
    /// If the escapes of a name are not valid Unicode, `read` gets the name as written, quotes included. No other name
    /// is equal to it.
    #[inline]
    pub(super) fn name<T>(&mut self, read: impl Fn(&str) -> T) -> Result<T> {
        if self.peek() != Some(b'"') {
            return Err(NotJson);
        }
        let start = self.at;
        self.escaped = false;
        self.string()?;
        let json = &self.text[start..self.at];
        self.expect(b':')?;
        Ok(if self.escaped { read(&unescaped(json)) } else { read(&json[1..json.len() - 1]) })
    }

    /// Consumes a member's value and returns its text. With the message around it, the value can have
    /// [`MAX_DEPTH`](super::MAX_DEPTH) levels.
    #[inline(always)]
    pub(super) fn value(&mut self) -> Result<&'a str> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'{' | b'[') => self.nested(start)?,
            first => self.scalar(first)?,
        }
        Ok(&self.text[start..self.at])
    }

    /// Like `value`, for a value that is often a long string.
    pub(super) fn long_value(&mut self) -> Result<&'a str> {
        if self.peek() != Some(b'"') {
            return self.value();
        }
        let start = self.at;
        self.string_by(plain_end)?;
        Ok(&self.text[start..self.at])
    }

    /// Consumes an array or an object that begins here, without recursion.
    fn nested(&mut self, start: usize) -> Result<()> {
        let mut nesting = NestingStack::default();
        loop {
            let first = self.peek();
            match first {
                Some(b'{' | b'[') if nesting.is_full() => {
                    self.at = start;
                    return self.skip_deep();
                }
                Some(b'{') => {
                    self.at += 1;
                    nesting.open(NestingKind::Object);
                    if self.peek() != Some(b'}') {
                        self.name(|_| ())?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    nesting.open(NestingKind::Array);
                    if self.peek() != Some(b']') {
                        continue;
                    }
                }
                Some(b'"') => self.string_by(plain_end)?,
                first => self.scalar(first)?,
            }
            if self.close(&mut nesting)? {
                return Ok(());
            }
        }
    }

    /// Moves from the end of a value to the beginning of the next one. Returns whether all levels were closed instead.
    #[inline]
    fn close(&mut self, nesting: &mut NestingStack) -> Result<bool> {
        loop {
            match (self.peek(), nesting.innermost()) {
                (Some(b','), NestingKind::Array) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Some(b','), NestingKind::Object) => {
                    self.at += 1;
                    return self.name(|_| false);
                }
                (Some(b']'), NestingKind::Array) | (Some(b'}'), NestingKind::Object) => self.at += 1,
                _ => return Err(NotJson),
            }
            if nesting.close() {
                return Ok(true);
            }
        }
    }

    /// Consumes a value that is nested deeper than allowed. It still must be JSON; `serde_json` finds its end without
    /// recursion and without a bound.
    #[cold]
    fn skip_deep(&mut self) -> Result<()> {
        self.too_deep = true;
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(_)) => {
                self.at += values.byte_offset();
                Ok(())
            }
            _ => Err(NotJson),
        }
    }

    /// Consumes a value that is neither an array nor an object and begins with this byte.
    #[inline(always)]
    fn scalar(&mut self, first: Option<u8>) -> Result<()> {
        match first {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => Err(NotJson),
        }
    }

    fn literal(&mut self, literal: &[u8]) -> Result<()> {
        if self.bytes()[self.at..].starts_with(literal) {
            self.at += literal.len();
            Ok(())
        } else {
            Err(NotJson)
        }
    }

    #[inline(always)]
    fn number(&mut self) -> Result<()> {
        let (bytes, mut at) = (self.bytes(), self.at);
        if bytes[at] == b'-' {
            at += 1;
        }
        let start = at;
        at = digits(bytes, at);
        if at == start || (bytes[start] == b'0' && at > start + 1) {
            return Err(NotJson);
        }
        if bytes.get(at) == Some(&b'.') {
            at = some_digits(bytes, at + 1)?;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            let signed = matches!(bytes.get(at + 1), Some(b'+' | b'-'));
            at = some_digits(bytes, at + 1 + usize::from(signed))?;
        }
        self.at = at;
        Ok(())
    }

    /// Consumes a string that begins here. It is fast for short strings and correct for all.
    #[inline(always)]
    fn string(&mut self) -> Result<()> {
        self.string_by(short_end)
    }

    /// Consumes a string that begins here. `plain_end` finds the next byte that is not plain.
    #[inline(always)]
    fn string_by(&mut self, plain_end: impl Fn(&[u8], usize) -> usize) -> Result<()> {
        self.at += 1;
        loop {
            self.at = plain_end(self.bytes(), self.at);
            match self.bytes().get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                // An unescaped control character, or the end of the text.
                _ => return Err(NotJson),
            }
        }
    }

    #[cold]
    fn escape(&mut self) -> Result<()> {
        self.escaped = true;
        match self.bytes().get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let digits = self.bytes().get(self.at + 2..self.at + 6).ok_or(NotJson)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(NotJson);
                }
                self.at += 6;
            }
            _ => return Err(NotJson),
        }
        Ok(())
    }
}

/// Returns the end of the digits that begin here.
#[inline]
fn digits(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Returns the end of the digits that begin here. There must be at least one.
fn some_digits(bytes: &[u8], at: usize) -> Result<usize> {
    let end = digits(bytes, at);
    if end > at { Ok(end) } else { Err(NotJson) }
}

/// Resolves the escapes of a string. If they are not valid Unicode, returns the string as written.
#[cold]
fn unescaped(json: &str) -> String {
    serde_json::from_str(json).unwrap_or_else(|_| json.to_owned())
}

#[cfg(test)]
mod tests;
