use crate::codec::MAX_DEPTH;

/// Keeps the arrays and objects that are open, a bit for each.
#[derive(Default)]
pub(super) struct Levels {
    /// The innermost is the lowest bit, which is set for an object.
    kinds: u128,
    open: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Array,
    Object,
}

impl Levels {
    /// Tells whether no more may be opened, since the message around them is a level too.
    pub(super) fn are_full(&self) -> bool {
        const { assert!(MAX_DEPTH <= u128::BITS as usize) }
        self.open == MAX_DEPTH - 1
    }

    #[inline]
    pub(super) fn open(&mut self, level: Level) {
        self.kinds = self.kinds << 1 | u128::from(level == Level::Object);
        self.open += 1;
    }

    #[inline]
    pub(super) fn innermost(&self) -> Level {
        if self.kinds & 1 == 1 { Level::Object } else { Level::Array }
    }

    /// Closes the innermost and tells whether it was the last.
    #[inline]
    pub(super) fn close(&mut self) -> bool {
        self.kinds >>= 1;
        self.open -= 1;
        self.open == 0
    }
}
