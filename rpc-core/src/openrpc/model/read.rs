//! Reads the objects of a document from JSON values, and knows the place of each value for errors. serde's derives
//! could not tell whether an object is a reference before they read it, and would lose the place while they try.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::error::{DescriptionError, Problem};
use crate::{ErrorCode, Excerpt};

/// A part of a document.
pub(in crate::openrpc) trait Read: Sized {
    /// Reads the part that is at the place.
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError>;
}

/// The place of a value in a document. `Display` writes it like `methods[3].params[0]`.
#[derive(Clone, Copy)]
pub(in crate::openrpc) enum Place<'p> {
    Document,
    Member(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

impl<'p> Place<'p> {
    pub(in crate::openrpc) fn member(&'p self, name: &'p str) -> Self {
        Self::Member(self, name)
    }

    pub(in crate::openrpc) fn item(&'p self, index: usize) -> Self {
        Self::Item(self, index)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document => Ok(()),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Member(parent, name) if !is_plain(name) => write!(f, "{parent}[{:?}]", Excerpt(name)),
            Self::Member(Self::Document, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
        }
    }
}

/// Returns whether a name is clear without quotes.
fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte);
    (1..=100).contains(&name.len()) && name.bytes().all(is_plain)
}

/// The members of an object that are not read yet.
pub(in crate::openrpc) struct Members<'p> {
    left: Map<String, Value>,
    object: &'static str,
    place: &'p Place<'p>,
}

impl<'p> Members<'p> {
    /// Takes the members of an object, which errors call `object`.
    pub(in crate::openrpc) fn of(
        value: Value,
        object: &'static str,
        place: &'p Place<'p>,
    ) -> Result<Self, DescriptionError> {
        match value {
            Value::Object(left) => Ok(Self { left, object, place }),
            other => Err(unexpected(object, &other, place)),
        }
    }

    pub(in crate::openrpc) fn required<T: Read>(&mut self, name: &'static str) -> Result<T, DescriptionError> {
        let place = self.place.member(name);
        match self.left.remove(name) {
            Some(value) => T::read(value, &place),
            None => Err(DescriptionError::new(self.place, Problem::Missing { object: self.object, member: name })),
        }
    }

    /// Reads a member that may be absent. Some generators write `null` for absent members.
    pub(in crate::openrpc) fn optional<T: Read>(&mut self, name: &'static str) -> Result<Option<T>, DescriptionError> {
        match self.left.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::read(value, &self.place.member(name)).map(Some),
        }
    }

    /// Takes a member that may have any value, also `null`.
    pub(in crate::openrpc) fn any(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name)
    }

    /// Returns all members that were not read.
    pub(in crate::openrpc) fn rest(self) -> Map<String, Value> {
        self.left
    }
}

/// Makes the error for a value of the wrong type.
pub(in crate::openrpc) fn unexpected(expected: &'static str, found: &Value, place: &Place<'_>) -> DescriptionError {
    let found = match found {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string `{}`", Excerpt(text)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    DescriptionError::new(place, Problem::Unexpected { expected, found })
}

impl Read for String {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(unexpected("a string", &other, place)),
        }
    }
}

impl Read for bool {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        value.as_bool().ok_or_else(|| unexpected("a boolean", &value, place))
    }
}

impl Read for ErrorCode {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        value.as_i64().map(Self::from).ok_or_else(|| unexpected("an integer of 64 bits", &value, place))
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        match value {
            Value::Array(items) => {
                items.into_iter().enumerate().map(|(index, item)| T::read(item, &place.item(index))).collect()
            }
            other => Err(unexpected("an array", &other, place)),
        }
    }
}

impl<T: Read> Read for BTreeMap<String, T> {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        match value {
            Value::Object(members) => {
                let read = |(name, value): (String, Value)| {
                    let part = T::read(value, &place.member(&name))?;
                    Ok((name, part))
                };
                members.into_iter().map(read).collect()
            }
            other => Err(unexpected("an object", &other, place)),
        }
    }
}
