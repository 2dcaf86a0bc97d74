//! [`Exit`]: the exit codes of all commands.

use std::process::ExitCode;

use http::StatusCode;
use rpc::{Effect, Error, Failure, Outcome};

/// How a command ended, as its exit code tells scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// The command printed a result.
    Success = 0,
    /// The server answered with an error, `diff` found a breaking change, or `health` found a server that is not ready.
    MethodError = 1,
    /// The command line, a file or the configuration is wrong.
    Usage = 2,
    /// The request did not reach the server.
    NotSent = 3,
    /// The server refused the call. It did not run.
    Refused = 4,
    /// The deadline passed. The call did not run, or may be repeated safely.
    Deadline = 5,
    /// The call may have run.
    Unknown = 6,
    /// The server sent something that is no JSON-RPC answer.
    Protocol = 7,
    /// The output cannot be written, as on a full disk. The call may have run.
    Output = 8,
    /// A second ctrl-c ended the command, or one ended a batch without a call in flight. Shells report a program that
    /// SIGINT has ended with this code.
    Interrupted = 130,
    /// The reader of the output has gone. Shells report a program that SIGPIPE has ended with this code.
    BrokenPipe = 141,
}

/// The exit codes, for `rpc --help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  result
  1  the server answered with an error; `diff`: a breaking change; `health`: not ready
  2  usage: the command line, a file or the configuration is wrong
  3  not sent: the request did not reach the server
  4  refused: the server refused the call, which did not run
  5  deadline: it passed, and the call did not run or may be repeated safely
  6  unknown: the call may have run
  7  protocol: the server sent something that is no JSON-RPC answer
  8  output: the output cannot be written, and the call may have run";

/// The exit codes of failed calls, the gravest first.
pub(crate) const GRAVITY: [Exit; 7] =
    [Exit::Unknown, Exit::Protocol, Exit::Deadline, Exit::NotSent, Exit::Refused, Exit::Usage, Exit::MethodError];

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// Returns how a call with this effect ended that failed with this error.
    pub(crate) fn of_error(error: &Error, effect: Effect) -> Self {
        match error {
            Error::Method(never) => match *never {},
            Error::Rpc(_) => Self::MethodError,
            Error::Failure(failure) => Self::of_failure(failure, effect),
        }
    }

    /// Returns how a call with this effect ended that failed so.
    pub(crate) fn of_failure(failure: &Failure, effect: Effect) -> Self {
        match failure.outcome() {
            Outcome::NotSent if failure.is_builder() || failure.is_encode() => Self::Usage,
            Outcome::NotSent | Outcome::Refused if failure.is_timeout() => Self::Deadline,
            Outcome::NotSent => Self::NotSent,
            Outcome::Refused => Self::Refused,
            // The call ran, and the error says that its answer is lost.
            Outcome::Executed if failure.error_object().is_some() => Self::MethodError,
            Outcome::Executed => Self::Protocol,
            _ => Self::of_unknown(failure, effect),
        }
    }

    /// Returns how a call ended that may have run.
    fn of_unknown(failure: &Failure, effect: Effect) -> Self {
        let is_repeatable = effect != Effect::Once;
        match failure.status() {
            _ if failure.is_timeout() && is_repeatable => Self::Deadline,
            _ if failure.is_timeout() => Self::Unknown,
            // A rate limiter answers so before it passes the request on.
            Some(StatusCode::TOO_MANY_REQUESTS) if is_repeatable => Self::Refused,
            Some(StatusCode::TOO_MANY_REQUESTS) => Self::Unknown,
            // A page such as 404 is no answer. It comes from a server without JSON-RPC at this address.
            Some(status) if status.is_client_error() || status.is_redirection() => Self::Protocol,
            _ if failure.is_protocol() => Self::Protocol,
            _ => Self::Unknown,
        }
    }

    /// Returns the graver of two ends.
    pub(crate) fn or_graver(self, other: Self) -> Self {
        let gravity = |exit: Self| GRAVITY.iter().position(|known| *known == exit).unwrap_or(GRAVITY.len());
        if gravity(other) < gravity(self) { other } else { self }
    }
}

/// Returns the name of an outcome in JSON.
pub(crate) fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::NotSent => "not_sent",
        Outcome::Refused => "refused",
        Outcome::Executed => "executed",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use rpc::{Effect, Failure, Outcome};

    use super::Exit;

    #[test]
    fn a_timeout_is_a_deadline_if_the_call_may_be_repeated() {
        let failure = Failure::timed_out();
        assert_eq!(Exit::of_failure(&failure, Effect::Once), Exit::Unknown);
        assert_eq!(Exit::of_failure(&failure, Effect::Idempotent), Exit::Deadline);
        assert_eq!(Exit::of_failure(&failure, Effect::None), Exit::Deadline);
        for proof in [Outcome::NotSent, Outcome::Refused] {
            assert_eq!(Exit::of_failure(&failure.clone().with_outcome(proof), Effect::Once), Exit::Deadline);
        }
    }

    #[test]
    fn a_status_tells_what_happened() {
        for (status, once, readonly) in [
            (StatusCode::NOT_FOUND, Exit::Protocol, Exit::Protocol),
            (StatusCode::MOVED_PERMANENTLY, Exit::Protocol, Exit::Protocol),
            (StatusCode::BAD_GATEWAY, Exit::Unknown, Exit::Unknown),
            (StatusCode::REQUEST_TIMEOUT, Exit::Unknown, Exit::Deadline),
        ] {
            let failure = Failure::of_status(status);
            assert_eq!(Exit::of_failure(&failure, Effect::Once), once, "{status}");
            assert_eq!(Exit::of_failure(&failure, Effect::None), readonly, "{status}");
        }
        let limited = Failure::of_status(StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(Exit::of_failure(&limited, Effect::Once), Exit::Refused);
        let limited = limited.with_outcome(Outcome::Unknown);
        assert_eq!(Exit::of_failure(&limited, Effect::Once), Exit::Unknown);
        assert_eq!(Exit::of_failure(&limited, Effect::None), Exit::Refused);
    }

    #[test]
    fn answers_that_are_lost_are_of_the_protocol() {
        assert_eq!(Exit::of_failure(&Failure::answer_too_large(1), Effect::Once), Exit::Protocol);
        assert_eq!(Exit::of_failure(&Failure::connect("refused"), Effect::Once), Exit::NotSent);
        assert_eq!(Exit::of_failure(&Failure::overloaded(), Effect::Once), Exit::Refused);
    }

    #[test]
    fn the_gravest_end_counts() {
        assert_eq!(Exit::Success.or_graver(Exit::MethodError), Exit::MethodError);
        assert_eq!(Exit::Success.or_graver(Exit::Usage), Exit::Usage);
        assert_eq!(Exit::Unknown.or_graver(Exit::MethodError), Exit::Unknown);
        assert_eq!(Exit::Refused.or_graver(Exit::NotSent), Exit::NotSent);
        assert_eq!(Exit::Deadline.or_graver(Exit::Protocol), Exit::Protocol);
        assert_eq!(Exit::Success.or_graver(Exit::Success), Exit::Success);
    }
}
