//! The columns of the table of error codes: HTTP status, kind, proof and retry rule. This file defines the types, and
//! `table` and `reasons` fill them in.

use http::StatusCode;

use crate::ErrorKind;

/// What an error means to code that passes it on, counts it or retries its call. Each code has a meaning in its
/// [`CodeSpec`]. So has each reason of a code whose data names a reason. [`ErrorObject::meaning`] finds the right one.
///
/// [`CodeSpec`]: crate::codes::CodeSpec
/// [`ErrorObject::meaning`]: crate::ErrorObject::meaning
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meaning {
    /// The HTTP status of the answer.
    pub http: HttpStatus,
    /// The kind under which the error is counted.
    pub kind: ErrorKind,
    /// What the error proves about its call.
    pub proof: Proof,
    /// Whether and how the client retries.
    pub retry: RetryRule,
}

impl Meaning {
    /// Makes a meaning, for one row of a table.
    pub(crate) const fn new(http: HttpStatus, kind: ErrorKind, proof: Proof, retry: RetryRule) -> Self {
        Self { http, kind, proof, retry }
    }
}

/// The HTTP status with which the server answers an error.
///
/// JSON-RPC errors travel with HTTP 200, and so does every error in a batch. Only refusals by the server itself have
/// another status. An error that a handler relays has HTTP 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpStatus {
    /// HTTP 200.
    Ok,
    /// One of these if the server refuses the HTTP request: its head, its size, or how it arrives. The first one is the
    /// default. A refused JSON-RPC message has HTTP 200.
    Request(&'static [StatusCode]),
    /// This status for a refused request and for a refused single call.
    Call(StatusCode),
    /// This status for a refused single call whose key is in the header `Idempotency-Key`. Any other call gets 200.
    KeyHeader(StatusCode),
}

impl HttpStatus {
    /// Returns the default status with which the server refuses an HTTP request, or `None` for 200.
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

    /// Returns all statuses except 200 that can come with the error.
    pub const fn all(&self) -> &[StatusCode] {
        match self {
            Self::Ok => &[],
            Self::Request(statuses) => statuses,
            Self::Call(status) | Self::KeyHeader(status) => std::slice::from_ref(status),
        }
    }
}

/// What an error proves about its call, if the server itself sends it.
///
/// A handler may relay another server's error. So a client believes [`NotRun`](Self::NotRun) only if the header
/// `Rpc-Refused` names the call. Handlers cannot set this header. With it, every error proves `NotRun`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// This attempt did not run. Earlier attempts may have run.
    NotRun,
    /// The call had no effect. Under a key, earlier attempts had none either: the server looked the key up first.
    NoEffect,
    /// The call ran, and its answer is lost.
    Ran,
    /// Nothing: the call may have run.
    Nothing,
}

/// Whether and how the client retries a call that ended with an error.
///
/// The client retries a call that may have run only if its method or its key allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryRule {
    /// Never: the same call would end the same way.
    Never,
    /// After a pause.
    Later,
    /// After a pause, if that is harmless: no handler saw the call, or its method may run twice.
    IfHarmless,
    /// After a pause and until the deadline, because the call is running under its key. Such a retry uses neither an
    /// attempt nor retry budget.
    Wait,
    /// At the store that the server has announced, if no handler saw the call.
    OtherStore,
    /// Without relying on a key, if no handler saw the call.
    WithoutKeys,
    /// With the time of sending by the clock of the announced store, if no handler saw the call.
    ByStoreTime,
}

/// What a limit bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// The size of requests and answers.
    Size,
    /// The calls that the server runs at once, or accepts from one caller.
    Load,
    /// The duration of something.
    Time,
}
