//! A complete answer: body, status and headers. Refusals of whole requests are built here too, with their HTTP status
//! and their headers for retries. `http::respond` turns a [`WrittenAnswer`] into a response; calls in process get it as
//! an [`Answer`].

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rpc_core::codec::{Output, Responder};
use rpc_core::headers::{Faults, RPC_FAULT, RPC_IDEMPOTENCY, RPC_REFUSED, RPC_RETRY, Refused};
use rpc_core::{
    Answer, AnswerStatus, AnswerStream, Denial, ErrorCode, ErrorObject, IdRef, KeyRefusal, Message, Packet, RpcError,
};

use crate::auth::Denied;
use crate::fault::{Fault, FaultCause, overloaded};
use crate::idempotency::{RequestKeys, RequestKeysError};
use crate::load::ByteRoom;

/// A complete answer.
#[derive(Debug)]
pub(crate) struct WrittenAnswer {
    pub(crate) body: Vec<u8>,
    pub(crate) status: AnswerStatus,
    /// Boxed, since nearly no answer has headers.
    pub(crate) headers: Option<Box<HeaderMap>>,
    /// The room that was reserved for the answer before it was complete: in advance, or as the entries of a batch were
    /// written.
    pub(crate) room: Option<ByteRoom>,
    /// The stream that the call has opened. It ends with an answer of its own, and `body` is not sent. Boxed, since few
    /// answers have one.
    pub(crate) stream: Option<Box<AnswerStream>>,
}

/// How long a client waits before it retries at an overloaded server, in seconds. Short, since calls are short.
const SOON: HeaderValue = HeaderValue::from_static("1");

/// The value of `Rpc-Retry` that forbids a retry.
pub(crate) const NO: HeaderValue = HeaderValue::from_static("no");

impl WrittenAnswer {
    pub(crate) fn new(body: Vec<u8>, status: AnswerStatus) -> Self {
        Self { body, status, headers: None, room: None, stream: None }
    }

    /// Refuses a request because the server is overloaded, with this error.
    pub(crate) fn overloaded(id: IdRef<'_>, why: &ErrorObject) -> Self {
        let mut answer = whole_error(id, why).refused();
        answer.set_status(ErrorCode::OVERLOADED, ErrorCode::OVERLOADED.meaning().http.of_request());
        answer
    }

    /// Sets the HTTP status of a refusal, if it has one. A 503 also says when to retry.
    pub(crate) fn set_status(&mut self, code: ErrorCode, status: Option<StatusCode>) {
        let Some(status) = status else { return };
        self.status = AnswerStatus::Refused(code, status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            self.header(RETRY_AFTER, SOON);
        }
    }

    /// Sets the status and headers of a denial, also for an answer without a body.
    fn deny(&mut self, denial: Denial) {
        self.set_status(ErrorCode::ACCESS_DENIED, denial.meaning().http.of_call());
        self.header(RPC_RETRY, NO);
    }

    /// Refuses a request because of its caller.
    pub(crate) fn denied(id: IdRef<'_>, denied: &Denied) -> Self {
        let Some(denial) = denied.denial() else { return Self::overloaded(id, &overloaded()) };
        let mut answer = whole_error(id, &denied.to_error_object()).refused();
        answer.deny(denial);
        answer
    }

    /// Refuses a page to a caller without the required roles.
    pub(crate) fn lacking(denial: Denial, requires: &[&str]) -> Self {
        let mut answer = whole_error(IdRef::NULL, &denial.to_error_object("", requires)).refused();
        answer.deny(denial);
        answer
    }

    /// Replaces the answers to all calls with an error of the server's own.
    pub(crate) fn replace_with(&mut self, error: &ErrorObject, packet: &Packet<'_>) {
        let entries = match packet {
            Packet::Batch(entries) => entries,
            Packet::Single(Message::Call(id, _)) => return self.replace_whole(*id, error),
            Packet::Single(_) => return,
        };
        let mut output = Output::new(usize::MAX);
        let mut failures = 0;
        for entry in entries {
            let id = match entry {
                Message::Call(id, _) => *id,
                Message::Invalid(invalid) => invalid.id,
                Message::Notification(_) => continue,
            };
            output.push(if failures == 0 { b"[" } else { b"," });
            let _ = Responder::new(&mut output, Some(id)).error(error);
            failures += 1;
        }
        output.push(b"]");
        (self.body, self.status) = (output.into_bytes(), AnswerStatus::Batch { failures });
        self.own_faults(&Faults::all());
    }

    /// Replaces the whole answer with one error of the server's own.
    pub(crate) fn replace_whole(&mut self, id: IdRef<'_>, error: &ErrorObject) {
        let whole = whole_error(id, error);
        (self.body, self.status) = (whole.body, whole.status);
        self.own_faults(&Faults::all());
    }

