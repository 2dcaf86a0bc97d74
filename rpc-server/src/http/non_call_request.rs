//! Requests without calls: refusals, pages, routes, and `HEAD` with its announcement of the key store. `admit` makes a
//! [`NonCallRequest`]; `answer` lets it respond.

use std::sync::Arc;

use http::{Method, Response};
use rpc_core::{BoxFuture, RequestContext};

use super::answer_body::AnswerBody;
use super::connection::BodyProgress;
use super::early::EarlyAnswer;
use super::pages::{self, GuardedPage};
use super::respond::{respond, respond_for_backend, without_body};
use super::routes::RoutedRequest;
use super::state::HttpState;
#[cfg(feature = "websocket")]
use super::upgrade::UpgradeRequest;
use crate::load::ConnectionLoad;
use crate::page::RenderedPage;

/// A request without calls, and how it is answered.
pub(crate) struct NonCallRequest {
    with: NonCallKind,
    /// Whether the request is `HEAD`, which gets no body.
    head: bool,
}

pub(super) enum NonCallKind {
    Answer(EarlyAnswer),
    Page(BoxFuture<RenderedPage>),
    Guarded(Box<GuardedPage>),
    /// A `HEAD` request with an answer that depends on its caller.
    Question(Arc<RequestContext>),
    Routed(Box<RoutedRequest>),
    #[cfg(feature = "websocket")]
    Upgrade(Box<UpgradeRequest>),
}

impl NonCallRequest {
    pub(super) fn new(with: NonCallKind, method: &Method) -> Self {
        Self { with, head: method == Method::HEAD }
    }

    /// Answers the request.
    pub(super) async fn answer(
        self,
        http_state: &HttpState,
        load: &Arc<ConnectionLoad>,
        progress: &impl BodyProgress,
    ) -> Response<AnswerBody> {
        if !matches!(self.with, NonCallKind::Routed(_)) {
            progress.ends();
        }
        let shown = match self.with {
            NonCallKind::Page(page) => pages::show(page.await, load),
            NonCallKind::Guarded(page) => page.show(http_state, load).await,
            NonCallKind::Answer(refusal) => Err(refusal),
            // The router has already handled `HEAD`.
            NonCallKind::Routed(routed) => match Box::pin(routed.answer(progress)).await {
                Ok(response) => return response,
                Err(refusal) => Err(refusal),
            },
            #[cfg(feature = "websocket")]
            NonCallKind::Upgrade(upgrade) => Ok(Box::pin(upgrade.answer(http_state, load)).await),
            // Boxed, so that the future that answers a request stays small.
            NonCallKind::Question(context) => {
                let told = Box::pin(http_state.backend.announce(context)).await;
                Ok(respond_for_backend(http_state, told, load))
            }
        };
        let response = shown.unwrap_or_else(|refusal| {
            refusal.count(http_state.meter);
            respond(*refusal.0, load)
        });
        if self.head { without_body(response) } else { response }
    }
}
