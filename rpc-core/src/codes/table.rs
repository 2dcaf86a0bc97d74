//! The rows of the table of error codes. A macro makes the documented constants of [`ErrorCode`] from them. Add a new
//! code here and in docs/wire.md; a test compares the two.

use http::StatusCode;

use super::meaning::{HttpStatus, Limit, Meaning, Proof, RetryRule};
use crate::{ErrorCode, ErrorKind};

/// A row of the table: a code of the specification or of the framework, and its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodeSpec {
    /// The code.
    pub code: ErrorCode,
    /// The name of the constant, such as `METHOD_NOT_FOUND`.
    pub name: &'static str,
    /// The message, or its beginning. The message of [`ACCESS_DENIED`](ErrorCode::ACCESS_DENIED) depends on the
    /// [reason](crate::Denial::message).
    pub message: &'static str,
    /// A description of the data, in words.
    pub data: &'static str,
    /// When the server sends the error, in words.
    pub description: &'static str,
    /// The limit of the server that the call or its answer exceeded, if any.
    pub limit: Option<Limit>,
    /// What the error means to code that passes it on, counts it or retries its call. If the data names a reason, the
    /// reason's meaning overrides this one: see [`Denial`](crate::Denial) and [`KeyRefusal`](crate::KeyRefusal).
    pub meaning: Meaning,
}