    /// Removes the body if the request has only notifications. Their client gets only the HTTP status and headers.
    pub(crate) fn to(mut self, packet: &Packet<'_>) -> Self {
        let messages = match packet {
            Packet::Single(message) => std::slice::from_ref(message),
            Packet::Batch(messages) => messages,
        };
        if messages.iter().all(|message| matches!(message, Message::Notification(_))) {
            self.body.clear();
        }
        self
    }

    /// Marks the whole request as seen by no handler.
    pub(crate) fn refused(mut self) -> Self {
        self.refuse(&Refused::all());
        self
    }

    pub(crate) fn refuse(&mut self, refused: &Refused) {
        if let Some(value) = refused.to_value() {
            self.header(RPC_REFUSED, value);
        }
    }

    /// Names the errors that are the server's own. Those of refused calls are, too.
    pub(crate) fn own_faults(&mut self, faults: &Faults) {
        if let Some(value) = faults.to_value() {
            self.header(RPC_FAULT, value);
        }
    }

    pub(crate) fn header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.get_or_insert_default().insert(name, value);
    }

    /// Adds the headers that handlers have set.
    #[cold]
    pub(crate) fn add_headers(&mut self, more: Box<HeaderMap>) {
        match &mut self.headers {
            Some(headers) => headers.extend(*more),
            none => *none = Some(more),
        }
    }

    /// Refuses a request because its idempotency keys cannot be used.
    pub(crate) fn broken_keys(id: IdRef<'_>, broken: RequestKeysError) -> Self {
        match broken {
            RequestKeysError::KeysLost => whole_error(id, &KeyRefusal::KeysLost.to_error_object()).refused(),
            RequestKeysError::Panicked => whole_error(id, &ErrorObject::internal()).refused(),
            RequestKeysError::Header(reason) => {
                let mut answer = whole_error(id, &ErrorObject::invalid_request(reason)).refused();
                answer.set_status(ErrorCode::INVALID_REQUEST, ErrorCode::INVALID_REQUEST.meaning().http.of_request());
                answer.header(RPC_RETRY, NO);
                answer
            }
        }
    }

    /// Sets after how many milliseconds to retry. HTTP has whole seconds, so the time is rounded up.
    pub(crate) fn retry_after(&mut self, millis: u32) {
        self.header(RETRY_AFTER, millis.div_ceil(1000).into());
    }

    /// Announces the store that keeps the request's keys.
    pub(crate) fn announce(&mut self, keys: &RequestKeys) {
        if let Some(announcement) = keys.announced() {
            self.header(RPC_IDEMPOTENCY, announcement.to_value());
        }
    }

    /// Adds the status and headers that tell the client of a single message how to react to the fault.
    #[cold]
    pub(crate) fn with_advice(mut self, fault: Fault, keys: Option<&RequestKeys>) -> Self {
        if fault.is_refused() {
            self.refuse(&Refused::all());
        } else if fault.is_own() && matches!(self.status, AnswerStatus::Error(_)) {
            self.own_faults(&Faults::all());
        }
        match fault.cause {
            FaultCause::Access(denial) => self.deny(denial),
            FaultCause::Refused => self.set_status(fault.code, fault.code.meaning().http.of_call()),
            FaultCause::RefusedFor(millis) => {
                self.set_status(fault.code, fault.code.meaning().http.of_call());
                self.retry_after(millis);
            }
            FaultCause::Key(refusal) => self.advise_on_key(refusal, keys.is_some_and(RequestKeys::are_in_header)),
            FaultCause::Handler | FaultCause::Server | FaultCause::GivenUp | FaultCause::Params => {}
        }
        self
    }

    /// Adds the status and headers that tell the client of a single call how to react to the refusal of its key.
    fn advise_on_key(&mut self, refusal: KeyRefusal, is_in_header: bool) {
        match refusal {
            KeyRefusal::StoreUnavailable => self.header(RETRY_AFTER, SOON),
            KeyRefusal::Mismatch => self.header(RPC_RETRY, NO),
            _ => {}
        }
        if is_in_header {
            self.set_status(ErrorCode::KEY_REFUSED, refusal.meaning().http.of_call_with_key_header());
        }
    }
}

impl From<WrittenAnswer> for Answer {
    #[inline]
    fn from(written: WrittenAnswer) -> Self {
        let mut answer = Self::new(written.body.into(), written.status);
        answer.headers = written.headers;
        answer.stream = written.stream;
        answer
    }
}

/// Makes an answer of one error, for a request that cannot be answered entry by entry.
pub(crate) fn whole_error(id: IdRef<'_>, error: &ErrorObject) -> WrittenAnswer {
    let mut output = Output::new(usize::MAX);
    let code = Responder::new(&mut output, Some(id)).error(error).err().unwrap_or(error.code());
    WrittenAnswer::new(output.into_bytes(), AnswerStatus::Error(code))
}
