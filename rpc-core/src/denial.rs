use serde::{Deserialize, Serialize};

use crate::{ErrorCode, ErrorObject};

/// Says why a caller may not make a call. It is the `data` of [`ErrorCode::ACCESS_DENIED`], as
/// `{"reason": "forbidden", "requires": ["admin"]}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Denial {
    /// The server does not know who calls.
    Unauthenticated,
    /// The server knows who calls, and that they may not do that.
    Forbidden,
}

impl Denial {
    /// Makes the error that says so. `detail` is for the caller's eyes, `requires` are the roles that it would need; what is
    /// empty is left out.
    pub fn to_error_object(self, detail: &str, requires: &[&str]) -> ErrorObject {
        #[derive(Serialize)]
        struct Data<'a> {
            reason: Denial,
            #[serde(skip_serializing_if = "str::is_empty")]
            detail: &'a str,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            requires: &'a [&'a str],
        }
        let message = match self {
            Self::Unauthenticated => "Unauthenticated",
            Self::Forbidden => "Forbidden",
        };
        ErrorObject::new(ErrorCode::ACCESS_DENIED, message).with_data(&Data { reason: self, detail, requires })
    }

    /// Reads the reason from an error.
    pub fn from_error_object(error: &ErrorObject) -> Option<Self> {
        #[derive(Deserialize)]
        struct Data {
            reason: Denial,
        }
        if error.code() != ErrorCode::ACCESS_DENIED {
            return None;
        }
        let data: Data = serde_json::from_str(error.data()?.get()).ok()?;
        Some(data.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::Denial;
    use crate::ErrorObject;

    #[test]
    fn reasons_survive_a_round_trip() {
        for denial in [Denial::Unauthenticated, Denial::Forbidden] {
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
