//! Answers one HTTP request. [`answer`] reads the body, reserves room for the response, lets the backend dispatch the
//! calls, and turns the result into a response. Both the standalone server and the axum router call it.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http_body::Body;
use rpc_core::AnswerStatus;

use super::admit::Admitted;
use super::answer_body::AnswerBody;
use super::arrival::Arrival;
use super::backend::Backend;
use super::body;
use super::face::Face;
use super::respond::{respond, respond_with};
use super::turned_away::TurnedAway;
use crate::load::ConnectionLoad;

/// Answers an HTTP request whose head was checked, and which came by the connection of this load.
pub(crate) async fn answer<B>(
    face: &Face,
    request: Result<Admitted<B>, TurnedAway>,
    load: &Arc<ConnectionLoad>,
    arrival: &impl Arrival,
) -> Response<AnswerBody>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let read = match request {
        Ok(Admitted { context, body, keys }) => {
            let read = body::read(body, face, &context, keys, load, || arrival.waits()).await;
            read.map(|read| (context, read, keys))
        }
        Err(turned) => return turned.answer(face, load, arrival).await,
    };
    arrival.ends();
    match read {
        Ok((context, (body, mut room), keys)) => {
            let reserved = if load.is_crowded() {
                // Few requests wait, and all would have to make room for it.
                Box::pin(load.reserve(face.limits.max_response_bytes)).await
            } else {
                None
            };
            let mut answer = match &face.backend {
                Backend::Own(dispatcher) => dispatcher.dispatch(&body, &context, keys, load, reserved).await,
                Backend::Foreign(foreign) => Box::pin(foreign.dispatch(&body, &context, load, reserved)).await,
            };
            if let Some(taken) = answer.room.take() {
                room = taken;
            }
            if let AnswerStatus::Batch { .. } = answer.status {
                // Its answers were counted one by one, and what is given of them has room.
                room.fit_up_to(answer.body.len());
            } else if let Err(full) = room.fit(answer.body.len()) {
                face.backend.withhold(&mut answer, &body, full);
                room.fit_up_to(answer.body.len());
            }
            drop(body);
            respond_with(answer, room)
        }
        Err(early) => {
            early.count(face.meter);
            respond(*early.0, load)
        }
    }
}
