//! The meaning of an [`ErrorObject`]: by the reason in its data if the code has reasons, else by its code. The client
//! also checks here whether the header `Rpc-Refused` can be genuine with an HTTP status.

use http::StatusCode;

use super::meaning::{Meaning, Proof};
use super::table::CodeSpec;
use crate::{Denial, ErrorCode, ErrorKind, ErrorObject, KeyRefusal};

impl ErrorObject {
    /// Returns what the error means to code that passes it on, counts it or retries its call. If its data names a
    /// reason, the meaning is that of the reason, else that of the code.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::codes::RetryRule;
    /// use rpc::{ErrorCode, ErrorKind, ErrorObject, KeyRefusal};
    ///
    /// let error = KeyRefusal::Mismatch.to_error_object();
    /// assert_eq!(error.meaning().kind, ErrorKind::Validation);
    /// assert_eq!(error.meaning().retry, RetryRule::Never);
    /// assert_eq!(ErrorObject::new(1001, "sold out").meaning().kind, ErrorKind::Method);
    /// ```
    pub fn meaning(&self) -> Meaning {
        let of_reason = match self.code() {
            ErrorCode::ACCESS_DENIED => Denial::from_error_object(self).map(Denial::meaning),
            ErrorCode::KEY_REFUSED => KeyRefusal::from_error_object(self).map(KeyRefusal::meaning),
            _ => None,
        };
        of_reason.unwrap_or(self.code().meaning())
    }
}

impl ErrorKind {
    /// Returns the kind of a JSON-RPC error: by its code and, if the code has several reasons, by its data.
    ///
    /// Codes of services are [`Method`](Self::Method). Reserved codes without a row in the table are
    /// [`Internal`](Self::Internal).
    pub fn of_error(error: &ErrorObject) -> Self {
        error.meaning().kind
    }
}

/// Returns whether the server ever sends the header `Rpc-Refused` with this status.
///
/// With any other status, the header comes from elsewhere, such as a gateway that replaced the answer. So it proves
/// nothing.
pub fn is_refusal_status(status: StatusCode) -> bool {
    let refuses = |meaning: Meaning| meaning.proof == Proof::NotRun && meaning.http.all().contains(&status);
    status == StatusCode::OK
        || CodeSpec::ALL.iter().any(|spec| refuses(spec.meaning))
        || Denial::ALL.iter().any(|denial| refuses(denial.meaning()))
        || KeyRefusal::ALL.iter().any(|refusal| refuses(refusal.meaning()))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use crate::codes::Proof;
    use crate::{Denial, ErrorCode, ErrorKind, ErrorObject, KeyRefusal};

    #[test]
    fn statuses_and_codes_of_one_meaning_are_of_one_kind() {
        for (status, code, kind) in [
            (400, -32600, ErrorKind::Validation),
            (413, -32090, ErrorKind::Validation),
            (422, -32602, ErrorKind::Validation),
            (404, -32601, ErrorKind::NotFound),
            (408, -32094, ErrorKind::Timeout),
            (504, -32093, ErrorKind::Timeout),
            (504, -32095, ErrorKind::Timeout),
            (500, -32603, ErrorKind::Internal),
            (503, -32092, ErrorKind::Unavailable),
            (429, -32099, ErrorKind::RateLimited),
        ] {
            assert_eq!(ErrorKind::of_status(StatusCode::from_u16(status).unwrap()), kind, "{status}");
            assert_eq!(ErrorKind::of_error(&ErrorObject::new(code, "")), kind, "{code}");
        }
    }

    #[test]
    fn codes_without_a_status_of_one_meaning_have_a_kind() {
        for (code, kind) in [
            (-32700, ErrorKind::Validation),
            (-32604, ErrorKind::Internal),
            (-32091, ErrorKind::Internal),
            (-32096, ErrorKind::Unavailable),
            (-32097, ErrorKind::Internal),
            (-32098, ErrorKind::Authentication),
            (-32000, ErrorKind::Method),
        ] {
            assert_eq!(ErrorKind::of_error(&ErrorObject::new(code, "")), kind, "{code}");
        }
        assert_eq!(ErrorKind::of_error(&Denial::Forbidden.to_error_object("", &[])), ErrorKind::Authorization);
    }

    /// An error from before the lookup of the key proves nothing about earlier attempts.
    #[test]
    fn only_errors_from_before_the_key_is_looked_up_leave_earlier_attempts_open() {
        for (code, proof) in [
            (-32700, Proof::NotRun),
            (-32600, Proof::NotRun),
            (-32601, Proof::NotRun),
            (-32602, Proof::NoEffect),
            (-32603, Proof::Nothing),
            (-32604, Proof::Nothing),
            (-32091, Proof::Ran),
            (1001, Proof::Nothing),
        ] {
            assert_eq!(ErrorCode::new(code).meaning().proof, proof, "{code}");
        }
    }

    #[test]
    fn what_only_http_or_only_a_service_says_has_a_kind_of_its_own() {
        for (status, kind) in [
            (401, ErrorKind::Authentication),
            (403, ErrorKind::Authorization),
            (502, ErrorKind::Unavailable),
            (302, ErrorKind::Internal),
        ] {
            assert_eq!(ErrorKind::of_status(StatusCode::from_u16(status).unwrap()), kind, "{status}");
        }
        assert_eq!(ErrorKind::of_error(&ErrorObject::new(1001, "")), ErrorKind::Method);
        assert_eq!(ErrorKind::of_error(&KeyRefusal::Mismatch.to_error_object()), ErrorKind::Validation);
        assert_eq!(ErrorKind::of_error(&KeyRefusal::Duplicate.to_error_object()), ErrorKind::Validation);
        assert_eq!(ErrorKind::of_error(&KeyRefusal::OtherSubject.to_error_object()), ErrorKind::Authorization);
        assert_eq!(ErrorKind::of_error(&KeyRefusal::InProgress.to_error_object()), ErrorKind::Unavailable);
    }
}
