//! [`MethodExample`]: the view of an example of a call with its references resolved.

use std::fmt;

use super::description::Description;
use super::example::{Example, ExamplePairing};

/// An example of a call, with its references resolved.
#[derive(Clone, Copy)]
pub struct MethodExample<'a> {
    pairing: &'a ExamplePairing,
    document: &'a Description,
}

impl<'a> MethodExample<'a> {
    pub(super) fn new(pairing: &'a ExamplePairing, document: &'a Description) -> Self {
        Self { pairing, document }
    }

    /// Returns the name.
    pub fn name(&self) -> Option<&'a str> {
        self.pairing.name.as_deref()
    }

    /// Returns the short summary.
    pub fn summary(&self) -> Option<&'a str> {
        self.pairing.summary.as_deref()
    }

    /// Returns the description, in Markdown.
    pub fn description(&self) -> Option<&'a str> {
        self.pairing.description.as_deref()
    }

    /// Returns the params, in the order of the method's parameters.
    pub fn params(&self) -> impl Iterator<Item = &'a Example> + use<'a> {
        self.document.resolve_list(self.pairing.params.as_deref().unwrap_or_default())
    }

    /// Returns the result, or `None` for a notification.
    pub fn result(&self) -> Option<&'a Example> {
        self.document.resolve(self.pairing.result.as_ref()?).ok()
    }
}

impl fmt::Debug for MethodExample<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MethodExample").field(self.pairing).finish()
    }
}
