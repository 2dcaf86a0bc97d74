//! [`Change`]: a difference of two descriptions, named by its rule.

use std::fmt;

use super::rule::{Level, Rule};

/// A difference of two descriptions of a service.
///
/// `Display` writes it on one line: ``wire  param-enum-value-removed  user.list, param `order`: `"asc"` is no longer
/// accepted``.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The rule that names the change.
    pub rule: Rule,
    /// What changed, such as ``user.list, param `filter`, .name``.
    pub place: String,
    /// How it changed.
    pub message: String,
}

impl Change {
    pub(super) fn new(rule: Rule, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { rule, place: place.into(), message: message.into() }
    }

    /// Returns how the change affects old clients.
    pub fn level(&self) -> Level {
        self.rule.level()
    }

    /// Returns whether the change may break someone: all levels but [`Level::Compatible`].
    pub fn is_breaking(&self) -> bool {
        self.level().is_breaking()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}  {}: {}", self.level(), self.rule, self.place, self.message)
    }
}
