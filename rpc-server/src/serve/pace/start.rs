//! The first bytes of a connection, buffered until they tell HTTP/2 from HTTP/1.

use tokio::io::ReadBuf;

/// Holds the first bytes of a connection, up to where HTTP/2 can be told from HTTP/1.
#[derive(Debug, Default)]
pub(super) struct Start {
    bytes: [u8; 4],
    read: u8,
    given: u8,
}

impl Start {
    /// Returns room for more bytes, or none once there are enough.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[usize::from(self.read)..]
    }

    /// Takes it that so many bytes were read into the room.
    pub(super) fn fill(&mut self, read: usize) {
        self.read += u8::try_from(read).expect("no more was read than there is room for");
    }

    pub(super) fn is_full(&self) -> bool {
        usize::from(self.read) == self.bytes.len()
    }

    /// Tells whether there are bytes that were not given out yet.
    pub(super) fn has_more(&self) -> bool {
        self.given < self.read
    }

    /// Tells whether the bytes begin as HTTP/2's preface does, and no method of HTTP/1.
    pub(super) fn may_be_http2(&self) -> bool {
        b"PRI ".starts_with(&self.bytes[..usize::from(self.read)])
    }

    /// Gives out what fits of what was not given out yet.
    pub(super) fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = &self.bytes[usize::from(self.given)..usize::from(self.read)];
        let given = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..given]);
        self.given += u8::try_from(given).expect("no more was given than there is");
    }
}
