//! [`Candidate`]: a word that can stand at the cursor.

/// A word that can stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) text: String,
    /// One line, which may be empty.
    pub(crate) docs: String,
}

/// How long docs may be.
const MAX_DOCS: usize = 80;

impl Candidate {
    pub(super) fn new(text: impl Into<String>, docs: &str) -> Self {
        let line = docs.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let docs = line.chars().filter(|c| !c.is_control()).take(MAX_DOCS).collect();
        Self { text: text.into(), docs }
    }

    /// Returns whether a shell takes the text as it is. Names come from servers, and shells insert them into the line.
    pub(super) fn is_safe(&self) -> bool {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/@+,=".contains(c);
        !self.text.is_empty() && !self.text.starts_with('-') && self.text.chars().all(is_plain)
    }
}
