//! Random choices, made of bytes that proptest shrinks.

/// Bytes that decide. When they are used up, the first choice is taken.
pub(super) struct Choices<'a> {
    rest: &'a [u8],
}

impl<'a> Choices<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns a number below a limit of at most 256.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        usize::from(*first) % limit
    }

    /// Returns `true` in `part` of `all` cases.
    pub(super) fn chance(&mut self, part: usize, all: usize) -> bool {
        self.below(all) >= all - part
    }

    pub(super) fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len())]
    }
}
