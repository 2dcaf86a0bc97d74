//! [`StreamOpener`]: sends the call of a stream, at first and again after each cut. Each time it is a delivery of its
//! own, with all of the client's machinery.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use rpc_core::params::ParamPlace;
use rpc_core::{BoxFuture, Effect, ErrorObject, MethodRef, codec};

use crate::engine::Engine;
use crate::error::Answer;
use crate::failure::{Failure, FailureKind};
use crate::parts::{CallParts, CallerDeadline};
use crate::reliability::retry::Retry;
use crate::response_slot::{AcceptedStream, ResponseSlot};
use crate::send;
use crate::transport::SubscriptionNames;

/// The call of a stream, without its types.
pub(crate) struct StreamOpener {
    pub(crate) engine: Arc<Engine>,
    pub(crate) method: MethodRef,
    /// The JSON text of the params without the cursor, if there are any. Or why the call cannot be sent.
    pub(crate) params: Result<Option<String>, Failure>,
    /// Its names for servers that know streams as subscriptions, if it has any.
    pub(crate) names: Option<Arc<SubscriptionNames>>,
    pub(crate) headers: Option<Box<HeaderMap>>,
    pub(crate) deadline: Option<Duration>,
    /// The time by which the stream must be accepted at first, whatever the deadline.
    pub(crate) until: CallerDeadline,
    pub(crate) retry: Option<Box<Retry>>,
    pub(crate) hash_key: Option<u64>,
    pub(crate) reopen: Reopen,
    /// How long after a cut the client tries to open the stream again.
    pub(crate) reopen_limit: Duration,
}

/// Whether the client opens the stream again after a cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reopen {
    Never,
    /// With the last cursor as the parameter at this place.
    AfterCursor(ParamPlace),
    /// As at first. Items may be lost between.
    FromNow,
}

/// How the call of a stream was answered.
pub(crate) enum Opened {
    Accepted(AcceptedStream),
    /// The call was answered with null at once: the stream is empty.
    Empty,
    /// The server answered the call with an error.
    Error(ErrorObject),
    /// The server answered with an error about the whole request, without the call's id.
    RequestError(ErrorObject),
    Failed(Failure),
}

impl StreamOpener {
    /// Sends the call, with this cursor if there is one. `limit` bounds the deadline, if it is set.
    pub(crate) fn open(&self, cursor: Option<&str>, limit: Option<Duration>) -> BoxFuture<Opened> {
        let slot = ResponseSlot::for_stream(self.names.clone());
        let mut parts = CallParts::new(self.method.clone(), self.request(cursor));
        parts.effect = Effect::None;
        parts.headers.clone_from(&self.headers);
        parts.deadline = self.deadline;
        if let Some(limit) = limit {
            let usual = self.deadline.or(self.method.timeout).unwrap_or(self.engine.settings.deadline);
            parts.deadline = Some(usual.min(limit));
        } else {
            parts.until = self.until;
        }
        parts.retry.clone_from(&self.retry);
        parts.hash_key = self.hash_key;
        parts.slot = Some(slot.clone());
        let sent = send::one(Arc::clone(&self.engine), parts);
        Box::pin(async move {
            match sent.await {
                Ok(Answer::Result(result)) => match slot.take_stream() {
                    Some(stream) => Opened::Accepted(stream),
                    None if result.as_ref() == b"null" => Opened::Empty,
                    None => Opened::Failed(Failure::new(FailureKind::Protocol("it is a result and not a stream"))),
                },
                Ok(Answer::Error(error)) => Opened::Error(error),
                Ok(Answer::OfRequest(error)) => Opened::RequestError(error),
                Err(failure) => Opened::Failed(failure),
            }
        })
    }

    /// Writes the text of the call up to the position of its id.
    fn request(&self, cursor: Option<&str>) -> Result<Vec<u8>, Failure> {
        let params = self.params.as_ref().map_err(Clone::clone)?.as_deref();
        let with_cursor = match (&self.reopen, cursor) {
            (Reopen::AfterCursor(place), Some(cursor)) => Some(place.add(params, cursor)),
            _ => None,
        };
        let written = codec::open_request(&self.method.name, |out| {
            out.extend_from_slice(with_cursor.as_deref().or(params).unwrap_or_default().as_bytes());
            Ok(())
        });
        written.map_err(|error| Failure::with_source(FailureKind::Encode, error))
    }
}
