//! The first bytes of a connection, buffered until they tell HTTP/2 from HTTP/1.

use tokio::io::ReadBuf;

/// A buffer for the first bytes of a connection, long enough to tell HTTP/2 from HTTP/1.
#[derive(Debug, Default)]
pub(super) struct PrefaceBuffer {
    bytes: [u8; 4],
    read: u8,
    given: u8,
}

impl PrefaceBuffer {
    /// Returns the space for more bytes. It is empty once there are enough.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[usize::from(self.read)..]
    }

    /// Notes that this number of bytes was read into the space.
    pub(super) fn fill(&mut self, read: usize) {
        self.read += u8::try_from(read).expect("no more was read than there is room for");
    }

    pub(super) fn is_full(&self) -> bool {
        usize::from(self.read) == self.bytes.len()
    }

    /// Returns whether any bytes have not been returned to the reader yet.
    pub(super) fn has_more(&self) -> bool {
        self.given < self.read
    }

    /// Returns whether the bytes are a prefix of HTTP/2's preface. No HTTP/1 method begins like it.
    pub(super) fn may_be_http2(&self) -> bool {
        b"PRI ".starts_with(&self.bytes[..usize::from(self.read)])
    }

    /// Copies the bytes not yet returned into the buffer, as far as they fit.
    pub(super) fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = &self.bytes[usize::from(self.given)..usize::from(self.read)];
        let given = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..given]);
        self.given += u8::try_from(given).expect("no more was given than there is");
    }
}
