//! [`Effort`]: limits the work of one comparison, and remembers the values of long lists.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::number::{are_equal, canonical};

/// The maximum number of steps of one comparison. Each schema that a value is evaluated under is one.
const MAX_STEPS: usize = 1_000_000;

/// The length from which a list of values is indexed.
const LONG: usize = 16;

/// The work that one comparison may still do. All evaluations and proofs of the comparison share it.
#[derive(Debug)]
pub(super) struct Effort {
    steps: Cell<usize>,
    /// The canonical texts of the values of `enum`, by the address of the list.
    listed: RefCell<HashMap<usize, HashSet<String>>>,
}

impl Effort {
    pub(super) fn new() -> Self {
        Self { steps: Cell::new(MAX_STEPS), listed: RefCell::default() }
    }

    /// Takes steps, or returns `false` if too few remain.
    pub(super) fn take(&self, steps: usize) -> bool {
        let rest = self.steps.get().checked_sub(steps);
        self.steps.set(rest.unwrap_or(0));
        rest.is_some()
    }

    /// Returns whether a list of a schema has a value. The schema must outlive the comparison.
    pub(super) fn is_listed(&self, list: &[Value], value: &Value) -> bool {
        if list.len() < LONG {
            return list.iter().any(|listed| are_equal(listed, value));
        }
        let mut all = self.listed.borrow_mut();
        let texts = all.entry(list.as_ptr().addr()).or_insert_with(|| list.iter().map(canonical).collect());
        texts.contains(&canonical(value))
    }
}
