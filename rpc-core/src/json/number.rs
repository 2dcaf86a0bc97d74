//! Numbers. Short integers have code of their own here, and serde_json's formatter writes all others.

use std::io;

use serde::ser::Error as _;
use serde_json::Error;
use serde_json::ser::{CompactFormatter, Formatter};

use super::text::JsonText;

type Result<T = ()> = std::result::Result<T, Error>;

impl JsonText {
    /// Writes an integer.
    #[inline]
    pub(super) fn signed(&mut self, value: i64) -> Result {
        match u64::try_from(value) {
            Ok(value) => self.unsigned(value),
            Err(_) => self.negative(value),
        }
    }

    /// Writes an integer that is not negative. Most are short, so these have a fast path.
    #[inline]
    pub(super) fn unsigned(&mut self, value: u64) -> Result {
        match value {
            0..10 => self.push(&[b'0' + value as u8]),
            10..100 => self.push(&[b'0' + value as u8 / 10, b'0' + value as u8 % 10]),
            _ => self.long(value),
        }
    }

    #[inline(never)]
    fn negative(&mut self, value: i64) -> Result {
        self.number(|formatter, out| formatter.write_i64(out, value))
    }

    #[inline(never)]
    fn long(&mut self, value: u64) -> Result {
        self.number(|formatter, out| formatter.write_u64(out, value))
    }

    /// Writes a number as serde_json formats it.
    #[inline]
    pub(super) fn number(
        &mut self,
        write: impl FnOnce(&mut CompactFormatter, &mut NumberWriter<'_>) -> io::Result<()>,
    ) -> Result {
        let mut io = NumberWriter { text: self, error: None };
        match (write(&mut CompactFormatter, &mut io), io.error) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some(error)) => Err(error),
            (Err(error), None) => Err(Error::custom(error)),
        }
    }
}

/// A writer for the output of [`CompactFormatter`] that keeps the error.
pub(super) struct NumberWriter<'t> {
    text: &'t mut JsonText,
    error: Option<Error>,
}

impl io::Write for NumberWriter<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.text.push(bytes).map_err(|error| {
            self.error = Some(error);
            io::ErrorKind::FileTooLarge.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
