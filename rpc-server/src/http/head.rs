//! Checks the head of a request for calls and extracts what dispatch needs: deadline, and whether it has idempotency
//! keys. All headers are read in one pass. The caller discards the body if [`RequestHead::read`] fails.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use rpc_core::headers::{self, IDEMPOTENCY_KEY, RPC_IDEMPOTENCY, RPC_TIMEOUT_MS, timeout_of};

use super::connection::ConnectionInfo;
use super::early::EarlyAnswer;
use super::origin;
use super::state::HttpState;
use crate::idempotency::KeyHeaders;
use crate::load::{ByteRoom, CapacityError, ConnectionLoad};

/// What the head of a request asks for.
pub(super) enum RequestHead {
    /// It has calls.
    Calls {
        keys: KeyHeaders,
        /// The caller's time limit, if it sent one.
        timeout: Option<Duration>,
    },
    /// It has no calls: the client asks about the server before it sends some. The answer depends on the caller.
    Question {
        /// The caller's time limit, if it sent one.
        timeout: Option<Duration>,
    },
}

impl RequestHead {
    /// Reads and checks the head of a request for the path of calls.
    pub(super) fn read(http_state: &HttpState, parts: &Parts, connection: ConnectionInfo) -> Result<Self, EarlyAnswer> {
        if parts.headers.len() > http_state.limits.max_headers {
            return Err(EarlyAnswer::large_head(&http_state.limits));
        }
        if parts.method == Method::HEAD {
            return Self::of_question(http_state, parts, connection);
        }
        if parts.method != Method::POST {
            return Err(EarlyAnswer::method());
        }
        // One pass over the few headers costs less than several lookups.
        let (mut typed, mut json, mut encoded) = (false, true, false);
        let (mut keys, mut timeout) = (KeyHeaders::Absent, None);
        for (name, value) in &parts.headers {
            if *name == CONTENT_TYPE {
                typed = true;
                json &= is_json(value);
            } else if *name == CONTENT_ENCODING {
                encoded |= value != "identity";
            } else if *name == ORIGIN && !origin::is_allowed(value, &http_state.http.origins, connection.loopback) {
                return Err(EarlyAnswer::origin());
            } else if *name == RPC_IDEMPOTENCY || *name == IDEMPOTENCY_KEY {
                keys = KeyHeaders::Present;
            } else if *name == RPC_TIMEOUT_MS && timeout.is_none() {
                timeout = Some(timeout_of(value));
            }
        }
        if !(typed && json) {
            return Err(EarlyAnswer::media_type("content type must be application/json or application/json-rpc"));
        }
        if encoded {
            return Err(EarlyAnswer::media_type("content encodings are not supported"));
        }
        Ok(Self::Calls { keys, timeout: timeout.flatten() })
    }

    /// Reads the head of a `HEAD` request, by which a client asks about the server before it sends calls. Answers at
    /// once if the answer is the same for all callers.
    fn of_question(http_state: &HttpState, parts: &Parts, connection: ConnectionInfo) -> Result<Self, EarlyAnswer> {
        let mut origins = parts.headers.get_all(ORIGIN).iter();
        if !origins.all(|origin| origin::is_allowed(origin, &http_state.http.origins, connection.loopback)) {
            return Err(EarlyAnswer::origin());
        }
        match http_state.backend.announcement_for_all(&parts.headers) {
            Some(announcement) => Err(EarlyAnswer(Box::new(announcement))),
            None => Ok(Self::Question { timeout: headers::timeout(&parts.headers) }),
        }
    }
}

/// Returns whether this is a media type of JSON-RPC, whatever its parameters.
///
/// Web pages can send some other types to any server without a CORS preflight.
fn is_json(value: &HeaderValue) -> bool {
    // Nearly all clients write exactly this.
    if value == "application/json" {
        return true;
    }
    let media_type = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    media_type.eq_ignore_ascii_case(b"application/json") || media_type.eq_ignore_ascii_case(b"application/json-rpc")
}

/// Reserves room for the head of a request, for as long as the head is held. A small head needs no room.
///
/// Over HTTP/1.1 a connection has one head, which its buffer holds. Over HTTP/2 it has one for each stream.
pub(crate) fn hold_head(headers: &HeaderMap, load: &Arc<ConnectionLoad>) -> Result<Option<ByteRoom>, CapacityError> {
    const SMALL_HEAD: usize = 1 << 10;
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes <= SMALL_HEAD {
        return Ok(None);
    }
    let mut room = ByteRoom::new(load);
    room.add(bytes).map(|()| Some(room))
}
