use std::sync::Arc;

use super::answer_body::AnswerBody;
use crate::quota::{Quota, Taken};
use bytes::Bytes;

/// How many bytes an answer has at most that is given even where there is no room.
const SMALL: usize = 16 << 10;

/// Bounds the bytes of all requests and answers that a server holds.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Quota>);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Quota::new(bytes)))
    }

    /// Holds no bytes yet, for a body that is about to arrive.
    pub(super) fn hold(&self) -> Taken<'_> {
        self.0.nothing()
    }

    /// Tells whether there is room for an answer. A small one is always given, since to say that there is no room would
    /// take as much.
    #[inline]
    pub(super) fn has_room(&self, answer: &[u8]) -> bool {
        answer.len() <= SMALL || answer.len() <= self.0.left()
    }

    /// Makes an answer's body, which counts until its bytes are sent or given up.
    ///
    /// Where it takes more than is left, it takes all that is left, and new requests are refused.
    pub(super) fn answer(&self, body: Vec<u8>) -> AnswerBody {
        let held = self.0.take_up_to(body.len());
        // hyper lets go of a body once it has its last frame, long before that is written. So the bytes themselves
        // hold their part of the budget.
        AnswerBody::new(Bytes::from_owner(Counted { body, held, quota: Arc::clone(&self.0) }))
    }
}

/// The bytes of an answer, which give their part of the budget back when the last of them is dropped.
struct Counted {
    body: Vec<u8>,
    held: usize,
    quota: Arc<Quota>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.quota.give_back(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    #[test]
    fn large_answers_need_room_and_small_ones_do_not() {
        let budget = Budget::new(100_000);
        assert!(budget.has_room(&[0; 100_000]) && !budget.has_room(&[0; 100_001]));
        let _held = budget.answer(vec![0; 100_000]);
        assert!(budget.has_room(&[0; 16 << 10]) && !budget.has_room(&[0; (16 << 10) + 1]));
    }

    #[test]
    fn answers_count_until_they_are_dropped() {
        let budget = Budget::new(10);
        let answers = [budget.answer(b"12345678".to_vec()), budget.answer(b"12345678".to_vec())];
        assert!(budget.hold().add(1).is_err());
        drop(answers);
        assert!(budget.hold().add(10).is_ok());
        assert!(budget.hold().add(11).is_err());
    }
}
