use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The cursor after which a stream begins: the last parameter of each method with `#[rpc(stream, resume)]`.
///
/// It is empty for a new stream. When a client resumes a stream, it has the cursor of the last item that the client
/// got, and the stream begins with the item behind that one. On the wire it is the cursor itself, and absent or `null`
/// for a new stream.
///
/// # Example
///
/// ```
/// use rpc::After;
///
/// let after: After<u64> = serde_json::from_str("41")?;
/// let first = after.cursor().map_or(0, |last| last + 1);
/// assert_eq!(first, 42);
/// assert_eq!(serde_json::from_str::<After<u64>>("null")?, After::start());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct After<C>(Option<C>);

impl<C> After<C> {
    /// Begins at the start of the stream, wherever the method begins without a cursor.
    pub const fn start() -> Self {
        Self(None)
    }

    /// Begins with the item behind this cursor.
    pub const fn new(cursor: C) -> Self {
        Self(Some(cursor))
    }

    /// Returns the cursor, or `None` for a new stream.
    pub const fn cursor(&self) -> Option<&C> {
        self.0.as_ref()
    }

    /// Returns the cursor by value, or `None` for a new stream.
    pub fn into_cursor(self) -> Option<C> {
        self.0
    }
}

impl<C> Default for After<C> {
    fn default() -> Self {
        Self::start()
    }
}

impl<'de, C: Deserialize<'de>> Deserialize<'de> for After<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self)
    }
}

impl<C: Serialize> Serialize for After<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(feature = "openrpc")]
impl<C: schemars::JsonSchema> schemars::JsonSchema for After<C> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Option::<C>::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        Option::<C>::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Option::<C>::json_schema(generator)
    }
}
