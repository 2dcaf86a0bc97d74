use std::sync::{Mutex, PoisonError};

use super::AnswerStream;

/// Where a handler leaves the stream that it opened, on requests that accept a stream as their answer.
#[derive(Debug, Default)]
pub(crate) struct StreamSlot(Mutex<Option<AnswerStream>>);

impl StreamSlot {
    pub(crate) fn put(&self, stream: AnswerStream) {
        let replaced = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(stream);
        // The drop runs user code, so it must not happen under the lock.
        drop(replaced);
    }

    pub(crate) fn take(&self) -> Option<AnswerStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
