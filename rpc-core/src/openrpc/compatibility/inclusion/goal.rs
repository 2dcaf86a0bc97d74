//! [`Goals`]: the comparisons that remain after a look at the keywords of one schema.

use serde_json::Value;

use super::conjunction::Conjunction;
use super::violation::{Place, Violation};

/// Whether values may have properties that their schema does not describe.
///
/// A schema with `properties` allows any others, unless it has `additionalProperties`. But programs write the described
/// ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undescribed {
    /// Values may have them, as JSON Schema says.
    Possible,
    /// Values do not have them if the schema describes `properties`, but neither `additionalProperties` nor
    /// `patternProperties`.
    Absent,
}

/// One comparison that remains: all values under `a` must be valid under `b`.
#[derive(Debug)]
pub(super) struct Goal<'a, 'b> {
    pub(super) a: Conjunction<'a>,
    pub(super) b: &'b Value,
    pub(super) place: Place,
}

/// The comparisons that remain, and the violations that are certain already.
#[derive(Debug)]
pub(super) struct Goals<'a, 'b> {
    pub(super) undescribed: Undescribed,
    pub(super) remaining: Vec<Goal<'a, 'b>>,
    pub(super) found: Vec<Violation>,
}

impl<'a, 'b> Goals<'a, 'b> {
    pub(super) fn new(undescribed: Undescribed) -> Self {
        Self { undescribed, remaining: Vec::new(), found: Vec::new() }
    }

    pub(super) fn add(&mut self, a: Conjunction<'a>, b: &'b Value, place: Place) {
        self.remaining.push(Goal { a, b, place });
    }
}
