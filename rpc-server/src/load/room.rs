//! The bytes that one body or one answer holds of the budget and of its connection's share. A [`ByteRoom`] returns them
//! on drop. An [`UnreadRoom`] also counts as unread by the peer until then.

use std::sync::Arc;

use super::{CapacityError, ConnectionLoad, SMALL};

/// How many spare bytes an answer may keep, since returning a few costs more than it saves.
const SPARE: usize = 1 << 10;

/// The bytes that a body or an answer takes from its connection's share and from the server's budget. They are returned
/// when this is dropped.
#[derive(Debug)]
pub(crate) struct ByteRoom {
    load: Arc<ConnectionLoad>,
    bytes: usize,
}

impl ByteRoom {
    /// Returns a room without bytes.
    pub(crate) fn new(load: &Arc<ConnectionLoad>) -> Self {
        Self { load: Arc::clone(load), bytes: 0 }
    }

    /// Returns how many bytes the room has.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes this many more bytes, or fails and stays unchanged.
    #[inline]
    pub(crate) fn add(&mut self, more: usize) -> Result<(), CapacityError> {
        self.load.take(more, self.bytes + more)?;
        self.bytes += more;
        Ok(())
    }

    /// Takes up to this many more bytes, as far as the server has any left.
    pub(crate) fn add_up_to(&mut self, more: usize) {
        self.bytes += self.load.take_up_to(more);
    }

    /// Resizes the room to the bytes of an answer, or fails and stays unchanged. It may keep a few spare bytes.
    ///
    /// A small answer always has room, since an error would take as much. If it takes more than is left, it takes all
    /// that is left, and the server rejects new requests.
    #[inline]
    pub(crate) fn fit(&mut self, bytes: usize) -> Result<(), CapacityError> {
        if bytes > self.bytes && bytes > SMALL {
            self.load.take(bytes - self.bytes, bytes)?;
            self.bytes = bytes;
        } else {
            self.fit_up_to(bytes);
        }
        Ok(())
    }

    /// Resizes the room to the bytes of an answer that is sent in any case, as far as bytes are left.
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

    /// Counts the answer as unread until the returned value is dropped.
    pub(crate) fn unread(self) -> UnreadRoom {
        self.load.begin_unread(self.bytes);
        UnreadRoom(self)
    }
}

impl Drop for ByteRoom {
    fn drop(&mut self) {
        self.load.give_back(self.bytes);
    }
}

/// The room of an answer that is on its way to its peer.
#[derive(Debug)]
pub(crate) struct UnreadRoom(ByteRoom);

impl Drop for UnreadRoom {
    fn drop(&mut self) {
        self.0.load.end_unread(self.0.bytes);
    }
}
