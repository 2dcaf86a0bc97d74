//! Params: decoded by name or by position into the handler's types, and encoded from the caller's.

mod absent;
mod append;
mod cursor;
mod decode;
mod encode;
mod fields;
mod fill;
mod problem;
mod shape;
mod unread;
mod value;
mod whole;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

pub use append::ParamPlace;
pub use decode::{Decode, decode};
pub use encode::{Encode, encode_params, encode_untyped};
pub use fields::Fields;
pub use value::decode_value;
#[doc(hidden)]
pub use whole::Whole;

pub(crate) use encode::encode_fields;
pub(crate) use shape::{MemberNames, ParamsShape};

use crate::ErrorObject;

/// The params of a call, undecoded: [section 4.2](https://www.jsonrpc.org/specification#parameter_structures).
///
/// Handlers given as closures can take it to forward params, or to decode them later.
///
/// # Example
///
/// ```
/// use rpc::Params;
///
/// let params: Params = serde_json::from_str(r#"{"id": 7}"#)?;
/// assert_eq!(params.as_json(), Some(r#"{"id": 7}"#));
///
/// #[derive(serde::Deserialize)]
/// struct ById { id: u64 }
/// assert_eq!(params.parse::<ById>().unwrap().id, 7);
/// assert!(params.parse::<Vec<u64>>().is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Params(Option<Box<RawValue>>);

impl Params {
    /// Returns the JSON text, an array or an object, or `None` if the call had no params.
    pub fn as_json(&self) -> Option<&str> {
        self.0.as_deref().map(RawValue::get)
    }

    /// Decodes the params as one value. Absent params decode as an empty object or array, as `None` or as `()`.
    ///
    /// # Errors
    ///
    /// Returns -32602, with data that names the invalid parameter if known. A handler can return it as its error.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ErrorObject> {
        decode_value(self.as_json())
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({})", self.as_json().unwrap_or("absent"))
    }
}

/// Reads an array or an object. `null` means absent params.
impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Option::<Box<RawValue>>::deserialize(deserializer)?;
        if raw.as_ref().is_some_and(|raw| !raw.get().starts_with(['[', '{'])) {
            return Err(D::Error::custom("params must be an array or an object"));
        }
        Ok(Self(raw))
    }
}

/// Compares the texts of the params.
impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Eq for Params {}

/// Writes the params unchanged, and `null` for absent ones.
impl Serialize for Params {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
