use crate::codec::MAX_DEPTH;

/// The open arrays and objects, one bit for each.
#[derive(Default)]
pub(super) struct NestingStack {
    /// The lowest bit is the innermost level. It is set for an object.
    kinds: u128,
    open: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NestingKind {
    Array,
    Object,
}

impl NestingStack {
    /// Returns whether no further level can be opened. The message around them is a level too.
    pub(super) fn is_full(&self) -> bool {
        const { assert!(MAX_DEPTH <= u128::BITS as usize) }
        self.open == MAX_DEPTH - 1
    }

    #[inline]
    pub(super) fn open(&mut self, kind: NestingKind) {
        self.kinds = self.kinds << 1 | u128::from(kind == NestingKind::Object);
        self.open += 1;
    }

    #[inline]
    pub(super) fn innermost(&self) -> NestingKind {
        if self.kinds & 1 == 1 { NestingKind::Object } else { NestingKind::Array }
    }

    /// Closes the innermost level and returns whether it was the last one.
    #[inline]
    pub(super) fn close(&mut self) -> bool {
        self.kinds >>= 1;
        self.open -= 1;
        self.open == 0
    }
}