/// Makes the constants of [`ErrorCode`], with their documentation, and [`CodeSpec::ALL`].
macro_rules! codes {
    ($(
        $(#[$more:meta])*
        $code:literal $name:ident {
            message: $message:literal,
            data: $data:literal,
            description: $description:literal,
            limit: $limit:expr,
            http: $http:expr,
            kind: $kind:expr,
            proof: $proof:expr,
            retry: $retry:expr,
        }
    )+) => {
        impl ErrorCode {
            $(
                #[doc = concat!(stringify!($code), ": ", $description, ".\n\nData: ", $data, ".")]
                $(#[$more])*
                pub const $name: Self = Self::new($code);
            )+

            /// Returns the row of the code, if the code belongs to the specification or to the framework.
            #[inline]
            pub const fn spec(self) -> Option<&'static CodeSpec> {
                match self.get() {
                    $($code => Some(&rows::$name),)+
                    _ => None,
                }
            }
        }

        impl CodeSpec {
            /// All codes of the specification and of the framework.
            pub const ALL: &'static [Self] = &[$(rows::$name),+];
        }

        mod rows {
            use super::{CodeSpec, ErrorCode, ErrorKind, HttpStatus, Limit, Meaning, Proof, RetryRule, StatusCode};

            $(
                pub(super) const $name: CodeSpec = CodeSpec {
                    code: ErrorCode::$name,
                    name: stringify!($name),
                    message: $message,
                    data: $data,
                    description: $description,
                    limit: $limit,
                    meaning: Meaning::new($http, $kind, $proof, $retry),
                };
            )+
        }
    };
}

codes! {
    -32700 PARSE_ERROR {
        message: "Parse error",
        data: "a string: what is wrong, and where",
        description: "not JSON, or not UTF-8",
        limit: None,
        http: HttpStatus::Ok,
        kind: ErrorKind::Validation,
        proof: Proof::NotRun,
        retry: RetryRule::Never,
    }
    -32600 INVALID_REQUEST {
        message: "Invalid Request",
        data: "a string: what is wrong",
        description: "JSON, but no request",
        limit: None,
        http: HttpStatus::Request(&[
            StatusCode::BAD_REQUEST,
            StatusCode::FORBIDDEN,
            StatusCode::NOT_FOUND,
            StatusCode::METHOD_NOT_ALLOWED,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ]),
        kind: ErrorKind::Validation,
        proof: Proof::NotRun,
        retry: RetryRule::Never,
    }
    -32601 METHOD_NOT_FOUND {
        message: "Method not found",
        data: "none",
        description: "no such method",
        limit: None,
        http: HttpStatus::Ok,
        kind: ErrorKind::NotFound,
        proof: Proof::NotRun,
        retry: RetryRule::Never,
    }
    -32602 INVALID_PARAMS {
        message: "Invalid params",
        data: r#"`{"parameter": name, "expected": what}`, each if known"#,
        description: "the params do not match the method",
        limit: None,
        http: HttpStatus::Ok,
        kind: ErrorKind::Validation,
        proof: Proof::NoEffect,
        retry: RetryRule::Never,
    }
    -32603 INTERNAL_ERROR {
        message: "Internal error",
        data: "none; or `{\"kind\": ..}`: the kind of the error of a call that the handler made to another server",
        description: "the handler panicked, its result cannot be written as JSON, or its error stays on the server; \
                      the server logs the cause",
        limit: None,
        http: HttpStatus::Ok,
        kind: ErrorKind::Internal,
        proof: Proof::Nothing,
        retry: RetryRule::Never,
    }
    /// [`StreamEnd`](crate::StreamEnd) lists the reasons.
    -32089 STREAM_ENDED {
        message: "Stream ended",
        data: r#"`{"reason": ..}`"#,
        description: "the server ended a stream that was not at its end",
        limit: None,
        http: HttpStatus::Ok,
        kind: ErrorKind::Unavailable,
        proof: Proof::Nothing,
        retry: RetryRule::Never,
    }
    -32090 REQUEST_TOO_LARGE {
        message: "Request too large",
        data: "a string: the limit",
        description: "the head, the body or the batch is over the limit; nothing ran",
        limit: Some(Limit::Size),
        http: HttpStatus::Request(&[
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::URI_TOO_LONG,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        ]),
        kind: ErrorKind::Validation,
        proof: Proof::NotRun,
        retry: RetryRule::Never,
    }
    -32091 RESPONSE_TOO_LARGE {
        message: "Response too large",
        data: "none; or a string: the server has no room for the answer now, the connection has none until its other \
               answers are read, or the answer was not kept for a repeat",
        description: "the method ran, but its answer is over the limit, over the limit of all answers together, or \
                      over the limit of kept answers",
        limit: Some(Limit::Size),
        http: HttpStatus::Ok,
        kind: ErrorKind::Internal,
        proof: Proof::Ran,
        retry: RetryRule::Never,
    }
    -32092 OVERLOADED {
        message: "Server overloaded",
        data: "none; or a string: the connection has too many calls, or the other entries of the batch took too long",
        description: "too many calls, or too many bytes, in flight; nothing ran",
        limit: Some(Limit::Load),
        http: HttpStatus::Call(StatusCode::SERVICE_UNAVAILABLE),
        kind: ErrorKind::Unavailable,
        proof: Proof::NotRun,
        retry: RetryRule::Later,
    }
    -32093 HANDLER_TIMEOUT {
        message: "Handler timed out",
        data: "none",
        description: "the handler took too long and was dropped; it may have had an effect",
        limit: Some(Limit::Time),
        http: HttpStatus::Ok,
        kind: ErrorKind::Timeout,
        proof: Proof::Nothing,
        // Under a key, the server could only answer that the outcome is unknown. `Rpc-Refused` says that a layer waited
        // too long and never reached the handler.
        retry: RetryRule::IfHarmless,
    }
    -32094 REQUEST_TIMEOUT {
        message: "Request timed out",
        data: "none",
        description: "the head or the body did not arrive in time; nothing ran",
        limit: Some(Limit::Time),
        http: HttpStatus::Request(&[StatusCode::REQUEST_TIMEOUT]),
        kind: ErrorKind::Timeout,
        proof: Proof::NotRun,
        retry: RetryRule::Later,
    }
    -32095 DEADLINE_EXPIRED {
        message: "Deadline expired",
        data: "none",
        description: "the caller's time was over before the call began; the call did not run",
        limit: Some(Limit::Time),
        http: HttpStatus::Ok,
        kind: ErrorKind::Timeout,
        proof: Proof::NotRun,
        retry: RetryRule::Never,
    }
    /// [`KeyRefusal`](crate::KeyRefusal) lists the reasons.
    -32096 KEY_REFUSED {
        message: "Idempotency key refused",
        data: r#"`{"reason": ..}`"#,
        description: "the call was not run because of its key",
        limit: None,
        http: HttpStatus::Ok,
        kind: ErrorKind::Unavailable,
        proof: Proof::NotRun,
        retry: RetryRule::Never,
    }
    -32097 OUTCOME_UNKNOWN {
        message: "Outcome of an earlier call unknown",
        data: "none",
        description: "a call with this key has begun, and its outcome is unknown; or, with `Rpc-Refused`, the key may \
                      be older than the store's memory, or was sent more than 120 s in the future. The call does not \
                      run. With `Rpc-Refused`, a client that knows that no earlier attempt may have run retries with \
                      the announced time",
        limit: None,
        http: HttpStatus::Ok,
        kind: ErrorKind::Internal,
        proof: Proof::Nothing,
        // With `Rpc-Refused`, the store does not know the key, but the key may be older than the store's memory.
        retry: RetryRule::ByStoreTime,
    }
    /// [`Denial`](crate::Denial) lists the reasons.
    -32098 ACCESS_DENIED {
        message: "Access denied",
        data: "`{\"reason\": ..}`, `unauthenticated` or `forbidden`; also `detail`, a text, or `requires`, a list of \
               roles, if there is more to say",
        description: "the caller is unknown or not allowed; the call did not run, unless a handler returned the error",
        limit: None,
        http: HttpStatus::Ok,
        kind: ErrorKind::Authentication,
        proof: Proof::NotRun,
        retry: RetryRule::Never,
    }
    -32099 RATE_LIMITED {
        message: "Too many calls",
        data: r#"`{"retryAfterMs": milliseconds}`"#,
        description: "the caller is over its rate limit and may retry after that time; the call did not run. In a \
                      batch, each entry has its own error, and the client waits as its entry says",
        limit: Some(Limit::Load),
        http: HttpStatus::Call(StatusCode::TOO_MANY_REQUESTS),
        kind: ErrorKind::RateLimited,
        proof: Proof::NotRun,
        retry: RetryRule::Later,
    }
}
