//! [`Violation`]: why a value that is valid under one schema may be invalid under another one.

use serde_json::Value;

use super::types::TypeSet;

/// A reason why a value that is valid under one schema may be invalid under another one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Violation {
    /// The place inside the value, such as `.items[].name`, or an empty text for the value itself.
    pub place: String,
    /// The reason.
    pub kind: ViolationKind,
}

/// What the other schema does not accept.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ViolationKind {
    /// Values of these types.
    Type(TypeSet),
    /// A value that the one schema lists.
    Value(Value),
    /// Values other than those that the other schema lists.
    Unlisted,
    /// One of the alternatives.
    Alternative,
    /// Values outside of a limit of the other schema, such as `maxLength`, or the `format` of integers.
    Limit(&'static str, Value),
    /// Strings or numbers without this `pattern` or `format`.
    Format(&'static str, String),
    /// Objects without a property that the one schema does not describe.
    MissingProperty,
    /// Objects without a property that the one schema describes as optional.
    OptionalProperty,
    /// Objects with a property that the other schema does not describe.
    UnknownProperty,
    /// Perhaps nothing, but this cannot be proven. The text names the keyword, or says why.
    Incomparable(String),
}

/// A place inside a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::openrpc::compatibility) struct Place(String);

impl Place {
    pub(in crate::openrpc::compatibility) fn root() -> Self {
        Self(String::new())
    }

    pub(in crate::openrpc::compatibility) fn member(&self, name: &str) -> Self {
        let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
        let Self(place) = self;
        Self(if is_plain { format!("{place}.{name}") } else { format!("{place}[{}]", Value::from(name)) })
    }

    /// Returns the place of the members whose names no schema lists.
    pub(in crate::openrpc::compatibility) fn any_member(&self) -> Self {
        Self(format!("{}.*", self.0))
    }

    pub(in crate::openrpc::compatibility) fn items(&self) -> Self {
        Self(format!("{}[]", self.0))
    }

    pub(in crate::openrpc::compatibility) fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    pub(in crate::openrpc::compatibility) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn violated(&self, kind: ViolationKind) -> Violation {
        Violation { place: self.0.clone(), kind }
    }

    pub(super) fn incomparable(&self, why: impl Into<String>) -> Violation {
        self.violated(ViolationKind::Incomparable(why.into()))
    }
}
