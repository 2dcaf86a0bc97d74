//! Why a call was answered with an error. A [`Fault`] pairs the code with its [`Cause`], which tells a handler's error
//! from one of the server's own. Retry headers, kept answers and telemetry depend on the cause. The functions at the
//! end build the server's own error objects.

use std::task::Poll;
use std::time::Duration;

use rpc_core::codec::Responder;
use rpc_core::codes::Proof;
use rpc_core::{Denial, ErrorCode, ErrorObject, KeyRefusal};

use crate::load::Full;

/// What executing one message comes to.
pub(crate) type Executed = Poll<Result<(), Fault>>;

/// Says that a call was answered with an error, and what led to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: ErrorCode,
    pub(crate) cause: Cause,
}

/// Tells what led to an error, which its code alone does not: a handler may relay another server's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The handler: the error is its own, whatever the code.
    Handler,
    /// The server, without a handler or in place of what one was to answer: there is no such method, it took too long,
    /// its result cannot be written.
    Server,
    /// A layer, while the handler was begun and had not ended.
    GivenUp,
    /// Params that cannot be decoded, so that there was no effect.
    Params,
    /// The server, before any handler saw the call.
    Refused,
    /// The server, because of who calls.
    Access(Denial),
    /// The same, and the call may come again after so many milliseconds.
    RefusedFor(u32),
    /// The server, because of the call's idempotency key.
    Key(KeyRefusal),
}

impl Fault {
    /// Answers a call that no handler is to see.
    pub(crate) fn refuse(error: &ErrorObject, responder: &mut Responder<'_>) -> Self {
        let _ = responder.error(error);
        Self { code: error.code(), cause: Cause::Refused }
    }

    /// Answers a call that is over the limit of a rate, and may come again after this time.
    pub(crate) fn rate_limited(after: Duration, responder: &mut Responder<'_>) -> Self {
        let error = ErrorObject::rate_limited(millis(after));
        let _ = responder.error(&error);
        Self { code: error.code(), cause: Cause::RefusedFor(millis(after)) }
    }

    /// Answers a call that its caller may not make.
    pub(crate) fn deny(denial: Denial, requires: &[&str], responder: &mut Responder<'_>) -> Self {
        let _ = responder.error(&denial.to_error_object("", requires));
        Self { code: ErrorCode::ACCESS_DENIED, cause: Cause::Access(denial) }
    }

    /// Answers a call that is not run because of its idempotency key.
    pub(crate) fn refuse_key(refusal: KeyRefusal, responder: &mut Responder<'_>) -> Self {
        let _ = responder.error(&refusal.to_error_object());
        Self { code: ErrorCode::KEY_REFUSED, cause: Cause::Key(refusal) }
    }

    /// Tells whether no handler sees the call for this request. Under its key it may have run for an earlier one.
    pub(crate) fn is_refused(self) -> bool {
        match self.cause {
            Cause::Handler | Cause::Server | Cause::GivenUp | Cause::Params => false,
            Cause::Refused | Cause::RefusedFor(_) | Cause::Access(_) => true,
            Cause::Key(refusal) => refusal.meaning().proof == Proof::NotRun,
        }
    }

    /// Tells whether the error is the server's own, and not the handler's.
    pub(crate) fn is_own(self) -> bool {
        self.cause != Cause::Handler
    }

    /// Makes the fault of a handler that has failed with an error, of which that code was written.
    pub(crate) fn of_handler(error: ErrorCode, written: ErrorCode) -> Self {
        // Another code says that the error is over the limit.
        Self { code: written, cause: if written == error { Cause::Handler } else { Cause::Server } }
    }

    /// Makes the fault of an error that was kept under a key. Of the server's own errors, that alone is kept.
    pub(crate) fn of_kept(code: ErrorCode) -> Self {
        let is_own = code == ErrorCode::RESPONSE_TOO_LARGE;
        Self { code, cause: if is_own { Cause::Server } else { Cause::Handler } }
    }
}

/// Makes the fault of an error of the server's own.
impl From<ErrorCode> for Fault {
    fn from(code: ErrorCode) -> Self {
        Self { code, cause: Cause::Server }
    }
}

/// Says that the caller's time was up before its call began.
pub(crate) fn expired() -> ErrorObject {
    ErrorCode::DEADLINE_EXPIRED.into()
}

/// Says that as many calls run as may.
pub(crate) fn overloaded() -> ErrorObject {
    ErrorCode::OVERLOADED.into()
}

/// Says whose calls are too many.
pub(crate) fn of_calls(full: Full) -> ErrorObject {
    match full {
        Full::Server => overloaded(),
        Full::Connection => overloaded().with_data("the connection has too many calls in flight"),
    }
}

/// Says whose bytes are too many.
pub(crate) fn of_bytes(full: Full) -> ErrorObject {
    match full {
        Full::Server => overloaded(),
        Full::Connection => overloaded().with_data("the connection holds too many bytes"),
    }
}

/// Says that an entry of a batch has waited too long for its turn.
pub(crate) fn waited() -> ErrorObject {
    overloaded().with_data("the other entries of the batch took too long")
}

/// Says that the answer of a call that ran cannot be held.
pub(crate) fn withheld(full: Full) -> ErrorObject {
    let why = match full {
        Full::Server => "the server has no room to hold it at the moment",
        Full::Connection => "the connection has no room for it until its other answers are read",
    };
    ErrorObject::from(ErrorCode::RESPONSE_TOO_LARGE).with_data(why)
}

/// Rounds up, so that nobody comes a little early.
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
