//! [`ResponseSlot`]: where a delivery leaves the head of a response, or the stream that answers a call, for callers
//! that want it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use rpc_core::BoxFuture;
use rpc_core::headers::RPC_HEARTBEAT_MS;

use crate::call_id::CallId;
use crate::failure::Failure;
use crate::meta::ResponseMeta;
use crate::transport::{Reply, ReplyBody, SubscriptionNames};

/// Where a delivery stores what its call gets beside the answer. Clones share it.
#[derive(Clone)]
#[allow(unnameable_types, unreachable_pub, reason = "the shape of a batch names it")]
pub struct ResponseSlot(Arc<SlotState>);

enum SlotState {
    Meta(Mutex<Option<Arc<ResponseMeta>>>),
    /// The stream, and its names for servers that know streams as subscriptions.
    Stream(Mutex<Option<AcceptedStream>>, Option<Arc<SubscriptionNames>>),
}

/// The answer to a call that the server has accepted as a stream.
pub(crate) struct AcceptedStream {
    /// The id of the call, or `None` if the transport itself has matched the messages with the call.
    pub(crate) id: Option<CallId>,
    /// How long the server is silent at most, if it said so.
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) body: ReplyBody,
}

impl ResponseSlot {
    /// Makes a slot for the head of the response.
    pub(crate) fn for_meta() -> Self {
        Self(Arc::new(SlotState::Meta(Mutex::default())))
    }

    /// Makes the slot of a call that opens a stream.
    pub(crate) fn for_stream(names: Option<Arc<SubscriptionNames>>) -> Self {
        Self(Arc::new(SlotState::Stream(Mutex::default(), names)))
    }

    /// Returns the names of the stream as a subscription, if it has any.
    pub(crate) fn subscription(&self) -> Option<Arc<SubscriptionNames>> {
        match &*self.0 {
            SlotState::Stream(_, names) => names.clone(),
            SlotState::Meta(_) => None,
        }
    }

    /// Returns whether the call opens a stream.
    pub(crate) fn is_for_stream(&self) -> bool {
        matches!(*self.0, SlotState::Stream(..))
    }

    /// Stores the head, if the caller wants it.
    pub(crate) fn set_meta(&self, meta: &Arc<ResponseMeta>) {
        if let SlotState::Meta(slot) = &*self.0 {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(meta));
        }
    }

    /// Takes the head. It is empty if no response arrived.
    pub(crate) fn take_meta(&self) -> Arc<ResponseMeta> {
        let SlotState::Meta(slot) = &*self.0 else { return Arc::default() };
        slot.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }

    /// Takes the stream that the last attempt opened, if it did.
    pub(crate) fn take_stream(&self) -> Option<AcceptedStream> {
        let SlotState::Stream(slot, _) = &*self.0 else { return None };
        slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put_stream(&self, stream: AcceptedStream) {
        if let SlotState::Stream(slot, _) = &*self.0 {
            let replaced = slot.lock().unwrap_or_else(PoisonError::into_inner).replace(stream);
            // The drop closes a response, and must not happen under the lock.
            drop(replaced);
        }
    }

    /// Waits for the reply to a call with this id. If it is a stream, moves the stream to the slot, and returns the
    /// answer that an accepted call without a result has.
    pub(crate) fn accept(
        &self,
        id: CallId,
        reply: BoxFuture<Result<Reply, Failure>>,
    ) -> BoxFuture<Result<Reply, Failure>> {
        let slot = self.clone();
        Box::pin(async move {
            let mut reply = reply.await?;
            if is_stream(&reply) {
                let mut answer = br#"{"jsonrpc":"2.0","result":null"#.to_vec();
                id.close(&mut answer);
                let mut body = std::mem::replace(&mut reply.body, ReplyBody::from(bytes::Bytes::from(answer)));
                body.release();
                let id = (!body.has_messages()).then_some(id);
                slot.put_stream(AcceptedStream { id, heartbeat: heartbeat(&reply.headers), body });
            }
            Ok(reply)
        })
    }
}

fn is_stream(reply: &Reply) -> bool {
    reply.status.is_none_or(|status| status == StatusCode::OK)
        && (reply.body.has_messages() || is_event_stream(&reply.headers))
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let media_type = value.split_once(';').map_or(value, |(media_type, _)| media_type);
    media_type.trim().eq_ignore_ascii_case("text/event-stream")
}

/// Reads the header `Rpc-Heartbeat-Ms`. A value that is no time counts as no header.
fn heartbeat(headers: &HeaderMap) -> Option<Duration> {
    let millis = headers.get(RPC_HEARTBEAT_MS)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_millis(millis)).filter(|time| !time.is_zero())
}

impl fmt::Debug for ResponseSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseSlot")
    }
}
