//! [`OrReference`]: a part of a document, or a [`Reference`] to one.

use serde::Serialize;
use serde_json::{Map, Value};

use super::error::DescriptionError;
use super::read::{Members, Place, Read};

/// The member that makes an object a reference.
const REF: &str = "$ref";

/// A reference to another part of a document: `{"$ref": "#/components/tags/Users"}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Reference {
    /// The JSON pointer to the part, as the fragment of a URI.
    #[serde(rename = "$ref")]
    pub reference: String,
    /// All other members. The specification allows none.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// A part of a document, or a reference to one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum OrReference<T> {
    /// The part.
    Item(T),
    /// A reference to the part.
    Reference(Reference),
}

impl<T> OrReference<T> {
    /// Returns the part, or `None` for a reference.
    pub fn item(&self) -> Option<&T> {
        match self {
            Self::Item(item) => Some(item),
            Self::Reference(_) => None,
        }
    }

    /// Returns the reference, or `None` for a part.
    pub fn reference(&self) -> Option<&Reference> {
        match self {
            Self::Item(_) => None,
            Self::Reference(reference) => Some(reference),
        }
    }
}

impl Read for Reference {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "a reference", place)?;
        Ok(Self { reference: members.required(REF)?, extensions: members.rest() })
    }
}

impl<T: Read> Read for OrReference<T> {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        if value.get(REF).is_some() {
            Reference::read(value, place).map(Self::Reference)
        } else {
            T::read(value, place).map(Self::Item)
        }
    }
}
