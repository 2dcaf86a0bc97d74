//! A message of a session that runs: [`RunningCall`]. It takes the path of any other request, through the backend.

use std::sync::Arc;

use bytes::Bytes;
use rpc_core::codec::{self, ParseLimits};
use rpc_core::headers::RPC_RETRY;
use rpc_core::{AnswerStatus, BoxFuture, ErrorCode, ErrorObject, IdRef, Packet, RequestContext};

use super::salvage::salvage;
use super::subscriptions::SubscriptionName;
use crate::dispatch::{NO, WrittenAnswer, whole_error};
use crate::http::{Backend, HttpState};
use crate::idempotency::KeyHeaders;
use crate::load::{ByteRoom, ConnectionLoad};
use crate::throttle::Throttle;

/// What answers the messages of a session.
pub(super) struct SessionServer {
    pub(super) http_state: Arc<HttpState>,
    /// The load of the connection.
    pub(super) load: Arc<ConnectionLoad>,
    pub(super) parse_limits: ParseLimits,
}

/// A call, a notification or a batch of a session that runs.
pub(super) struct RunningCall {
    /// The JSON text of the id, if this is a single call.
    pub(super) id: Option<Box<str>>,
    /// How a stream of this call is named in the older form.
    pub(super) subscription: Option<SubscriptionName>,
    /// Its context, by which its handlers learn that it was cancelled.
    pub(super) request: Arc<RequestContext>,
    pub(super) running: BoxFuture<AnsweredCall>,
}

/// A complete answer, and the room that it has.
pub(super) struct AnsweredCall {
    pub(super) answer: WrittenAnswer,
    pub(super) room: ByteRoom,
}

impl SessionServer {
    /// Answers a message. `room` is that of its bytes.
    pub(super) async fn answer(
        self: Arc<Self>,
        body: Bytes,
        request: Arc<RequestContext>,
        mut room: ByteRoom,
    ) -> AnsweredCall {
        let Self { http_state, load, .. } = &*self;
        let reserved = if load.is_crowded() { load.reserve(http_state.limits.max_response_bytes).await } else { None };
        let mut answer = match &http_state.backend {
            Backend::Own(dispatcher) => {
                let keys = KeyHeaders::of(&request.headers);
                dispatcher.dispatch(&body, &request, keys, load, reserved).await
            }
            Backend::Foreign(foreign) => foreign.dispatch(&body, &request, load, reserved).await,
        };
        if let Some(taken) = answer.room.take() {
            room = taken;
        }
        self.spread(&mut answer, &body);
        if let AnswerStatus::Batch { .. } = answer.status {
            room.fit_up_to(answer.body.len());
        } else if let Err(full) = room.fit(answer.body.len()) {
            http_state.backend.withhold(&mut answer, &body, full);
            room.fit_up_to(answer.body.len());
        }
        AnsweredCall { answer, room }
    }

    /// Returns whether the notifications of this method run in order. A `Dispatch` of the user's own has no order.
    pub(super) fn is_ordered(&self, method: &str) -> bool {
        match &self.http_state.backend {
            Backend::Own(dispatcher) => dispatcher.table.is_ordered(method),
            Backend::Foreign(_) => false,
        }
    }

    /// Refuses a message with this error, before any handler has seen it. Its notifications are dropped.
    pub(super) fn refuse(&self, body: &[u8], error: &ErrorObject) -> WrittenAnswer {
        let mut answer = if error.code() == ErrorCode::OVERLOADED {
            WrittenAnswer::overloaded(IdRef::NULL, error)
        } else {
            let mut answer = whole_error(IdRef::NULL, error).refused();
            answer.header(RPC_RETRY, NO);
            answer
        };
        match codec::parse(body, &self.parse_limits) {
            Ok(packet) => {
                answer.replace_with(error, &packet);
                answer = answer.to(&packet);
            }
            Err(_) => salvage(&mut answer, error, body, self.parse_limits.max_id_bytes),
        }
        if answer.body.is_empty() {
            log_dropped(error);
        }
        answer
    }

    /// Replaces an error without the id of a call with one for each call. A client finds an answer by its ids only.
    fn spread(&self, answer: &mut WrittenAnswer, body: &[u8]) {
        let is_of_batch = body.trim_ascii_start().starts_with(b"[") && answer.body.starts_with(b"{");
        let is_of_nobody = || answer.status != AnswerStatus::Success && answer.body.ends_with(br#""id":null}"#);
        if !is_of_batch && !is_of_nobody() {
            return;
        }
        let error = std::str::from_utf8(&answer.body).ok().and_then(codec::error_of);
        let Some(Ok(error)) = error else { return };
        match codec::parse(body, &self.parse_limits) {
            Ok(packet @ Packet::Batch(_)) => answer.replace_with(&error, &packet),
            // Its id cannot be read, or it has none.
            Ok(Packet::Single(_)) => {}
            Err(_) => salvage(answer, &error, body, self.parse_limits.max_id_bytes),
        }
    }
}

/// Logs that notifications were dropped. Their sender is not told.
#[cold]
fn log_dropped(error: &ErrorObject) {
    static DROPPED: Throttle = Throttle::with(10);
    if let Some(suppressed) = DROPPED.pass() {
        tracing::warn!(code = error.code().get(), suppressed, "a notification was dropped: {}", error.message());
    }
}
