//! Finds what a request waits for: the ids of its calls, and the kind of its answer.

use http::header::ACCEPT;
use rpc_core::codec::Envelope;

use super::connection::IdentifiedRequest;
use super::state::Expect;
use crate::call_id::CallId;
use crate::failure::{Failure, FailureKind};
use crate::transport::Request;

/// Finds the ids of a request's calls, and what its answer is.
pub(super) fn identify(request: Request) -> Result<IdentifiedRequest, Failure> {
    let mut ids = Vec::new();
    let text = std::str::from_utf8(&request.body).map_err(|error| Failure::with_source(FailureKind::Encode, error))?;
    let take = |envelope: Envelope<'_>| ids.extend(envelope.id.and_then(CallId::of_reply));
    Envelope::each(text, take).map_err(|error| Failure::with_source(FailureKind::Encode, error))?;
    let accept = request.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let expect = match ids.len() {
        0 => Expect::Nothing,
        1 if accept.contains("text/event-stream") => Expect::Stream(request.subscription.clone().unwrap_or_default()),
        _ => Expect::Answer,
    };
    Ok(IdentifiedRequest { request, ids, expect })
}
