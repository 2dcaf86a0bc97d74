//! The headers of requests: the client's, overlaid by those of the endpoint and those of the call or batch, plus those
//! of each attempt. The map for most calls is prepared once. `propagated` is what calls copy from a handler's request.

mod propagated;

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use rpc_core::headers::{ASKS_SCOPE, RPC_IDEMPOTENCY, RPC_TIMEOUT_MS};

use crate::failure::{Failure, FailureKind};
pub(crate) use propagated::PropagatedHeaders;

/// The headers of all requests of a client.
#[derive(Clone)]
pub(crate) struct ClientHeaders {
    headers: HeaderMap,
    /// The deadline that the prepared header states. Most calls have this deadline.
    deadline: Duration,
}

impl ClientHeaders {
    pub(crate) fn new(own: &HeaderMap, deadline: Duration) -> Self {
        // Reserves room for the headers that the call, the attempt and the transport usually add. A clone keeps the
        // room. Without it, adding a header to a clone would rehash all others.
        let mut headers = HeaderMap::with_capacity(own.len() + 8);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        overlay(&mut headers, Some(own));
        headers.insert(RPC_TIMEOUT_MS, milliseconds(deadline));
        Self { headers, deadline }
    }

    /// Returns the client's headers, overlaid by those of an endpoint.
    fn of_endpoint(&self, endpoint: &HeaderMap) -> HeaderMap {
        let mut headers = self.headers.clone();
        if !endpoint.is_empty() {
            overlay(&mut headers, Some(endpoint));
        }
        headers
    }

    /// Returns the headers of a request for calls with this time left.
    pub(crate) fn of_calls(&self, endpoint: &HeaderMap, own: Option<&HeaderMap>, left: Duration) -> HeaderMap {
        let mut headers = self.of_endpoint(endpoint);
        overlay(&mut headers, own);
        if left != self.deadline {
            headers.insert(RPC_TIMEOUT_MS, milliseconds(left));
        }
        headers
    }

    /// Returns the headers of a request that asks for the server's store.
    pub(crate) fn of_probe(&self, endpoint: &HeaderMap, own: Option<&HeaderMap>) -> HeaderMap {
        let mut headers = self.of_endpoint(endpoint);
        overlay(&mut headers, own);
        // These headers describe a body, and there is none.
        headers.remove(CONTENT_TYPE);
        headers.remove(RPC_TIMEOUT_MS);
        headers
    }

    /// Returns the headers of a request that also asks for the subject that owns the keys of a call. `left` is the
    /// remaining time.
    pub(crate) fn of_scope_probe(&self, endpoint: &HeaderMap, own: Option<&HeaderMap>, left: Duration) -> HeaderMap {
        let mut headers = self.of_probe(endpoint, own);
        headers.insert(RPC_IDEMPOTENCY, ASKS_SCOPE);
        headers.insert(RPC_TIMEOUT_MS, milliseconds(left));
        headers
    }
}

/// Replaces headers with others of the same names.
fn overlay(headers: &mut HeaderMap, own: Option<&HeaderMap>) {
    let Some(own) = own else { return };
    for name in own.keys() {
        headers.remove(name);
    }
    for (name, value) in own {
        headers.append(name, value.clone());
    }
}

/// Sets a header from the user.
pub(crate) fn set_header<N, V>(headers: &mut HeaderMap, name: N, value: V) -> Result<(), Failure>
where
    N: TryInto<HeaderName>,
    V: TryInto<HeaderValue>,
{
    let name = name.try_into().map_err(|_| Failure::new(FailureKind::Builder("this is not the name of a header")))?;
    let value =
        value.try_into().map_err(|_| Failure::new(FailureKind::Builder("this is not the value of a header")))?;
    if let Some(why) = framing(&name) {
        return Err(Failure::new(FailureKind::Builder(why)));
    }
    headers.insert(name, value);
    Ok(())
}

/// Returns why a header that frames the body is rejected. A value other than the connection's own would cut the body or
/// hang the call. This happens when users pass on the headers of another request.
fn framing(name: &HeaderName) -> Option<&'static str> {
    match name.as_str() {
        "content-length" => Some("the header `content-length` is the client's to set"),
        "transfer-encoding" => Some("the header `transfer-encoding` is the client's to set"),
        _ => None,
    }
}

/// Returns a time as the value of the header.
fn milliseconds(time: Duration) -> HeaderValue {
    HeaderValue::from(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).clamp(1, 999_999_999_999))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::set_header;

    #[test]
    fn headers_that_frame_the_body_are_refused_by_name() {
        let mut headers = HeaderMap::new();
        for (name, message) in [
            ("Content-Length", "the header `content-length` is the client's to set"),
            ("transfer-encoding", "the header `transfer-encoding` is the client's to set"),
        ] {
            let failure = set_header(&mut headers, name, "5").unwrap_err();
            assert!(failure.is_builder());
            assert_eq!(failure.to_string(), message);
        }
        assert!(headers.is_empty());
        set_header(&mut headers, "host", "rpc.example").unwrap();
    }
}
