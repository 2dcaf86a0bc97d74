use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::finite;

/// A value that is serialized once, however many streams send it.
///
/// Cloning is cheap. Use it as the item of streams that send the same events to many clients.
///
/// # Example
///
/// ```
/// use rpc::Shared;
///
/// let event = Shared::new(&("EURUSD", 1.09))?;
/// // Each subscriber gets a clone, and none of them serializes the value again.
/// let (one, other) = (event.clone(), event);
/// assert_eq!(serde_json::to_string(&one)?, r#"["EURUSD",1.09]"#);
/// assert_eq!(one.as_json(), other.as_json());
/// # Ok::<(), serde_json::Error>(())
/// ```
pub struct Shared<T> {
    json: Arc<RawValue>,
    value: std::marker::PhantomData<fn() -> T>,
}

impl<T> Shared<T> {
    /// Returns the JSON text.
    pub fn as_json(&self) -> &str {
        self.json.get()
    }
}

impl<T: Serialize> Shared<T> {
    /// Serializes a value.
    ///
    /// # Errors
    ///
    /// Returns an error if the value cannot be written as JSON.
    pub fn new(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self { json: finite::to_raw_value(value)?.into(), value: std::marker::PhantomData })
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self { json: Arc::clone(&self.json), value: std::marker::PhantomData }
    }
}

impl<T> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shared").field(&self.json).finish()
    }
}

#[cfg(feature = "openrpc")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Shared<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}
