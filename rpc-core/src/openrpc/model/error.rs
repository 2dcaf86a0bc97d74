//! [`DescriptionError`]: why a document is no valid description, and where.

use std::error::Error;
use std::fmt;

use crate::Excerpt;

/// An error of a document that was parsed as OpenRPC, with the place in the document.
///
/// `Display` writes the place and the reason, such as
/// `methods[3].params[0].schema: expected an object or a boolean, found a string`.
pub struct DescriptionError {
    inner: Box<Inner>,
}

struct Inner {
    place: String,
    problem: Problem,
}

/// The reasons.
#[derive(Debug)]
pub(in crate::openrpc) enum Problem {
    /// The text is not JSON, or nested too deep.
    Syntax(serde_json::Error),
    /// Arrays and objects are nested deeper than this.
    TooDeep(usize),
    /// An object lacks a member.
    Missing { object: &'static str, member: &'static str },
    /// A value has the wrong type.
    Unexpected { expected: &'static str, found: String },
    /// The document has another version.
    Version(String),
    /// Two methods have the same name.
    Duplicate { name: String, first: String },
    /// A reference points into another document.
    Foreign(String),
    /// A reference is no JSON pointer.
    NotAPointer(String),
    /// A reference points to nothing of the expected kind.
    Dangling { reference: String, expected: &'static str },
    /// References lead in a circle.
    Circle(String),
}

impl DescriptionError {
    pub(in crate::openrpc) fn new(place: impl fmt::Display, problem: Problem) -> Self {
        Self { inner: Box::new(Inner { place: place.to_string(), problem }) }
    }

    /// Returns the place in the document, such as `methods[3].params[0].schema`, or `line 3, column 7` if the text is
    /// not JSON. It is empty for the document as a whole.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::openrpc::Description;
    ///
    /// let text = r#"{ "openrpc": "1.3.2", "info": { "title": "Math", "version": 1 }, "methods": [] }"#;
    /// let error = Description::parse(text).unwrap_err();
    /// assert_eq!(error.place(), "info.version");
    /// assert_eq!(error.to_string(), "info.version: expected a string, found the number 1");
    /// ```
    pub fn place(&self) -> &str {
        &self.inner.place
    }
}

impl fmt::Display for DescriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { place, problem } = &*self.inner;
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        match problem {
            Problem::Syntax(_) => f.write_str("the document cannot be read as JSON"),
            Problem::TooDeep(limit) => write!(f, "arrays and objects are nested in more than {limit} levels"),
            Problem::Missing { object, member } => write!(f, "{object} needs the member `{member}`"),
            Problem::Unexpected { expected, found } => write!(f, "expected {expected}, found {found}"),
            Problem::Version(found) => {
                write!(f, "version `{}` of OpenRPC is not supported, expected 1.x", Excerpt(found))
            }
            Problem::Duplicate { name, first } => {
                write!(f, "the name `{}` is already the name of {first}", Excerpt(name))
            }
            Problem::Foreign(reference) => {
                write!(f, "`{}` refers to another document, which is not read", Excerpt(reference))
            }
            Problem::NotAPointer(reference) => {
                write!(f, "`{}` is no JSON pointer such as `#/components/schemas/User`", Excerpt(reference))
            }
            Problem::Dangling { reference, expected } => {
                write!(f, "`{}` does not refer to {expected} of this document", Excerpt(reference))
            }
            Problem::Circle(reference) => {
                write!(f, "`{}` leads in a circle, or along too many references", Excerpt(reference))
            }
        }
    }
}

impl fmt::Debug for DescriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DescriptionError")
            .field("place", &self.inner.place)
            .field("problem", &self.inner.problem)
            .finish()
    }
}

impl Error for DescriptionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.inner.problem {
            Problem::Syntax(error) => Some(error),
            _ => None,
        }
    }
}
