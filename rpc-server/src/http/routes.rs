//! The user's own routes, next to the calls. [`Routes`] holds an axum router, which `router` merges into an
//! application. For a standalone server, this file detects requests that no route matched, contains panics, and applies
//! the limits of heads and bodies.

mod request_body;

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::body::Body as RouterBody;
use axum::extract::{ConnectInfo, Request as RouterRequest};
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use http_body::Body;
use rpc_core::BoxFuture;
use rpc_core::contain::{CatchDropPanic, defuse};
use tokio::sync::oneshot;
use tower::Service;

use super::answer_body::AnswerBody;
use super::connection::{BodyProgress, ConnectionInfo};
use super::discard::discard;
use super::early::EarlyAnswer;
use crate::Limits;
use request_body::RequestBody;

/// The user's routes.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    /// The router as the user has built it.
    router: Router,
    /// The same router, which also marks answers that no route has given.
    marking: Router,
}

/// Marks an answer that only states that no route matched.
#[derive(Clone, Copy)]
struct NoRoute;

impl Routes {
    /// Merges a router with those that were added before.
    ///
    /// # Panics
    ///
    /// If the routers cannot be merged.
    #[track_caller]
    pub(crate) fn add(before: Option<Self>, router: Router) -> Self {
        let router = match before {
            Some(before) => before.router.merge(router),
            None => router,
        };
        // axum does not tell whether a router has a fallback of its own, so the fallback's answer is inspected.
        let fallback = router.clone();
        let marking = router.clone().reset_fallback().fallback(move |request: RouterRequest| {
            let mut fallback = fallback.clone();
            async move {
                let Ok(mut response) = fallback.call(request).await;
                if is_bare(&response) {
                    response.extensions_mut().insert(NoRoute);
                }
                response
            }
        });
        Self { router, marking }
    }

    /// Returns the router as the user has built it.
    pub(super) fn router(&self) -> Router {
        self.router.clone()
    }

    /// Starts to answer a request.
    ///
    /// # Errors
    ///
    /// If the request exceeds a limit.
    pub(super) fn begin<B>(
        &self,
        request: Request<B>,
        connection: ConnectionInfo,
        limits: &Limits,
    ) -> Result<RoutedRequest, EarlyAnswer>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::error::Error + Send + Sync,
    {
        let limit = limits.max_request_bytes;
        let refusal = if request.headers().len() > limits.max_headers {
            Some(EarlyAnswer::large_head(limits))
        } else if request.body().size_hint().lower() > limit as u64 {
            Some(EarlyAnswer::too_large(limit))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            let (parts, body) = request.into_parts();
            discard(body, &parts.headers);
            return Err(refusal);
        }
        let (mut parts, body) = request.into_parts();
        if let Some(peer_addr) = connection.peer_addr {
            parts.extensions.insert(ConnectInfo(peer_addr));
        }
        let (arrives, arrived) = oneshot::channel();
        let arrived = (!body.is_end_stream()).then_some(arrived);
        let body = RouterBody::new(RequestBody::new(body, &parts.headers, limits, arrives));
        let mut router = self.marking.clone();
        let answering = async move {
            let Ok(response) = router.call(Request::from_parts(parts, body)).await;
            response
        };
        Ok(RoutedRequest { answering: CatchDropPanic::new(Box::pin(answering)), arrived })
    }
}

/// A request that a router answers.
pub(super) struct RoutedRequest {
    answering: CatchDropPanic<BoxFuture<Response<RouterBody>>>,
    /// Closes when the server no longer waits for the body. `None` for a request without a body.
    arrived: Option<oneshot::Receiver<()>>,
}

impl RoutedRequest {
    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// If no route matches.
    pub(super) async fn answer(self, progress: &impl BodyProgress) -> Result<Response<AnswerBody>, EarlyAnswer> {
        let Self { answering, arrived } = self;
        let mut answering = AssertUnwindSafe(answering).catch_unwind();
        let early = match arrived {
            None => None,
            Some(arrived) => {
                progress.waits();
                tokio::select! {
                    biased;
                    answered = &mut answering => Some(answered),
                    _ = arrived => None,
                }
            }
        };
        progress.ends();
        let answered = match early {
            Some(answered) => answered,
            None => answering.await,
        };
        let response = match answered {
            Ok(response) if response.extensions().get::<NoRoute>().is_some() => return Err(EarlyAnswer::not_found()),
            Ok(response) => response,
            Err(payload) => {
                defuse(payload);
                tracing::error!("a route panicked");
                let mut response = Response::new(RouterBody::empty());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        };
        Ok(response.map(|body| AnswerBody::streamed(http_body_util::BodyExt::map_err(body, Into::into))))
    }
}

/// Returns whether an answer only states that nothing was found.
fn is_bare(response: &Response<RouterBody>) -> bool {
    response.status() == StatusCode::NOT_FOUND
        && response.body().size_hint().exact() == Some(0)
        && !response.headers().contains_key(CONTENT_TYPE)
}
