//! [`Exit`]: the exit codes of all commands.

use std::process::ExitCode;

use rpc::{Error, Failure, Outcome};

/// How a command ended, as its exit code tells scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// The command printed a result.
    Success = 0,
    /// The server answered with an error, or `diff` found a breaking change.
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
    /// The reader of the output has gone. Shells report a program that SIGPIPE has ended with this code.
    BrokenPipe = 141,
}

/// The exit codes, for `rpc --help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  result
  1  the server answered with an error; `diff`: a breaking change
  2  usage: the command line, a file or the configuration is wrong
  3  not sent: the request did not reach the server
  4  refused: the server refused the call, which did not run
  5  deadline: it passed, and the call did not run or may be repeated safely
  6  unknown: the call may have run
  7  protocol: the server sent something that is no JSON-RPC answer";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// Returns how a call ended that failed with this error.
    pub(crate) fn of_error(error: &Error) -> Self {
        match error {
            Error::Method(never) => match *never {},
            Error::Rpc(_) => Self::MethodError,
            Error::Failure(failure) => Self::of_failure(failure),
        }
    }

    /// Returns how a request ended that failed so.
    pub(crate) fn of_failure(failure: &Failure) -> Self {
        if failure.is_protocol() || failure.is_decode() || failure.is_foreign_error() || failure.is_too_large() {
            return Self::Protocol;
        }
        match failure.outcome() {
            Outcome::NotSent if failure.is_timeout() => Self::Deadline,
            Outcome::NotSent => Self::NotSent,
            Outcome::Refused => Self::Refused,
            Outcome::Executed => Self::MethodError,
            _ => Self::Unknown,
        }
    }
}
