use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds the bytes of all requests and answers that a server holds.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Semaphore>);

/// Bytes of a request that are held. They are given back when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Held(Option<OwnedSemaphorePermit>);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Takes so many bytes more, or fails where there are not as many left.
    pub(super) fn hold(&self, held: &mut Held, bytes: usize) -> Result<(), OutOfBytes> {
        let permit = u32::try_from(bytes).ok().and_then(|bytes| Arc::clone(&self.0).try_acquire_many_owned(bytes).ok());
        match (&mut held.0, permit) {
            (_, None) => return Err(OutOfBytes),
            (Some(held), Some(permit)) => held.merge(permit),
            (none, permit) => *none = permit,
        }
        Ok(())
    }

    /// Makes an answer's body, which counts until its bytes are sent or given up.
    ///
    /// The answer exists already and is not refused. Where it takes more than is left, it takes all that is left, and
    /// new requests are refused.
    pub(super) fn answer(&self, body: Bytes) -> AnswerBody {
        let held = self.0.forget_permits(body.len());
        // hyper lets go of a body once it has its last frame, long before that is written. So the bytes themselves
        // hold their part of the budget.
        Full::new(Bytes::from_owner(Counted { body, held, budget: self.clone() }))
    }
}

#[derive(Debug)]
pub(super) struct OutOfBytes;

/// The body of an answer.
pub(crate) type AnswerBody = Full<Bytes>;

/// The bytes of an answer, which give their part of the budget back when the last of them is dropped.
struct Counted {
    body: Bytes,
    held: usize,
    budget: Budget,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.budget.0.add_permits(self.held);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Budget, Held};

    #[test]
    fn what_is_held_is_given_back() {
        let budget = Budget::new(10);
        let mut held = Held::default();
        assert!(budget.hold(&mut held, 4).is_ok() && budget.hold(&mut held, 6).is_ok());
        assert!(budget.hold(&mut held, 1).is_err());
        drop(held);
        assert!(budget.hold(&mut Held::default(), 10).is_ok());
    }

    #[test]
    fn answers_count_until_they_are_dropped_and_are_never_refused() {
        let budget = Budget::new(10);
        let answers = [budget.answer(Bytes::from_static(b"12345678")), budget.answer(Bytes::from_static(b"12345678"))];
        assert!(budget.hold(&mut Held::default(), 1).is_err());
        drop(answers);
        assert!(budget.hold(&mut Held::default(), 10).is_ok());
        assert!(budget.hold(&mut Held::default(), 11).is_err());
    }
}
