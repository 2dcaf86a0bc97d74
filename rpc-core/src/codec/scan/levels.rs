use crate::codec::MAX_DEPTH;

/// The open arrays and objects, one bit for each.
#[derive(Default)]
pub(super) struct Levels {
    /// The lowest bit is the innermost level. It is set for an object.
    kinds: u128,
    open: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Array,
    Object,
}

impl Levels {
    /// Returns whether no further level can be opened. The message around them is a level too.
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

    /// Closes the innermost level and returns whether it was the last one.
    #[inline]
    pub(super) fn close(&mut self) -> bool {
        self.kinds >>= 1;
        self.open -= 1;
        self.open == 0
    }
}
