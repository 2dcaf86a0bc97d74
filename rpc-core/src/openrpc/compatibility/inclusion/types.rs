//! [`TypeSet`]: the types that a schema allows.

use std::fmt;
use std::ops::{BitAnd, BitOr, Sub};

use serde_json::Value;

use super::number::Exact;

/// A set of JSON types. A number is either an integer or a fraction, so that integers are a subset of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeSet(u8);

impl TypeSet {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(1 << 1);
    pub(super) const INTEGER: Self = Self(1 << 2);
    pub(super) const FRACTION: Self = Self(1 << 3);
    pub(super) const STRING: Self = Self(1 << 4);
    pub(super) const ARRAY: Self = Self(1 << 5);
    pub(super) const OBJECT: Self = Self(1 << 6);
    pub(super) const NUMBER: Self = Self(Self::INTEGER.0 | Self::FRACTION.0);
    pub(super) const ALL: Self = Self((1 << 7) - 1);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::STRING, "string"),
        (Self::NUMBER, "number"),
        (Self::INTEGER, "integer"),
        (Self::FRACTION, "fraction"),
        (Self::BOOLEAN, "boolean"),
        (Self::ARRAY, "array"),
        (Self::OBJECT, "object"),
        (Self::NULL, "null"),
    ];

    /// Reads the keyword `type`. Returns `None` if it has an unknown form or type.
    pub(super) fn parse(keyword: &Value) -> Option<Self> {
        match keyword {
            Value::String(name) if name == "fraction" => None,
            Value::String(name) => Self::NAMES.iter().find(|(_, known)| known == name).map(|(set, _)| *set),
            Value::Array(names) => names.iter().try_fold(Self::NONE, |all, name| Some(all | Self::parse(name)?)),
            _ => None,
        }
    }

    /// Returns the type of a value.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if Exact::of(number).is_integer() => Self::INTEGER,
            Value::Number(_) => Self::FRACTION,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// Returns whether the set is exactly `null`.
    pub fn is_null(self) -> bool {
        self == Self::NULL
    }

    pub(super) fn meets(self, other: Self) -> bool {
        !(self & other).is_empty()
    }

    pub(super) fn is_within(self, other: Self) -> bool {
        (self - other).is_empty()
    }

    /// Returns each type of the set alone.
    pub(super) fn each(self) -> impl Iterator<Item = Self> {
        (0..7).map(|bit| Self(1 << bit)).filter(move |one| self.meets(*one))
    }
}

impl BitAnd for TypeSet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for TypeSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Sub for TypeSet {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Display for TypeSet {
    /// Writes the names, such as "`string` or `null`".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = *self;
        let mut names = Vec::new();
        for (set, name) in Self::NAMES {
            if !set.is_empty() && set.is_within(rest) {
                names.push(format!("`{name}`"));
                rest = rest - set;
            }
        }
        f.write_str(&names.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::TypeSet;

    #[test]
    fn integers_are_numbers_and_a_whole_float_is_an_integer() {
        let number = TypeSet::parse(&json!("number")).unwrap();
        assert!(TypeSet::of(&json!(1)).is_within(number) && TypeSet::of(&json!(1.5)).is_within(number));
        assert_eq!(TypeSet::of(&json!(1.0)), TypeSet::INTEGER);
        assert_eq!(TypeSet::parse(&json!(["string", "null"])).unwrap().to_string(), "`string` or `null`");
        assert_eq!((number - TypeSet::INTEGER).to_string(), "`fraction`");
        for unknown in [json!("int"), json!("fraction"), json!(1), json!(["string", "text"])] {
            assert_eq!(TypeSet::parse(&unknown), None, "{unknown}");
        }
    }
}
