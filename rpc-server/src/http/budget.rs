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

    /// Takes room for an answer of this many bytes, which is to become a body, and returns how much it takes.
    ///
    /// A small one has it in any case, since to say that there is none would take as much. Where it takes more than is left,
    /// it takes all that is left, and new requests are refused.
    #[inline]
    pub(super) fn claim(&self, bytes: usize) -> Option<Claim> {
        if bytes <= SMALL {
            return Some(self.claim_up_to(bytes));
        }
        let taken = self.0.take(bytes).ok()?;
        Some(Claim(taken.hand_over(bytes)))
    }

    /// Takes room for an answer that is given in any case.
    pub(super) fn claim_up_to(&self, bytes: usize) -> Claim {
        Claim(self.0.take_up_to(bytes))
    }

    /// Makes an answer's body, which counts until its bytes are sent or given up.
    pub(super) fn answer(&self, body: Vec<u8>, Claim(held): Claim) -> AnswerBody {
        // hyper lets go of a body once it has its last frame, long before that is written. So the bytes themselves
        // hold their part of the budget.
        AnswerBody::new(Bytes::from_owner(Counted { body, held, quota: Arc::clone(&self.0) }))
    }
}

/// The room that an answer takes. It is given back by the body that is made of it.
#[derive(Debug)]
#[must_use]
pub(super) struct Claim(usize);

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
        assert!(budget.claim(100_001).is_none());
        let claim = budget.claim(100_000).unwrap();
        let held = budget.answer(vec![0; 100_000], claim);
        assert!(budget.claim(16 << 10).is_some() && budget.claim((16 << 10) + 1).is_none());
        drop(held);
        assert!(budget.claim(100_000).is_some());
    }

    #[test]
    fn answers_count_until_they_are_dropped() {
        let budget = Budget::new(10);
        let answer = || budget.answer(b"12345678".to_vec(), budget.claim(8).unwrap());
        let answers = [answer(), answer()];
        assert!(budget.hold().add(1).is_err());
        drop(answers);
        assert!(budget.hold().add(10).is_ok());
        assert!(budget.hold().add(11).is_err());
    }
}
