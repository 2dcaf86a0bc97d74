//! [`KeyRefusal`]: why a call is not run because of its idempotency key, as the data of -32096.

use http::StatusCode;

use crate::codes::{HttpStatus, Proof, RetryRule, reasons};
use crate::{ErrorCode, ErrorKind, ErrorObject};

reasons! {
    /// Why a server does not run a call that has an idempotency key. It is the `data` of [`ErrorCode::KEY_REFUSED`],
    /// such as `{"reason": "in_progress"}`.
    pub enum KeyRefusal of KEY_REFUSED {
        /// The first call with the key is still running. The same call may be retried later.
        InProgress = "in_progress" {
            http: HttpStatus::KeyHeader(StatusCode::CONFLICT),
            kind: ErrorKind::Unavailable,
            proof: Proof::Nothing,
            retry: RetryRule::Wait,
        }
        /// The key belongs to a call of another method or with other params.
        Mismatch = "mismatch" {
            http: HttpStatus::KeyHeader(StatusCode::UNPROCESSABLE_ENTITY),
            kind: ErrorKind::Validation,
            proof: Proof::NotRun,
            retry: RetryRule::Never,
        }
        /// The server's store is not the one that the client relies on.
        OtherStore = "other_store" {
            http: HttpStatus::Ok,
            kind: ErrorKind::Unavailable,
            proof: Proof::NotRun,
            retry: RetryRule::OtherStore,
        }
        /// The received keys are not the sent ones: something on the way has changed ids.
        KeysLost = "keys_lost" {
            http: HttpStatus::Ok,
            kind: ErrorKind::Unavailable,
            proof: Proof::NotRun,
            retry: RetryRule::WithoutKeys,
        }
        /// Another call of the same request has the same key.
        Duplicate = "duplicate" {
            http: HttpStatus::Ok,
            kind: ErrorKind::Validation,
            proof: Proof::NotRun,
            retry: RetryRule::Never,
        }
        /// The call's ticket was issued to a caller with another subject.
        OtherSubject = "other_subject" {
            http: HttpStatus::Ok,
            kind: ErrorKind::Authorization,
            proof: Proof::NotRun,
            retry: RetryRule::Never,
        }
        /// The store has no room for another key, or cannot be reached.
        StoreUnavailable = "store_unavailable" {
            http: HttpStatus::Ok,
            kind: ErrorKind::Unavailable,
            proof: Proof::NotRun,
            retry: RetryRule::Later,
        }
    }
}

impl KeyRefusal {
    /// Makes the error for this reason.
    pub fn to_error_object(self) -> ErrorObject {
        ErrorObject::from(ErrorCode::KEY_REFUSED).with_data(&serde_json::json!({ "reason": self }))
    }
}

#[cfg(test)]
mod tests {
    use super::KeyRefusal;
    use crate::{ErrorCode, ErrorObject};

    #[test]
    fn every_reason_survives_a_round_trip() {
        for &refusal in KeyRefusal::ALL {
            assert_eq!(KeyRefusal::from_error_object(&refusal.to_error_object()), Some(refusal));
        }
        assert_eq!(KeyRefusal::from_error_object(&ErrorObject::internal()), None);
    }

    #[test]
    fn only_text_is_a_reason() {
        let read = |data: &str| {
            let error = ErrorObject::from(ErrorCode::KEY_REFUSED);
            KeyRefusal::from_error_object(&error.with_raw_data(serde_json::from_str(data).unwrap()))
        };
        assert_eq!(read(r#"{"reason":"in\u005fprogress","since":1}"#), Some(KeyRefusal::InProgress));
        for data in [r#"{"reason":{"in_progress":null}}"#, r#"{"reason":"other"}"#, r#"{"reason":null}"#, "{}", "null"]
        {
            assert_eq!(read(data), None, "{data}");
        }
    }
}
