//! Requests without calls: refusals, pages, routes, and `HEAD` with its announcement of the key store. `admit` makes a
//! [`TurnedAway`]; `answer` lets it respond.

use std::sync::Arc;

use http::{Method, Response};
use rpc_core::{BoxFuture, RequestContext};

use super::answer_body::AnswerBody;
use super::arrival::Arrival;
use super::early::EarlyAnswer;
use super::face::Face;
use super::pages::{self, Guarded};
use super::respond::{respond, respond_for_backend, without_body};
use super::routes::Routed;
use crate::load::ConnectionLoad;
use crate::page::Rendered;

/// A request without calls, and how it is answered.
pub(crate) struct TurnedAway {
    with: Turned,
    /// Whether the request is `HEAD`, which gets no body.
    head: bool,
}

pub(super) enum Turned {
    Answer(EarlyAnswer),
    Page(BoxFuture<Rendered>),
    Guarded(Box<Guarded>),
    /// A `HEAD` request with an answer that depends on its caller.
    Question(Arc<RequestContext>),
    Routed(Box<Routed>),
}

impl TurnedAway {
    pub(super) fn new(with: Turned, method: &Method) -> Self {
        Self { with, head: method == Method::HEAD }
    }

    /// Answers the request.
    pub(super) async fn answer(
        self,
        face: &Face,
        load: &Arc<ConnectionLoad>,
        arrival: &impl Arrival,
    ) -> Response<AnswerBody> {
        if !matches!(self.with, Turned::Routed(_)) {
            arrival.ends();
        }
        let shown = match self.with {
            Turned::Page(page) => pages::show(page.await, load),
            Turned::Guarded(page) => page.show(face, load).await,
            Turned::Answer(refusal) => Err(refusal),
            // The router has already handled `HEAD`.
            Turned::Routed(routed) => match Box::pin(routed.answer(arrival)).await {
                Ok(response) => return response,
                Err(refusal) => Err(refusal),
            },
            // Boxed, so that the future that answers a request stays small.
            Turned::Question(context) => {
                let told = Box::pin(face.backend.announce(context)).await;
                Ok(respond_for_backend(face, told, load))
            }
        };
        let response = shown.unwrap_or_else(|refusal| {
            refusal.count(face.meter);
            respond(*refusal.0, load)
        });
        if self.head { without_body(response) } else { response }
    }
}
