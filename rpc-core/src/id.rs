//! [`Id`] and [`IdRef`]: the id of a call, kept as JSON text so that it is echoed byte for byte. [`IdRef`] borrows it
//! from the message.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The id of a call, [section 4](https://www.jsonrpc.org/specification#request_object): a string, a number or null.
///
/// An id keeps its JSON text, so that it is echoed byte for byte: `1.0`, `1e30` and a number of thirty digits come back
/// unchanged. Two ids are equal if their texts are.
///
/// # Example
///
/// ```
/// use rpc::Id;
///
/// assert_eq!(Id::from(7).to_string(), "7");
/// assert_eq!(Id::from("seven").to_string(), r#""seven""#);
/// let id: Id = serde_json::from_str("1e30")?;
/// assert_eq!(id.to_string(), "1e30");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id(IdRepr);

/// `Number` holds only numbers that print as the text that was read. Anything else keeps its text.
#[derive(Clone, PartialEq, Eq, Hash)]
enum IdRepr {
    Null,
    Number(u64),
    Text(Box<str>),
}

impl Id {
    /// The id `null`. The specification reserves it for answers to requests with an unreadable id.
    pub const NULL: Self = Self(IdRepr::Null);

    /// Returns whether the id is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.0, IdRepr::Null)
    }

    /// Returns the number, if the id is one that fits into a `u64` and is written without fraction, exponent or sign.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::Id;
    ///
    /// assert_eq!(Id::from(7).as_u64(), Some(7));
    /// assert_eq!(serde_json::from_str::<Id>("7.0")?.as_u64(), None);
    /// assert_eq!(Id::from("7").as_u64(), None);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn as_u64(&self) -> Option<u64> {
        match self.0 {
            IdRepr::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Returns the string with its escapes resolved, if the id is a string.
    pub fn to_text(&self) -> Option<String> {
        match &self.0 {
            IdRepr::Text(json) if json.starts_with('"') => serde_json::from_str(json).ok(),
            _ => None,
        }
    }

    /// Writes the id as JSON, faster than by formatting.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match &self.0 {
            IdRepr::Null => out.extend_from_slice(b"null"),
            IdRepr::Number(number) => serde_json::to_writer(out, number).expect("a vector takes any number"),
            IdRepr::Text(json) => out.extend_from_slice(json.as_bytes()),
        }
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self(IdRepr::Number(number))
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self(IdRepr::Text(serde_json::Value::from(text).to_string().into()))
    }
}

impl From<String> for Id {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// Writes the id as JSON.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            IdRepr::Null => f.write_str("null"),
            IdRepr::Number(number) => number.fmt(f),
            IdRepr::Text(json) => f.write_str(json),
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            IdRepr::Null => serializer.serialize_unit(),
            IdRepr::Number(number) => serializer.serialize_u64(*number),
            IdRepr::Text(json) => {
                serde_json::from_str::<&RawValue>(json).map_err(serde::ser::Error::custom)?.serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let id = IdRef::from_json(raw.get()).ok_or_else(|| D::Error::custom(IdRef::EXPECTED))?;
        Ok(id.to_id())
    }
}

/// An [`Id`] borrowed from the bytes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdRef<'a>(&'a str);

impl<'a> IdRef<'a> {
    /// The id `null`.
    pub const NULL: IdRef<'static> = IdRef("null");

    pub(crate) const EXPECTED: &'static str = "id must be a string, a number or null";

    /// Reads an id from its JSON text. Returns `None` if the value has a type that ids cannot have.
    ///
    /// The text must be valid JSON without white space around it, such as that of a `RawValue`.
    pub fn from_json(json: &'a str) -> Option<Self> {
        match json.as_bytes().first()? {
            b'"' | b'-' | b'0'..=b'9' | b'n' => Some(Self(json)),
            _ => None,
        }
    }

    /// Returns the id's JSON text, as it was received.
    pub fn as_json(self) -> &'a str {
        self.0
    }

    /// Returns whether the id is `null`.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// Returns the number, if the id is one that fits into a `u64` and is written in its shortest form.
    pub fn as_u64(self) -> Option<u64> {
        let digits = self.0.as_bytes();
        let shortest = digits.len() <= 20 && (digits[0] != b'0' || digits.len() == 1);
        // `parse` alone would also accept a leading plus sign, which JSON does not have.
        if shortest && digits[0].is_ascii_digit() { self.0.parse().ok() } else { None }
    }

    /// Copies the id.
    // Inlined for one of its callers, which makes the context of each call that needs one.
    #[inline(always)]
    pub fn to_id(self) -> Id {
        if self.is_null() {
            return Id::NULL;
        }
        Id(self.as_u64().map_or_else(|| IdRepr::Text(self.0.into()), IdRepr::Number))
    }
}

#[cfg(test)]
mod tests {
    use super::{Id, IdRef};

    #[test]
    fn every_id_prints_as_the_text_it_was_read_from() {
        for json in ["null", "0", "-1", "1.5", "-0", "1E5", "18446744073709551615", "18446744073709551616", "1e30"]
            .into_iter()
            .chain(["123456789012345678901234567890", r#""""#, r#""\u0041\/""#, r#""\ud800""#])
        {
            let id: Id = serde_json::from_str(json).unwrap();
            assert_eq!(id.to_string(), json);
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
            let mut written = Vec::new();
            id.write(&mut written);
            assert_eq!(written, json.as_bytes());
        }
    }

    #[test]
    fn values_of_other_types_are_no_ids() {
        for json in ["true", "false", "{}", "[1]"] {
            assert!(serde_json::from_str::<Id>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn numbers_are_numbers_only_in_their_shortest_form() {
        let number = |json| IdRef::from_json(json).unwrap().as_u64();
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("18446744073709551615"), Some(u64::MAX));
        assert_eq!(number("18446744073709551616"), None);
        assert_eq!(number("1.0"), None);
        assert_eq!(number("-1"), None);
        assert_eq!(number("\"1\""), None);
    }

    #[test]
    fn strings_lose_their_escapes_only_on_request() {
        let id: Id = serde_json::from_str(r#""\u0061b""#).unwrap();
        assert_eq!(id.to_text().as_deref(), Some("ab"));
        assert_ne!(id, Id::from("ab"));
    }
}
