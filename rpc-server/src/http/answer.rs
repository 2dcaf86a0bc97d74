//! Answers one HTTP request. [`answer`] reads the body, reserves room for the response, lets the backend dispatch the
//! calls, and turns the result into a response. Both the standalone server and the axum router call it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::Body;
use rpc_core::{AnswerStatus, RequestContext};

use super::admit::AdmittedRequest;
use super::answer_body::AnswerBody;
use super::backend::Backend;
use super::body;
use super::connection::BodyProgress;
use super::event_stream::respond_with_events;
use super::non_call_request::NonCallRequest;
use super::respond::{respond, respond_with};
use super::state::HttpState;
use crate::load::ConnectionLoad;

/// Answers an HTTP request with a checked head. `load` belongs to its connection.
pub(crate) async fn answer<B>(
    http_state: &HttpState,
    request: Result<AdmittedRequest<B>, NonCallRequest>,
    load: &Arc<ConnectionLoad>,
    progress: &impl BodyProgress,
) -> Response<AnswerBody>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let read = match request {
        Ok(AdmittedRequest { context, body, keys }) => {
            let read = body::read(body, http_state, &context, keys, load, || progress.waits()).await;
            read.map(|read| (context, read, keys))
        }
        Err(turned) => return turned.answer(http_state, load, progress).await,
    };
    progress.ends();
    match read {
        Ok((mut context, (body, mut room), keys)) => {
            let reserved = if load.is_crowded() {
                // Boxed, since few requests wait here and the future would be larger for all.
                Box::pin(load.reserve(http_state.limits.max_response_bytes)).await
            } else {
                None
            };
            let mut answer = match &http_state.backend {
                Backend::Own(dispatcher) => dispatcher.dispatch(&body, &context, keys, load, reserved).await,
                Backend::Foreign(foreign) => Box::pin(foreign.dispatch(&body, &context, load, reserved)).await,
            };
            if let Some(stream) = answer.stream.take() {
                return respond_with_events(*stream, answer.headers, load, http_state.limits.stream_heartbeat);
            }
            if let Some(taken) = answer.room.take() {
                room = taken;
            }
            if let AnswerStatus::Batch { .. } = answer.status {
                // The batch has counted its answers one by one, and the remaining ones have room.
                room.fit_up_to(answer.body.len());
            } else if let Err(full) = room.fit(answer.body.len()) {
                http_state.backend.withhold(&mut answer, &body, full);
                room.fit_up_to(answer.body.len());
            }
            drop(body);
            respond_with(answer, room, emptied_headers(&mut context))
        }
        Err(early) => {
            early.count(http_state.meter);
            respond(*early.0, load)
        }
    }
}

/// The capacity from which a header map is not reused.
const LARGE: usize = 16;

/// Returns the request's header map, emptied, so that the response needs no memory of its own for headers.
///
/// If a detached handler may still read the headers, the map stays with the request. A large map is dropped, since
/// hyper keeps the response's map for the next request, for as long as the connection is idle.
fn emptied_headers(context: &mut Arc<RequestContext>) -> HeaderMap {
    match Arc::get_mut(context) {
        Some(RequestContext { headers, .. }) if headers.capacity() < LARGE => {
            headers.clear();
            std::mem::take(headers)
        }
        _ => HeaderMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{HeaderMap, HeaderName, HeaderValue};
    use rpc_core::RequestContext;

    use super::{LARGE, emptied_headers};

    fn context(headers: usize) -> Arc<RequestContext> {
        let header = |index| (HeaderName::try_from(format!("x-{index}")).unwrap(), HeaderValue::from_static("1"));
        let mut context = RequestContext::default();
        context.headers = (0..headers).map(header).collect();
        Arc::new(context)
    }

    #[test]
    fn a_response_takes_the_map_of_its_request_without_its_headers() {
        let mut context = context(3);
        let headers = emptied_headers(&mut context);
        assert!(headers.is_empty() && headers.capacity() >= 3);
    }

    #[test]
    fn a_handler_that_goes_on_keeps_the_headers_of_its_request() {
        let mut context = context(3);
        let held = Arc::clone(&context);
        assert_eq!(emptied_headers(&mut context), HeaderMap::new());
        assert_eq!(held.headers.len(), 3);
    }

    #[test]
    fn the_map_of_a_request_with_many_headers_is_not_used_again() {
        assert_eq!(emptied_headers(&mut context(LARGE)).capacity(), 0);
    }
}
