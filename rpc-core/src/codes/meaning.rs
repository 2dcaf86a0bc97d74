//! The columns of the table of error codes: HTTP status, kind, proof and retry rule. This file defines the types;
//! `table` and `reasons` fill them in.

use http::StatusCode;

use crate::ErrorKind;

/// What an error says to those who pass it on, count it or retry its call. Each code has one in its [`CodeSpec`], and
/// so has each reason of a code whose data names one. [`ErrorObject::meaning`] finds the right one.
///
/// [`CodeSpec`]: crate::codes::CodeSpec
/// [`ErrorObject::meaning`]: crate::ErrorObject::meaning
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meaning {
    /// The HTTP status of the answer.
    pub http: HttpStatus,
    /// What to count the error as.
    pub kind: ErrorKind,
    /// What the error proves of its call.
    pub proof: Proof,
    /// Whether and how the client retries.
    pub retry: RetryRule,
}

impl Meaning {
    /// Makes a meaning: a row of a table.
    pub(crate) const fn new(http: HttpStatus, kind: ErrorKind, proof: Proof, retry: RetryRule) -> Self {
        Self { http, kind, proof, retry }
    }
}

/// The HTTP status with which the server answers an error.
///
/// JSON-RPC errors travel with HTTP 200, and so does every error in a batch. Only refusals by the server itself have
/// another status. Errors that a handler relays have HTTP 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpStatus {
    /// HTTP 200.
    Ok,
    /// One of these where the server refuses the HTTP request: its head, its size, or how it arrives. The first one is
    /// the default. A refused message of JSON-RPC has HTTP 200.
    Request(&'static [StatusCode]),
    /// This status for a refused request and for a refused single call.
    Call(StatusCode),
    /// This status for a refused single call whose key is in the header `Idempotency-Key`. Any other call gets 200.
    KeyHeader(StatusCode),
}

impl HttpStatus {
    /// Returns the status with which the server refuses an HTTP request by default, or `None` for 200.
    pub const fn of_request(self) -> Option<StatusCode> {
        match self {
            Self::Request(&[usual, ..]) | Self::Call(usual) => Some(usual),
            Self::Request([]) | Self::Ok | Self::KeyHeader(_) => None,
        }
    }

    /// Returns the status with which the server refuses a single call, or `None` for 200.
    pub const fn of_call(self) -> Option<StatusCode> {
        match self {
            Self::Call(status) => Some(status),
            Self::Ok | Self::Request(_) | Self::KeyHeader(_) => None,
        }
    }

    /// Returns the status with which the server refuses a single call whose key is in the header `Idempotency-Key`, or
    /// `None` for 200.
    pub const fn of_call_with_key_header(self) -> Option<StatusCode> {
        match self {
            Self::Call(status) | Self::KeyHeader(status) => Some(status),
            Self::Ok | Self::Request(_) => None,
        }
    }

    /// Returns all statuses but 200 that may come with the error.
    pub const fn all(&self) -> &[StatusCode] {
        match self {
            Self::Ok => &[],
            Self::Request(statuses) => statuses,
            Self::Call(status) | Self::KeyHeader(status) => std::slice::from_ref(status),
        }
    }
}

/// What an error proves of its call, if the server itself says it.
///
/// A handler may relay another server's error. So a client believes [`NotRun`](Self::NotRun) only where the header
/// `Rpc-Refused` names the call, which handlers cannot set. With that header, every error proves that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// This attempt did not run. Nothing is known of earlier attempts.
    NotRun,
    /// The call had no effect. Under a key, no earlier attempt had one either: the server looked the key up first.
    NoEffect,
    /// The call ran, and its answer cannot be had.
    Ran,
    /// Nothing: the call may have run.
    Nothing,
}

/// Whether and how the client retries a call that ended with an error.
///
/// A call that may have run is retried only where its method or its key allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryRule {
    /// Never: the same call would end the same way.
    Never,
    /// After a pause.
    Later,
    /// After a pause, where that does no harm: no handler saw the call, or its method may run twice.
    IfHarmless,
    /// After a pause and until the deadline, since the call runs under its key. This takes neither an attempt nor
    /// budget.
    Wait,
    /// At the store that the server has announced, where no handler saw the call.
    OtherStore,
    /// Without a key that is relied upon, where no handler saw the call.
    WithoutKeys,
    /// By the time that the store has announced, where no handler saw the call.
    ByStoreTime,
}

/// What a limit bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// The size of requests and answers.
    Size,
    /// The calls that the server runs at a time, or takes of a caller.
    Load,
    /// The time that something takes.
    Time,
}
