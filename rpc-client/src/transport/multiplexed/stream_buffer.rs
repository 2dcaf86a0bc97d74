//! [`StreamBuffer`]: the messages of a stream between the connection and the code that reads them. It counts the credit
//! that goes back to the server.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::failure::Failure;

/// The credit with which each stream begins, in bytes.
pub(super) const WINDOW: usize = 65_536;

/// How many unread bytes a stream of the older form may have, which knows no credit.
pub(super) const MAX_UNREAD: usize = 1 << 20;

/// The messages of a stream that were not read yet.
#[derive(Debug, Default)]
pub(super) struct StreamBuffer(Mutex<Unread>);

#[derive(Debug, Default)]
struct Unread {
    messages: VecDeque<Bytes>,
    /// The bytes that the server may count as used: those that were not read, and those read but not given back.
    used: usize,
    /// The bytes that were read and not given back.
    read: usize,
    /// How it ended, once no more messages will come.
    end: Option<Option<Failure>>,
    reader: Option<Waker>,
}

impl StreamBuffer {
    /// Adds an item. Returns `false` if this many bytes were in use before it. It is then not added.
    pub(super) fn push(&self, item: Bytes, limit: usize) -> bool {
        let mut unread = self.lock();
        if unread.used >= limit {
            return false;
        }
        unread.used += item.len();
        unread.messages.push_back(item);
        wake(unread);
        true
    }

    /// Adds the answer that ends the stream. It needs no credit.
    pub(super) fn answer(&self, answer: Bytes) {
        let mut unread = self.lock();
        unread.messages.push_back(answer);
        unread.end = Some(None);
        wake(unread);
    }

    /// Cuts the stream behind the messages that have arrived.
    pub(super) fn cut(&self, failure: Failure) {
        let mut unread = self.lock();
        unread.end.get_or_insert(Some(failure));
        wake(unread);
    }

    /// Returns the next message.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let mut unread = self.lock();
        if let Some(message) = unread.messages.pop_front() {
            unread.read += message.len();
            return Poll::Ready(Some(Ok(message)));
        }
        match &mut unread.end {
            Some(failure) => Poll::Ready(failure.take().map(Err)),
            None => {
                unread.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Returns whether half of the credit was read and can be given back. After the end there is nothing to give back.
    pub(super) fn has_credit(&self) -> bool {
        self.lock().has_credit()
    }

    /// Returns the bytes to give back, if there are enough.
    pub(super) fn take_credit(&self) -> Option<usize> {
        let mut unread = self.lock();
        if !unread.has_credit() {
            return None;
        }
        let read = std::mem::take(&mut unread.read);
        unread.used = unread.used.saturating_sub(read);
        Some(read)
    }

    fn lock(&self) -> MutexGuard<'_, Unread> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unread {
    fn has_credit(&self) -> bool {
        self.read >= WINDOW / 2 && self.end.is_none()
    }
}

/// Wakes the reader without the lock, which the reader takes.
fn wake(mut unread: MutexGuard<'_, Unread>) {
    let reader = unread.reader.take();
    drop(unread);
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use bytes::Bytes;
    use futures_util::FutureExt;

    use super::{StreamBuffer, WINDOW};
    use crate::Failure;

    fn read(buffer: &StreamBuffer) -> Option<Option<Result<Bytes, Failure>>> {
        poll_fn(|cx| buffer.poll_next(cx)).now_or_never()
    }

    #[test]
    fn messages_come_in_order_and_before_the_end() {
        let buffer = StreamBuffer::default();
        assert!(read(&buffer).is_none());
        assert!(buffer.push("1".into(), 9) && buffer.push("2".into(), 9));
        buffer.answer("3".into());
        buffer.cut(Failure::transport("later"));
        for text in ["1", "2", "3"] {
            assert_eq!(read(&buffer).unwrap().unwrap().unwrap(), text);
        }
        assert!(read(&buffer).unwrap().is_none());
    }

    #[test]
    fn cut_is_told_once_and_behind_the_items() {
        let buffer = StreamBuffer::default();
        assert!(buffer.push("1".into(), 9));
        buffer.cut(Failure::transport("cut"));
        assert!(read(&buffer).unwrap().unwrap().is_ok());
        assert!(read(&buffer).unwrap().unwrap().unwrap_err().is_transport());
        assert!(read(&buffer).unwrap().is_none());
    }

    #[test]
    fn credit_goes_back_in_steps_of_half_the_window() {
        let buffer = StreamBuffer::default();
        let item = Bytes::from(vec![b'1'; WINDOW / 4]);
        for _ in 0..4 {
            assert!(buffer.push(item.clone(), WINDOW));
        }
        assert!(!buffer.push("1".into(), WINDOW), "the server exceeds its credit");
        read(&buffer).unwrap();
        assert_eq!(buffer.take_credit(), None);
        assert!(!buffer.push("1".into(), WINDOW), "the server does not know yet that an item was read");
        read(&buffer).unwrap();
        assert_eq!(buffer.take_credit(), Some(WINDOW / 2));
        assert!(buffer.push("1".into(), WINDOW));
        assert_eq!(buffer.take_credit(), None);
    }
}
