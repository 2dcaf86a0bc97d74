//! [`Denial`]: why a caller may not make a call, as the data of -32098. Users return the error type
//! [`Denied`](crate::Denied).

use http::StatusCode;
use serde::Serialize;

use crate::codes::{HttpStatus, Proof, RetryRule, reasons};
use crate::{ErrorCode, ErrorKind, ErrorObject};

reasons! {
    /// Why a caller may not make a call. It is the `data` of [`ErrorCode::ACCESS_DENIED`], such as `{"reason":
    /// "forbidden", "requires": ["admin"]}`.
    pub enum Denial of ACCESS_DENIED {
        /// The server does not know the caller.
        Unauthenticated = "unauthenticated" {
            http: HttpStatus::Call(StatusCode::UNAUTHORIZED),
            kind: ErrorKind::Authentication,
            proof: Proof::NotRun,
            retry: RetryRule::Never,
        }
        /// The server knows the caller, and the caller is not allowed to make the call.
        Forbidden = "forbidden" {
            http: HttpStatus::Call(StatusCode::FORBIDDEN),
            kind: ErrorKind::Authorization,
            proof: Proof::NotRun,
            retry: RetryRule::Never,
        }
    }
}

impl Denial {
    /// Returns the message of the error.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Unauthenticated => "Unauthenticated",
            Self::Forbidden => "Forbidden",
        }
    }

    /// Makes the error for this reason. `detail` is a text for the caller, and `requires` are the roles that the caller
    /// would need. Each is left out if empty.
    pub fn to_error_object(self, detail: &str, requires: &[&str]) -> ErrorObject {
        #[derive(Serialize)]
        struct DenialData<'a> {
            reason: Denial,
            #[serde(skip_serializing_if = "str::is_empty")]
            detail: &'a str,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            requires: &'a [&'a str],
        }
        let data = DenialData { reason: self, detail, requires };
        ErrorObject::new(ErrorCode::ACCESS_DENIED, self.message()).with_data(&data)
    }
}

#[cfg(test)]
mod tests {
    use super::Denial;
    use crate::ErrorObject;

    #[test]
    fn reasons_survive_a_round_trip() {
        for &denial in Denial::ALL {
            let error = denial.to_error_object("why", &["admin"]);
            assert_eq!(Denial::from_error_object(&error), Some(denial));
        }
        assert_eq!(Denial::from_error_object(&ErrorObject::internal()), None);
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let data = |error: ErrorObject| error.data().unwrap().get().to_owned();
        assert_eq!(data(Denial::Unauthenticated.to_error_object("", &[])), r#"{"reason":"unauthenticated"}"#);
        let forbidden = Denial::Forbidden.to_error_object("", &["admin", "owner"]);
        assert_eq!(data(forbidden), r#"{"reason":"forbidden","requires":["admin","owner"]}"#);
    }
}
