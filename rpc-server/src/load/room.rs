//! The bytes that one body or one response holds of the budget and of its connection's share. A [`Room`] returns them
//! on drop. An [`Unread`] also counts as unread by the peer until then.

use std::sync::Arc;

use super::{ConnectionLoad, Full, SMALL};

/// How many bytes more an answer may have room for than it takes, since to give back a few costs more than they are
/// worth.
const SPARE: usize = 1 << 10;

/// The bytes that a body or an answer takes of its connection's share and of the server's budget. They are given back
/// when this is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    load: Arc<ConnectionLoad>,
    bytes: usize,
}

impl Room {
    /// Takes no bytes yet.
    pub(crate) fn new(load: &Arc<ConnectionLoad>) -> Self {
        Self { load: Arc::clone(load), bytes: 0 }
    }

    /// Returns how many bytes it has.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes so many bytes more, or fails and keeps what it has.
    #[inline]
    pub(crate) fn add(&mut self, more: usize) -> Result<(), Full> {
        self.load.take(more, self.bytes + more)?;
        self.bytes += more;
        Ok(())
    }

    /// Takes so many bytes more, as far as the server has any left.
    pub(crate) fn add_up_to(&mut self, more: usize) {
        self.bytes += self.load.take_up_to(more);
    }

    /// Takes as many bytes as an answer has, or a few more if it has them already, or fails and keeps what it has.
    ///
    /// A small answer has room in any case, since to say that there is none would take as much. Where it takes more
    /// than is left, it takes all that is left, and new requests are refused.
    #[inline]
    pub(crate) fn fit(&mut self, bytes: usize) -> Result<(), Full> {
        if bytes > self.bytes && bytes > SMALL {
            self.load.take(bytes - self.bytes, bytes)?;
            self.bytes = bytes;
        } else {
            self.fit_up_to(bytes);
        }
        Ok(())
    }

    /// Takes as many bytes as an answer has that is given in any case, or as many as are left.
    #[inline]
    pub(crate) fn fit_up_to(&mut self, bytes: usize) {
        match bytes.checked_sub(self.bytes) {
            Some(0) => {}
            Some(more) => self.add_up_to(more),
            None if self.bytes - bytes < SPARE => {}
            None => {
                self.load.give_back(self.bytes - bytes);
                self.bytes = bytes;
            }
        }
    }

    /// Counts an answer as unread until this is dropped.
    pub(crate) fn unread(self) -> Unread {
        self.load.begin_unread(self.bytes);
        Unread(self)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.load.give_back(self.bytes);
    }
}

/// The room of an answer that is on its way to its peer.
#[derive(Debug)]
pub(crate) struct Unread(Room);

impl Drop for Unread {
    fn drop(&mut self) {
        self.0.load.end_unread(self.0.bytes);
    }
}
