//! [`Credit`]: how many bytes of a stream its client is willing to take.

/// The credit of a new stream, in bytes.
const INITIAL: i64 = 64 << 10;

/// The bytes that a stream may still send. The last message may exceed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Credit(Option<i64>);

impl Credit {
    /// Returns the credit of a new stream.
    pub(super) fn new() -> Self {
        Self(Some(INITIAL))
    }

    /// Returns the credit of a stream whose client gives none. Only the connection's room limits it.
    pub(super) fn unlimited() -> Self {
        Self(None)
    }

    pub(super) fn is_positive(self) -> bool {
        self.0.is_none_or(|left| left > 0)
    }

    /// Takes the bytes of a message that was sent.
    pub(super) fn take(&mut self, bytes: usize) {
        if let Some(left) = &mut self.0 {
            *left = left.saturating_sub_unsigned(bytes as u64);
        }
    }

    /// Adds bytes that the client has given.
    pub(super) fn add(&mut self, bytes: u64) {
        if let Some(left) = &mut self.0 {
            *left = left.saturating_add_unsigned(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Credit;

    #[test]
    fn last_message_may_exceed_the_credit() {
        let mut credit = Credit::new();
        credit.take((64 << 10) - 1);
        assert!(credit.is_positive());
        credit.take(1000);
        assert!(!credit.is_positive());
        credit.add(999);
        assert!(!credit.is_positive());
        credit.add(1);
        assert!(credit.is_positive());
        credit.add(u64::MAX);
        credit.add(u64::MAX);
        assert!(credit.is_positive());
    }

    #[test]
    fn unlimited_credit_does_not_end() {
        let mut credit = Credit::unlimited();
        credit.take(usize::MAX);
        assert!(credit.is_positive());
    }
}
