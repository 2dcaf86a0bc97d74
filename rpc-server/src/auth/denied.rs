use std::borrow::Cow;
use std::fmt;

use rpc_core::{Denial, ErrorCode};

/// Says that a request is refused because of who makes it.
///
/// What is given as the reason is told to the caller, so it should not help those who guess.
#[derive(Clone, Debug)]
pub struct Denied {
    pub(crate) kind: Kind,
    pub(crate) reason: Cow<'static, str>,
}

/// Says how a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Access(Denial),
    Unavailable,
}

impl Denied {
    /// The credentials do not hold: HTTP 401, code -32098. The client does not send the request again.
    pub fn unauthenticated(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: Kind::Access(Denial::Unauthenticated), reason: reason.into() }
    }

    /// The caller is known and may call nothing here: HTTP 403, code -32098. The client does not send the request again.
    pub fn forbidden(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: Kind::Access(Denial::Forbidden), reason: reason.into() }
    }

    /// Who calls cannot be found out at the moment: HTTP 503, code -32092. The client may send the request again.
    pub fn unavailable() -> Self {
        Self { kind: Kind::Unavailable, reason: Cow::Borrowed("") }
    }
}

impl Denied {
    /// Returns the code that its calls are answered with.
    pub(crate) fn code(&self) -> ErrorCode {
        match self.kind {
            Kind::Access(_) => ErrorCode::ACCESS_DENIED,
            Kind::Unavailable => ErrorCode::OVERLOADED,
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Access(denial) => denial.reason(),
            Kind::Unavailable => "authentication is unavailable",
        })?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}

impl std::error::Error for Denied {}
