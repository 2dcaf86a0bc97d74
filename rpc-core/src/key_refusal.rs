use serde::Deserialize;

use crate::{ErrorCode, ErrorObject};

/// Says why a server does not run a call that has an idempotency key. It is the `data` of
/// [`ErrorCode::KEY_REFUSED`], as `{"reason": "in_progress"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRefusal {
    /// The first call with the key still runs. The same call may be made again later.
    InProgress,
    /// The key belongs to a call of another method, or with other params.
    Mismatch,
    /// The server's store is not the one that the client relies on.
    OtherStore,
    /// The keys that arrived are not those that were sent: something on the way has changed ids.
    KeysLost,
    /// Another call of the same request has the same key.
    Duplicate,
    /// The call's ticket was issued to a caller with another subject.
    OtherSubject,
    /// The store has no room for another key, or cannot be reached.
    StoreUnavailable,
}

impl KeyRefusal {
    const ALL: [Self; 7] = [
        Self::InProgress,
        Self::Mismatch,
        Self::OtherStore,
        Self::KeysLost,
        Self::Duplicate,
        Self::OtherSubject,
        Self::StoreUnavailable,
    ];

    /// Returns the reason as it is written.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Mismatch => "mismatch",
            Self::OtherStore => "other_store",
            Self::KeysLost => "keys_lost",
            Self::Duplicate => "duplicate",
            Self::OtherSubject => "other_subject",
            Self::StoreUnavailable => "store_unavailable",
        }
    }

    /// Makes the error that says so.
    pub fn to_error_object(self) -> ErrorObject {
        let data = serde_json::json!({ "reason": self.reason() });
        ErrorObject::new(ErrorCode::KEY_REFUSED, "Idempotency key refused").with_data(&data)
    }

    /// Reads the reason from an error.
    pub fn from_error_object(error: &ErrorObject) -> Option<Self> {
        #[derive(Deserialize)]
        struct Data<'a> {
            #[serde(borrow)]
            reason: &'a str,
        }
        if error.code() != ErrorCode::KEY_REFUSED {
            return None;
        }
        let data: Data<'_> = serde_json::from_str(error.data()?.get()).ok()?;
        Self::ALL.into_iter().find(|refusal| refusal.reason() == data.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::KeyRefusal;
    use crate::ErrorObject;

    #[test]
    fn every_reason_survives_a_round_trip() {
        for refusal in KeyRefusal::ALL {
            assert_eq!(KeyRefusal::from_error_object(&refusal.to_error_object()), Some(refusal));
        }
        assert_eq!(KeyRefusal::from_error_object(&ErrorObject::internal()), None);
    }
}
