//! Finds responses that an HTTP/2 peer does not read. [`Unread`] counts the open responses of a connection by the turn
//! of their last progress. `answer_body` and `streamed` report progress; `serve::pace` begins the turns and cuts the
//! connection.

use std::array::from_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// How many turns an answer may make no progress.
const TURNS: u8 = 4;
const SLOTS: usize = TURNS as usize + 1;

/// Counts the answers of one HTTP/2 connection that were not sent to their end, by when they last made progress.
///
/// HTTP/2 has a window for each answer, and a peer that does not open it leaves the answer with us, while the
/// connection itself goes on. hyper does not tell. So time is cut into turns, answers are counted in the turn of their
/// last progress, and whoever keeps the time asks at each turn whether some were left behind.
#[derive(Debug)]
pub(crate) struct Unread {
    turn: AtomicU8,
    slots: [AtomicU32; SLOTS],
}

impl Default for Unread {
    fn default() -> Self {
        Self { turn: AtomicU8::new(0), slots: from_fn(|_| AtomicU32::new(0)) }
    }
}

impl Unread {
    /// Is the number of turns that make up the time in which an answer has to make progress.
    pub(crate) const TURNS: u32 = TURNS as u32;

    /// Tells whether there are any.
    pub(crate) fn any(&self) -> bool {
        self.slots.iter().any(|slot| slot.load(Ordering::Relaxed) > 0)
    }

    /// Begins the next turn, unless an answer has made no progress in all the turns that there are.
    pub(crate) fn begin_turn(&self) -> Result<(), LeftBehind> {
        let next = (self.turn.load(Ordering::Relaxed) + 1) % SLOTS as u8;
        if self.slots[usize::from(next)].load(Ordering::Relaxed) > 0 {
            return Err(LeftBehind);
        }
        self.turn.store(next, Ordering::Relaxed);
        Ok(())
    }

    /// Counts an answer in the present turn.
    fn enter(&self) -> u8 {
        let turn = self.turn.load(Ordering::Relaxed);
        self.slots[usize::from(turn)].fetch_add(1, Ordering::Relaxed);
        turn
    }

    fn leave(&self, turn: u8) {
        self.slots[usize::from(turn)].fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says that the peer does not read one of its answers.
#[derive(Debug)]
pub(crate) struct LeftBehind;

/// Is an answer that counts as unread until this is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    unread: Arc<Unread>,
    turn: AtomicU8,
}

impl Counted {
    pub(super) fn new(unread: &Arc<Unread>) -> Self {
        Self { unread: Arc::clone(unread), turn: AtomicU8::new(unread.enter()) }
    }

    /// Notes that the peer has taken a part of the answer.
    pub(super) fn progress(&self) {
        // The new turn is counted first, so that there is no moment in which the answer seems to be gone.
        let before = self.turn.swap(self.unread.enter(), Ordering::Relaxed);
        self.unread.leave(before);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.unread.leave(*self.turn.get_mut());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Counted, Unread};

    #[test]
    fn an_answer_without_progress_is_left_behind_after_all_turns_and_not_before() {
        let unread = Arc::new(Unread::default());
        for _ in 0..3 {
            unread.begin_turn().unwrap();
        }
        let answer = Counted::new(&unread);
        for _ in 0..Unread::TURNS {
            unread.begin_turn().unwrap();
        }
        assert!(unread.any() && unread.begin_turn().is_err());
        drop(answer);
        assert!(!unread.any() && unread.begin_turn().is_ok());
    }

    #[test]
    fn an_answer_with_progress_is_not_left_behind_by_one_that_makes_none() {
        let unread = Arc::new(Unread::default());
        let (slow, stuck) = (Counted::new(&unread), Counted::new(&unread));
        for _ in 0..Unread::TURNS {
            unread.begin_turn().unwrap();
            slow.progress();
        }
        assert!(unread.begin_turn().is_err());
        drop(stuck);
        for _ in 0..Unread::TURNS {
            unread.begin_turn().unwrap();
        }
        assert!(unread.begin_turn().is_err());
        drop(slow);
        assert!(!unread.any());
    }
}
