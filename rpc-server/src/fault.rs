//! Why a call was answered with an error. A [`Fault`] pairs the code with its [`FaultCause`], which distinguishes a
//! handler's error from one of the server's own. Retry headers, kept answers and telemetry depend on the cause. The
//! functions at the end build the server's own error objects.

use std::task::Poll;
use std::time::Duration;

use rpc_core::codec::Responder;
use rpc_core::codes::Proof;
use rpc_core::{Denial, ErrorCode, ErrorObject, KeyRefusal};

use crate::load::CapacityError;

/// The result of executing one message.
pub(crate) type Executed = Poll<Result<(), Fault>>;

/// An error that a call was answered with, and its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: ErrorCode,
    pub(crate) cause: FaultCause,
}

/// What caused an error. The code alone does not tell, because a handler may relay another server's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultCause {
    /// The handler. The error is its own, whatever the code.
    Handler,
    /// The server, without a handler or instead of the handler's answer: the method does not exist, the handler took
    /// too long, or its result cannot be written.
    Server,
    /// A layer, while the handler had begun and not ended.
    GivenUp,
    /// Params that cannot be decoded. The call had no effect.
    Params,
    /// The server or a layer, before any handler saw the call.
    Refused,
    /// The server, because the caller has no principal or lacks a role.
    Access(Denial),
    /// As [`Refused`](Self::Refused), and the caller may retry after this number of milliseconds.
    RefusedFor(u32),
    /// The server, because of the call's idempotency key.
    Key(KeyRefusal),
}

impl Fault {
    /// Answers a call that no handler will see.
    pub(crate) fn refuse(error: &ErrorObject, responder: &mut Responder<'_>) -> Self {
        let _ = responder.error(error);
        Self { code: error.code(), cause: FaultCause::Refused }
    }

    /// Answers a call that exceeds a rate limit. The caller may retry after this time.
    pub(crate) fn rate_limited(after: Duration, responder: &mut Responder<'_>) -> Self {
        let error = ErrorObject::rate_limited(millis(after));
        let _ = responder.error(&error);
        Self { code: error.code(), cause: FaultCause::RefusedFor(millis(after)) }
    }

    /// Answers a call that its caller is not allowed to make.
    pub(crate) fn deny(denial: Denial, requires: &[&str], responder: &mut Responder<'_>) -> Self {
        let _ = responder.error(&denial.to_error_object("", requires));
        Self { code: ErrorCode::ACCESS_DENIED, cause: FaultCause::Access(denial) }
    }

    /// Answers a call that is not run because of its idempotency key.
    pub(crate) fn refuse_key(refusal: KeyRefusal, responder: &mut Responder<'_>) -> Self {
        let _ = responder.error(&refusal.to_error_object());
        Self { code: ErrorCode::KEY_REFUSED, cause: FaultCause::Key(refusal) }
    }

    /// Returns whether no handler sees the call of this request. Under its key, a handler may have run for an earlier
    /// request.
    pub(crate) fn is_refused(self) -> bool {
        match self.cause {
            FaultCause::Handler | FaultCause::Server | FaultCause::GivenUp | FaultCause::Params => false,
            FaultCause::Refused | FaultCause::RefusedFor(_) | FaultCause::Access(_) => true,
            FaultCause::Key(refusal) => refusal.meaning().proof == Proof::NotRun,
        }
    }

    /// Returns whether the error is the server's own, and not the handler's.
    pub(crate) fn is_own(self) -> bool {
        self.cause != FaultCause::Handler
    }

    /// Makes the fault of a handler that failed with the code `error`. The answer has the code `written`.
    pub(crate) fn of_handler(error: ErrorCode, written: ErrorCode) -> Self {
        // The codes differ if the error exceeded the response limit.
        Self { code: written, cause: if written == error { FaultCause::Handler } else { FaultCause::Server } }
    }

    /// Makes the fault of an error that was kept under a key. The only error of the server's own that is kept is
    /// -32091.
    pub(crate) fn of_kept(code: ErrorCode) -> Self {
        let is_own = code == ErrorCode::RESPONSE_TOO_LARGE;
        Self { code, cause: if is_own { FaultCause::Server } else { FaultCause::Handler } }
    }
}

/// Makes the fault of one of the server's own errors.
impl From<ErrorCode> for Fault {
    fn from(code: ErrorCode) -> Self {
        Self { code, cause: FaultCause::Server }
    }
}

/// Returns the error for a call that reached its deadline before it began.
pub(crate) fn expired() -> ErrorObject {
    ErrorCode::DEADLINE_EXPIRED.into()
}

/// Returns the error of a server at a limit.
pub(crate) fn overloaded() -> ErrorObject {
    ErrorCode::OVERLOADED.into()
}

/// Returns the error for too many calls in flight, on the server or on the connection.
pub(crate) fn of_calls(full: CapacityError) -> ErrorObject {
    match full {
        CapacityError::Server => overloaded(),
        CapacityError::Connection => overloaded().with_data("the connection has too many calls in flight"),
    }
}

/// Returns the error for too many open streams, on the server or on the connection.
pub(crate) fn of_streams(full: CapacityError) -> ErrorObject {
    match full {
        CapacityError::Server => overloaded().with_data("the server has too many open streams"),
        CapacityError::Connection => overloaded().with_data("the connection has too many open streams"),
    }
}

/// Returns the error for too many bytes in memory, of the server or of the connection.
pub(crate) fn of_bytes(full: CapacityError) -> ErrorObject {
    match full {
        CapacityError::Server => overloaded(),
        CapacityError::Connection => overloaded().with_data("the connection holds too many bytes"),
    }
}

/// Returns the error for an entry of a batch that waited too long for its turn.
pub(crate) fn waited() -> ErrorObject {
    overloaded().with_data("the other entries of the batch took too long")
}

/// Returns the error for a call that ran, if there is no memory to hold its answer.
pub(crate) fn withheld(full: CapacityError) -> ErrorObject {
    let why = match full {
        CapacityError::Server => "the server has no room to hold it at the moment",
        CapacityError::Connection => "the connection has no room for it until its other answers are read",
    };
    ErrorObject::from(ErrorCode::RESPONSE_TOO_LARGE).with_data(why)
}

/// Converts a time to milliseconds. Rounds up, so that no caller retries too early.
pub(crate) fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::millis;

    #[test]
    fn a_part_of_a_millisecond_is_a_whole_one() {
        let nanos = [0, 1, 999_999, 1_000_000, 1_000_001];
        assert_eq!(nanos.map(|nanos| millis(Duration::from_nanos(nanos))), [0, 1, 1, 1, 2]);
        assert_eq!(millis(Duration::MAX), u32::MAX);
    }
}
