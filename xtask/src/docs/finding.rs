//! A fault, and where it is.

use std::fmt::{self, Display, Formatter};

/// A fault in a line of a file.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    path: String,
    /// Counted from 1.
    line: usize,
    fault: String,
}

impl Finding {
    /// Makes a finding of a line that is counted from 0.
    pub(super) fn new(path: &str, line: usize, fault: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: line + 1, fault: fault.into() }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.fault)
    }
}
