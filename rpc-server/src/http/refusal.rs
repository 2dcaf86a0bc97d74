use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use rpc_core::headers::{RPC_REFUSED, RPC_RETRY, RPC_STATUS, Refused};
use rpc_core::{ErrorCode, ErrorObject, IdRef};

use super::APPLICATION_JSON;
use super::budget::{AnswerBody, Budget};
use crate::dispatch::{NO, SOON, whole_error};

/// An answer that HTTP gives before JSON-RPC is asked. Its body says the same in JSON-RPC, with id null.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: ErrorCode,
    body: Vec<u8>,
}

impl Refusal {
    fn new(status: StatusCode, error: &ErrorObject) -> Self {
        Self { status, code: error.code(), body: whole_error(IdRef::NULL, error).body }
    }

    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, &ErrorObject::invalid_request("calls are sent with POST"))
    }

    pub(super) fn origin() -> Self {
        Self::new(StatusCode::FORBIDDEN, &ErrorObject::invalid_request("requests of this origin are not allowed"))
    }

    pub(super) fn media_type(reason: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, &ErrorObject::invalid_request(reason))
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, &ErrorObject::invalid_request("nothing is served at this path"))
    }

    pub(super) fn broken_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, &ErrorObject::invalid_request("the body did not arrive whole"))
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let error = ErrorObject::new(ErrorCode::REQUEST_TOO_LARGE, "Request too large")
            .with_data(&format!("a body may have at most {limit} bytes"));
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, &error)
    }

    pub(super) fn too_slow() -> Self {
        let error = ErrorObject::new(ErrorCode::REQUEST_TIMEOUT, "Request timed out");
        Self::new(StatusCode::REQUEST_TIMEOUT, &error)
    }

    /// Says that there is no room to hold the body.
    pub(super) fn out_of_bytes() -> Self {
        let error = ErrorObject::new(ErrorCode::OVERLOADED, "Server overloaded");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, &error)
    }

    pub(super) fn into_response(self, budget: &Budget) -> Response<AnswerBody> {
        let mut response = Response::new(budget.answer(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, APPLICATION_JSON);
        headers.insert(RPC_STATUS, self.code.get().into());
        if let Some(refused) = Refused::all().to_value() {
            headers.insert(RPC_REFUSED, refused);
        }
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => drop(headers.insert(RETRY_AFTER, SOON)),
            // What did not arrive whole, or not in time, may well do so another time.
            StatusCode::BAD_REQUEST | StatusCode::REQUEST_TIMEOUT => {}
            _ => drop(headers.insert(RPC_RETRY, NO)),
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}
