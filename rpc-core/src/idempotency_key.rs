//! [`IdempotencyKey`]: the key of a call as its handler sees it. The server's stores have their own form of keys.

use std::sync::Arc;

use uuid::Uuid;

/// A call's idempotency key as handlers see it: a UUID, or the text of the header `Idempotency-Key` with a UUID that
/// represents it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    uuid: Uuid,
    /// Distinguishes subjects that use the same UUID. `None` if the key belongs to no subject.
    owner: Option<[u8; 16]>,
    header: Option<Arc<str>>,
}

/// The namespace of the UUIDs that represent texts.
const TEXTS: Uuid = Uuid::from_u128(0x3f6c_9a52_81d7_4e0b_9c35_5d2a_77e4_10f8);

impl IdempotencyKey {
    /// Makes the key of a header's text. `unique` contains the text and its owner, which together make the key unique.
    #[doc(hidden)]
    pub fn of_header(text: impl Into<Arc<str>>, unique: &[u8]) -> Self {
        Self { uuid: Uuid::new_v5(&TEXTS, unique), owner: None, header: Some(text.into()) }
    }

    /// Makes the key of a UUID that belongs to a subject. `owner` distinguishes it from other subjects that use the
    /// same UUID.
    #[doc(hidden)]
    pub fn of_owner(uuid: Uuid, owner: [u8; 16]) -> Self {
        Self { uuid, owner: Some(owner), header: None }
    }

    /// Returns the UUID: the key itself, or the UUID that represents a text.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::IdempotencyKey;
    /// use uuid::Uuid;
    ///
    /// let key = IdempotencyKey::from(Uuid::from_u128(7));
    /// assert_eq!(key.uuid(), Uuid::from_u128(7));
    /// // The same text always has the same UUID.
    /// let key = IdempotencyKey::from("order 7");
    /// assert_eq!(key.uuid(), IdempotencyKey::from("order 7").uuid());
    /// ```
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// Derives a UUID of version 5 from the key, its owner and a name.
    pub fn derive(&self, name: &str) -> Uuid {
        let namespace = self.owner.map_or(self.uuid, |owner| Uuid::new_v5(&self.uuid, &owner));
        Uuid::new_v5(&namespace, name.as_bytes())
    }

    /// Returns the text of the header `Idempotency-Key`, if the key came in it.
    pub fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }
}

impl From<Uuid> for IdempotencyKey {
    fn from(uuid: Uuid) -> Self {
        Self { uuid, owner: None, header: None }
    }
}

/// Makes the key of a header's text that belongs to no subject.
impl From<&str> for IdempotencyKey {
    fn from(text: &str) -> Self {
        Self::of_header(text, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use uuid::{Uuid, Version};

    use super::IdempotencyKey;
    use crate::{Context, MethodSpec, RequestContext};

    fn context(key: impl Into<IdempotencyKey>) -> Context {
        Context::new(MethodSpec::new("pay"), None, RequestContext::default()).with_idempotency_key(key)
    }

    #[test]
    fn a_derived_key_is_made_of_the_key_its_owner_and_the_name() {
        let (one, two) = (context(Uuid::from_u128(1)), context(Uuid::from_u128(2)));
        let charge = one.derive_key("charge").unwrap();
        assert_eq!(charge.to_string(), "5e48b0c6-07c5-5c9c-9dc9-c77e592c4037");
        assert_eq!(charge.get_version(), Some(Version::Sha1));
        assert_eq!(Some(charge), context(Uuid::from_u128(1)).derive_key("charge"));
        assert_ne!(Some(charge), one.derive_key("refund"));
        assert_ne!(Some(charge), two.derive_key("charge"));
        let of_ada = context(IdempotencyKey::of_owner(Uuid::from_u128(1), [1; 16]));
        let of_bob = context(IdempotencyKey::of_owner(Uuid::from_u128(1), [2; 16]));
        assert_eq!(of_ada.idempotency_key(), of_bob.idempotency_key());
        assert_ne!(of_ada.derive_key("charge"), of_bob.derive_key("charge"));
        assert_ne!(of_ada.derive_key("charge"), Some(charge));
        let none = Context::new(MethodSpec::new("pay"), None, RequestContext::default());
        assert_eq!((none.derive_key("charge"), none.idempotency_key()), (None, None));
    }

    #[test]
    fn a_text_has_a_uuid_that_is_always_the_same() {
        let (one, two) = (context("order 7"), context("order 8"));
        assert_eq!((one.idempotency_key_header(), two.idempotency_key_header()), (Some("order 7"), Some("order 8")));
        assert_eq!(one.idempotency_key(), context("order 7").idempotency_key());
        assert_ne!(one.idempotency_key(), two.idempotency_key());
        assert_eq!(context(Uuid::from_u128(1)).idempotency_key_header(), None);
    }
}
