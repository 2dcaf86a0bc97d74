//! Finds responses that an HTTP/2 peer does not read. [`UnreadAnswers`] counts the open responses of a connection by
//! the turn of their last progress. `answer_body` and `streamed_body` report progress; `serve::pace` begins the turns
//! and cuts the connection.

use std::array::from_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// The number of turns for which an answer may make no progress.
const TURNS: u8 = 4;
const SLOTS: usize = TURNS as usize + 1;

/// Counts the unfinished answers of one HTTP/2 connection, by the turn of their last progress.
///
/// HTTP/2 has a window for each answer. If a peer does not open it, the server keeps the answer while the connection
/// continues, and hyper does not report that. So time is divided into turns, and each answer is counted in the turn of
/// its last progress. `serve::pace` begins each turn, and learns then whether an answer was left behind.
#[derive(Debug)]
pub(crate) struct UnreadAnswers {
    turn: AtomicU8,
    slots: [AtomicU32; SLOTS],
}

impl Default for UnreadAnswers {
    fn default() -> Self {
        Self { turn: AtomicU8::new(0), slots: from_fn(|_| AtomicU32::new(0)) }
    }
}

impl UnreadAnswers {
    /// The number of turns in which an answer must make progress.
    pub(crate) const TURNS: u32 = TURNS as u32;

    /// Returns whether any answer is unfinished.
    pub(crate) fn any(&self) -> bool {
        self.slots.iter().any(|slot| slot.load(Ordering::Relaxed) > 0)
    }

    /// Begins the next turn. Fails if an answer has made no progress in all of the last [`TURNS`](Self::TURNS) turns.
    pub(crate) fn begin_turn(&self) -> Result<(), StalledAnswer> {
        let next = (self.turn.load(Ordering::Relaxed) + 1) % SLOTS as u8;
        if self.slots[usize::from(next)].load(Ordering::Relaxed) > 0 {
            return Err(StalledAnswer);
        }
        self.turn.store(next, Ordering::Relaxed);
        Ok(())
    }

    /// Counts an answer in the current turn, and returns that turn.
    fn enter(&self) -> u8 {
        let turn = self.turn.load(Ordering::Relaxed);
        self.slots[usize::from(turn)].fetch_add(1, Ordering::Relaxed);
        turn
    }

    fn leave(&self, turn: u8) {
        self.slots[usize::from(turn)].fetch_sub(1, Ordering::Relaxed);
    }
}

/// The error of a peer that does not read one of its answers.
#[derive(Debug)]
pub(crate) struct StalledAnswer;

/// An answer that counts as unread until this is dropped.
#[derive(Debug)]
pub(super) struct UnreadAnswer {
    unread: Arc<UnreadAnswers>,
    turn: AtomicU8,
}

impl UnreadAnswer {
    pub(super) fn new(unread: &Arc<UnreadAnswers>) -> Self {
        Self { unread: Arc::clone(unread), turn: AtomicU8::new(unread.enter()) }
    }

    /// Records that the peer has read a part of the answer.
    pub(super) fn progress(&self) {
        // Enters the new turn before it leaves the old one, so that the answer is counted at every moment.
        let before = self.turn.swap(self.unread.enter(), Ordering::Relaxed);
        self.unread.leave(before);
    }
}

impl Drop for UnreadAnswer {
    fn drop(&mut self) {
        self.unread.leave(*self.turn.get_mut());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{UnreadAnswer, UnreadAnswers};

    #[test]
    fn an_answer_without_progress_is_left_behind_after_all_turns_and_not_before() {
        let unread = Arc::new(UnreadAnswers::default());
        for _ in 0..3 {
            unread.begin_turn().unwrap();
        }
        let answer = UnreadAnswer::new(&unread);
        for _ in 0..UnreadAnswers::TURNS {
            unread.begin_turn().unwrap();
        }
        assert!(unread.any() && unread.begin_turn().is_err());
        drop(answer);
        assert!(!unread.any() && unread.begin_turn().is_ok());
    }

    #[test]
    fn an_answer_with_progress_is_not_left_behind_by_one_that_makes_none() {
        let unread = Arc::new(UnreadAnswers::default());
        let (slow, stuck) = (UnreadAnswer::new(&unread), UnreadAnswer::new(&unread));
        for _ in 0..UnreadAnswers::TURNS {
            unread.begin_turn().unwrap();
            slow.progress();
        }
        assert!(unread.begin_turn().is_err());
        drop(stuck);
        for _ in 0..UnreadAnswers::TURNS {
            unread.begin_turn().unwrap();
        }
        assert!(unread.begin_turn().is_err());
        drop(slow);
        assert!(!unread.any());
    }
}
