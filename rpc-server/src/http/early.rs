//! Responses that refuse a request before JSON-RPC sees it: wrong path, method, media type, origin or host, a bad or
//! large head, a bad body, or no room. Each [`EarlyAnswer`] has an HTTP status and a JSON-RPC error with id null. All
//! of `http` uses it; `respond` makes the response.

use http::header::{ALLOW, CONNECTION};
use http::{HeaderValue, StatusCode};
use rpc_core::headers::RPC_RETRY;
use rpc_core::{AnswerStatus, ErrorCode, ErrorObject, IdRef};

use super::host_header::HostFault;
use crate::Limits;
use crate::dispatch::{NO, WrittenAnswer, whole_error};
use crate::fault::{of_bytes, overloaded};
use crate::load::CapacityError;
use crate::meter::Meter;

/// An answer that HTTP gives without dispatch. The body of a refusal is a JSON-RPC error with id null.
#[derive(Debug)]
pub(crate) struct EarlyAnswer(pub(super) Box<WrittenAnswer>);

impl EarlyAnswer {
    /// Refuses a request with the status that the error's code usually has.
    fn new(error: &ErrorObject) -> Self {
        let status = error.code().meaning().http.of_request();
        Self::with(status.expect("the table of codes has a status for what refuses requests"), error)
    }

    fn with(status: StatusCode, error: &ErrorObject) -> Self {
        let mut answer = whole_error(IdRef::NULL, error).refused();
        answer.set_status(error.code(), Some(status));
        match status {
            // An incomplete, late or shed request may succeed at another time.
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_REQUEST | StatusCode::REQUEST_TIMEOUT => {}
            _ => answer.header(RPC_RETRY, NO),
        }
        Self(Box::new(answer))
    }

    /// Counts the answer, if it is a refusal.
    pub(super) fn count(&self, meter: Meter) {
        if let AnswerStatus::Refused(code, status) = self.0.status {
            meter.refused(status);
            if code == ErrorCode::OVERLOADED {
                meter.shed("bytes", 1);
            }
        }
    }

    /// Replaces the status.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        if let AnswerStatus::Refused(code, _) = self.0.status {
            self.0.status = AnswerStatus::Refused(code, status);
        }
        self
    }

    /// Refuses a method other than `POST`. `HEAD` is answered too, but has no calls.
    pub(super) fn method() -> Self {
        Self::other_method("calls are sent with POST", HeaderValue::from_static("POST, HEAD"))
    }

    /// Refuses a method that does not read a page.
    pub(super) fn method_of_page() -> Self {
        Self::other_method("pages are read with GET", HeaderValue::from_static("GET, HEAD"))
    }

    fn other_method(reason: &str, allowed: HeaderValue) -> Self {
        let mut refusal = Self::with(StatusCode::METHOD_NOT_ALLOWED, &ErrorObject::invalid_request(reason));
        refusal.0.header(ALLOW, allowed);
        refusal
    }

    pub(super) fn origin() -> Self {
        Self::with(StatusCode::FORBIDDEN, &ErrorObject::invalid_request("requests of this origin are not allowed"))
    }

    pub(super) fn host() -> Self {
        Self::with(StatusCode::FORBIDDEN, &ErrorObject::invalid_request("pages are not shown under this host name"))
    }

    /// Refuses a WebSocket under a host name that pages are not shown under either.
    #[cfg(feature = "websocket")]
    pub(super) fn host_of_session() -> Self {
        let error = ErrorObject::invalid_request("WebSockets are not opened under this host name");
        Self::with(StatusCode::FORBIDDEN, &error)
    }

    /// Refuses a request that asks for a WebSocket in the wrong way.
    #[cfg(feature = "websocket")]
    pub(super) fn upgrade(reason: &str) -> Self {
        let mut refusal = Self::new(&ErrorObject::invalid_request(reason));
        refusal.0.header(RPC_RETRY, NO);
        refusal
    }

    /// Refuses a version of WebSockets other than 13.
    #[cfg(feature = "websocket")]
    pub(super) fn websocket_version() -> Self {
        let error = ErrorObject::invalid_request("the header Sec-WebSocket-Version must be 13");
        let mut refusal = Self::with(StatusCode::UPGRADE_REQUIRED, &error);
        refusal.0.header(http::header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        refusal.0.header(http::header::UPGRADE, HeaderValue::from_static("websocket"));
        refusal.0.header(CONNECTION, HeaderValue::from_static("Upgrade"));
        // The status is none of those under which clients believe it, and there is no call.
        refusal.0.headers.as_mut().map(|headers| headers.remove(rpc_core::headers::RPC_REFUSED));
        refusal
    }

    pub(super) fn media_type(reason: &str) -> Self {
        Self::with(StatusCode::UNSUPPORTED_MEDIA_TYPE, &ErrorObject::invalid_request(reason))
    }

    pub(super) fn not_found() -> Self {
        Self::with(StatusCode::NOT_FOUND, &ErrorObject::invalid_request("nothing is served at this path"))
    }

    pub(super) fn broken_body() -> Self {
        Self::new(&ErrorObject::invalid_request("the body did not arrive whole"))
    }

    pub(super) fn malformed_head() -> Self {
        let error = ErrorObject::invalid_request("the head of the request is not as HTTP has it");
        Self::new(&error)
    }

    /// Refuses an invalid `Host` and closes the connection, since its further requests may be meant for another server.
    pub(super) fn host_header(fault: HostFault) -> Self {
        let mut refusal = Self::new(&ErrorObject::invalid_request(fault.reason()));
        refusal.0.header(RPC_RETRY, NO);
        refusal.0.header(CONNECTION, HeaderValue::from_static("close"));
        refusal
    }

    pub(super) fn large_head(limits: &Limits) -> Self {
        let (headers, bytes) = (limits.max_headers, limits.max_header_bytes);
        let error = ErrorObject::from(ErrorCode::REQUEST_TOO_LARGE)
            .with_data(&format!("the head of a request may have at most {headers} headers and {bytes} bytes"));
        Self::with(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &error)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let error = ErrorObject::from(ErrorCode::REQUEST_TOO_LARGE)
            .with_data(&format!("a body may have at most {limit} bytes"));
        Self::new(&error)
    }

    pub(super) fn too_slow() -> Self {
        Self::new(&ErrorCode::REQUEST_TIMEOUT.into())
    }

    /// Refuses a request because there is no room to run the calls in its body.
    pub(super) fn overloaded() -> Self {
        Self::new(&overloaded())
    }

    /// Refuses a request because there is no room to hold its head, its body or a page.
    pub(super) fn no_room(full: CapacityError) -> Self {
        Self::new(&of_bytes(full))
    }
}
