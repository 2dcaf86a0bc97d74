//! [`StreamEnd`]: why a server ended a stream, as the data of -32089.

use crate::codes::{HttpStatus, Proof, RetryRule, reasons};
use crate::{ErrorCode, ErrorKind, ErrorObject};

reasons! {
    /// Why a server ended a stream that was not at its end. It is the `data` of [`ErrorCode::STREAM_ENDED`], such as
    /// `{"reason": "draining"}`.
    pub enum StreamEnd of STREAM_ENDED {
        /// The server shuts down. The client opens the stream again, at another server.
        Draining = "draining" {
            http: HttpStatus::Ok,
            kind: ErrorKind::Unavailable,
            proof: Proof::Nothing,
            retry: RetryRule::Never,
        }
        /// The client did not read the items in time, and the method ends such streams.
        Lagged = "lagged" {
            http: HttpStatus::Ok,
            kind: ErrorKind::Unavailable,
            proof: Proof::Nothing,
            retry: RetryRule::Never,
        }
        /// The client has cancelled the stream.
        Cancelled = "cancelled" {
            http: HttpStatus::Ok,
            kind: ErrorKind::Internal,
            proof: Proof::Nothing,
            retry: RetryRule::Never,
        }
    }
}

impl StreamEnd {
    /// Makes the error for this reason.
    pub fn to_error_object(self) -> ErrorObject {
        ErrorObject::from(ErrorCode::STREAM_ENDED).with_data(&serde_json::json!({ "reason": self }))
    }
}
