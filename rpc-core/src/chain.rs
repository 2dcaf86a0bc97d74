//! Errors that stay on the server, and the text of an error with its sources, for logs. [`ErrorChain`] copies an error
//! that cannot be moved or cloned.

use std::error::Error;
use std::fmt::{self, Write};
use std::sync::Arc;

/// An error that the server logs and does not send.
pub type SharedError = Arc<dyn Error + Send + Sync>;

/// The error for a value that cannot be written as JSON, and so does not reach its caller.
#[derive(Debug)]
pub(crate) struct SerializeError {
    pub(crate) what: &'static str,
    pub(crate) error: serde_json::Error,
}

impl fmt::Display for SerializeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be written as JSON", self.what)
    }
}

impl Error for SerializeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// A copy of an error and its sources as texts, for errors that cannot be moved or cloned.
#[derive(Debug)]
pub(crate) struct ErrorChain {
    text: String,
    source: Option<Box<Self>>,
}

impl ErrorChain {
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        Self { text: error.to_string(), source: error.source().map(|source| Box::new(Self::of(source))) }
    }
}

impl fmt::Display for ErrorChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for ErrorChain {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Returns the texts of an error and of its sources, joined by `: `.
pub fn chain_text(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        // Writing to a string does not fail.
        let _ = write!(text, ": {source}");
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::{ErrorChain, chain_text};
    use crate::{ErrorObject, Internal};

    #[test]
    fn a_chain_has_the_texts_of_all_sources() {
        let text = "outer (code 1): middle (code 2): innermost";
        let middle = ErrorObject::new(2, "middle").with_source("innermost");
        let error = ErrorObject::new(1, "outer").with_source(middle);
        assert_eq!(chain_text(&error), text);
        let chain = ErrorChain::of(&error);
        assert_eq!(chain_text(&chain), text);
        assert_eq!(chain.source().unwrap().to_string(), "middle (code 2)");
        assert_eq!(chain_text(&Internal::new(error)), text);
    }
}
