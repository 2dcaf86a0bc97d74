//! An answer that is complete: body, status and headers. Refusals of whole requests are built here too, with their HTTP
//! status and their headers for retries. `http::respond` turns a [`Written`] into a response; calls in process get it
//! as an [`Answer`].

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rpc_core::codec::{Output, Responder};
use rpc_core::headers::{Faults, RPC_FAULT, RPC_IDEMPOTENCY, RPC_REFUSED, RPC_RETRY, Refused};
use rpc_core::{Answer, AnswerStatus, Denial, ErrorCode, ErrorObject, IdRef, KeyRefusal, Message, Packet, RpcError};

use crate::auth::Denied;
use crate::fault::{Cause, Fault, overloaded};
use crate::idempotency::{Broken, RequestKeys};
use crate::load::Room;

/// An answer that was just written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) body: Vec<u8>,
    pub(crate) status: AnswerStatus,
    /// Nearly no answer has any, so they take next to no room.
    pub(crate) headers: Option<Box<HeaderMap>>,
    /// The room that was taken for the answer before it was whole: reserved, or as the entries of a batch were written.
    pub(crate) room: Option<Room>,
}

/// How long a client waits before it retries at an overloaded server, in seconds. Soon, since calls are short.
const SOON: HeaderValue = HeaderValue::from_static("1");

/// Says that something is not to be done.
pub(crate) const NO: HeaderValue = HeaderValue::from_static("no");

impl Written {
    pub(crate) fn new(body: Vec<u8>, status: AnswerStatus) -> Self {
        Self { body, status, headers: None, room: None }
    }

    /// Says that no more calls are taken at the moment, and why.
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

    /// Says that the caller may not do that, whether it is told so in JSON or not.
    fn deny(&mut self, denial: Denial) {
        self.set_status(ErrorCode::ACCESS_DENIED, denial.meaning().http.of_call());
        self.header(RPC_RETRY, NO);
    }

    /// Answers a request that is refused because of who makes it.
    pub(crate) fn denied(id: IdRef<'_>, denied: &Denied) -> Self {
        let Some(denial) = denied.denial() else { return Self::overloaded(id, &overloaded()) };
        let mut answer = whole_error(id, &denied.to_error_object()).refused();
        answer.deny(denial);
        answer
    }

    /// Answers who may not read a page.
    pub(crate) fn lacking(denial: Denial, requires: &[&str]) -> Self {
        let mut answer = whole_error(IdRef::NULL, &denial.to_error_object("", requires)).refused();
        answer.deny(denial);
        answer
    }

    /// Answers all calls with an error of the server's own in the place of what they were answered with.
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

    /// Answers with one error of the server's own in the place of what was answered.
    pub(crate) fn replace_whole(&mut self, id: IdRef<'_>, error: &ErrorObject) {
        let whole = whole_error(id, error);
        (self.body, self.status) = (whole.body, whole.status);
        self.own_faults(&Faults::all());
    }

    /// Leaves the body away where nobody is to be answered: those who send only notifications are told by HTTP alone.
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

    /// Says that nothing of the request was seen by a handler.
    pub(crate) fn refused(mut self) -> Self {
        self.refuse(&Refused::all());
        self
    }

    pub(crate) fn refuse(&mut self, refused: &Refused) {
        if let Some(value) = refused.to_value() {
            self.header(RPC_REFUSED, value);
        }
    }

    /// Says which errors are the server's own. Those of refused calls are, too.
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

    /// Answers a request whose idempotency keys are not as they should be.
    pub(crate) fn broken_keys(id: IdRef<'_>, broken: Broken) -> Self {
        match broken {
            Broken::KeysLost => whole_error(id, &KeyRefusal::KeysLost.to_error_object()).refused(),
            Broken::Panicked => whole_error(id, &ErrorObject::internal()).refused(),
            Broken::Header(reason) => {
                let mut answer = whole_error(id, &ErrorObject::invalid_request(reason)).refused();
                answer.set_status(ErrorCode::INVALID_REQUEST, ErrorCode::INVALID_REQUEST.meaning().http.of_request());
                answer.header(RPC_RETRY, NO);
                answer
            }
        }
    }

    /// Says after how many milliseconds to come again. HTTP has whole seconds.
    pub(crate) fn retry_after(&mut self, millis: u32) {
        self.header(RETRY_AFTER, millis.div_ceil(1000).into());
    }

    /// Names the store that keeps the request's keys.
    pub(crate) fn announce(&mut self, keys: &RequestKeys) {
        if let Some(announcement) = keys.announced() {
            self.header(RPC_IDEMPOTENCY, announcement.to_value());
        }
    }

    /// Says what the client of a single message may do about the fault.
    #[cold]
    pub(crate) fn with_advice(mut self, fault: Fault, keys: Option<&RequestKeys>) -> Self {
        if fault.is_refused() {
            self.refuse(&Refused::all());
        } else if fault.is_own() && matches!(self.status, AnswerStatus::Error(_)) {
            self.own_faults(&Faults::all());
        }
        match fault.cause {
            Cause::Access(denial) => self.deny(denial),
            Cause::Refused => self.set_status(fault.code, fault.code.meaning().http.of_call()),
            Cause::RefusedFor(millis) => {
                self.set_status(fault.code, fault.code.meaning().http.of_call());
                self.retry_after(millis);
            }
            Cause::Key(refusal) => self.advise_on_key(refusal, keys.is_some_and(RequestKeys::are_in_header)),
            Cause::Handler | Cause::Server | Cause::GivenUp | Cause::Params => {}
        }
        self
    }

    /// Says what the client of a single call may do that was refused because of its key.
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

impl From<Written> for Answer {
    #[inline]
    fn from(written: Written) -> Self {
        let mut answer = Self::new(written.body.into(), written.status);
        answer.headers = written.headers;
        answer
    }
}

/// Answers with one error what cannot be answered entry by entry.
pub(crate) fn whole_error(id: IdRef<'_>, error: &ErrorObject) -> Written {
    let mut output = Output::new(usize::MAX);
    let code = Responder::new(&mut output, Some(id)).error(error).err().unwrap_or(error.code());
    Written::new(output.into_bytes(), AnswerStatus::Error(code))
}
