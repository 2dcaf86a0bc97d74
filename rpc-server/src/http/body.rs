//! Reads the body of a request with calls, within its limits for size, time and memory. While the server is full it
//! rejects a request before its body has arrived, so that overload costs little bandwidth. Bodies for routes are
//! streamed instead, by `routes::request_body`.

mod chunks;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::EXPECT;
use http_body::Body;
use http_body_util::BodyExt;
use rpc_core::RequestContext;
use tokio::time::{Instant, timeout_at};

pub(super) use super::discard::discard;
use super::discard::drain;
use super::early::EarlyAnswer;
use super::state::HttpState;
use crate::Limits;
use crate::idempotency::KeyHeaders;
use crate::load::{ByteRoom, ConnectionLoad, SMALL};
use chunks::BodyChunks;

/// Reads a whole body and reserves room for its bytes. A large body holds its room until the last part of it is
/// dropped. Calls `waits` at the first wait for the body.
///
/// While the server has no room for calls, a body that has not arrived is refused instead of awaited. Requests with
/// keys are exempt, since their calls may have kept answers.
pub(super) async fn read<B>(
    mut body: B,
    http_state: &HttpState,
    context: &RequestContext,
    keys: KeyHeaders,
    load: &Arc<ConnectionLoad>,
    waits: impl FnOnce(),
) -> Result<(Bytes, ByteRoom), EarlyAnswer>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let limits = &http_state.limits;
    let limit = limits.max_request_bytes;
    if body.size_hint().lower() > limit as u64 {
        discard(body, &context.headers);
        return Err(EarlyAnswer::too_large(limit));
    }
    let may_be_shed = keys == KeyHeaders::Absent;
    // Polling the body would tell a client that sent `Expect` to send it.
    if may_be_shed && http_state.backend.is_full() && context.headers.contains_key(EXPECT) {
        return Err(EarlyAnswer::overloaded());
    }
    let mut clock = None;
    let mut waits = Some(waits);
    let mut room = ByteRoom::new(load);
    let mut pieces = BodyChunks::default();
    loop {
        let frame = match body.frame().now_or_never() {
            // A frame that has already arrived needs no timer.
            Some(frame) => frame,
            None if clock.is_none() && may_be_shed && http_state.backend.is_full() => {
                drain(body);
                return Err(EarlyAnswer::overloaded());
            }
            None => {
                if let Some(waits) = waits.take() {
                    waits();
                }
                next_frame(&mut body, &mut clock, limits).await?
            }
        };
        let Some(frame) = frame else { break };
        let Ok(data) = frame.map_err(|_| EarlyAnswer::broken_body())?.into_data() else { continue };
        if pieces.len() + data.len() > limit {
            drain(body);
            return Err(EarlyAnswer::too_large(limit));
        }
        if let Err(full) = room.add(data.len()) {
            drain(body);
            return Err(EarlyAnswer::no_room(full));
        }
        pieces.push(data);
        // Another poll could only report the end.
        if body.is_end_stream() {
            break;
        }
    }
    let whole = pieces.whole();
    if whole.len() > SMALL {
        // Layers, keys and detached handlers may hold params, which are a part of the body, for longer than the
        // request.
        return Ok((Bytes::from_owner(LargeBody { whole, _room: room }), ByteRoom::new(load)));
    }
    Ok((whole, room))
}

/// A body that releases its room when the last of its bytes is dropped.
struct LargeBody {
    whole: Bytes,
    _room: ByteRoom,
}

impl AsRef<[u8]> for LargeBody {
    fn as_ref(&self) -> &[u8] {
        &self.whole
    }
}

type NextFrame<B> = Option<Result<http_body::Frame<Bytes>, <B as Body>::Error>>;

/// Waits for the next frame. The clock starts at the first wait.
async fn next_frame<B>(body: &mut B, clock: &mut Option<Instant>, limits: &Limits) -> Result<NextFrame<B>, EarlyAnswer>
where
    B: Body<Data = Bytes> + Unpin,
{
    let now = Instant::now();
    let in_all = clock.get_or_insert(now).checked_add(limits.body_timeout);
    let progress = now.checked_add(limits.body_progress_timeout);
    match [in_all, progress].into_iter().flatten().min() {
        Some(deadline) => timeout_at(deadline, body.frame()).await.map_err(|_| EarlyAnswer::too_slow()),
        None => Ok(body.frame().await),
    }
}
