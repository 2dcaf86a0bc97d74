//! All layers around deliveries, between a deadline outside and the delivery inside. [`through`] checks what layers
//! return.

use std::future::ready;
use std::task::{Context, Poll};

use rpc_core::BoxFuture;
use tower_service::Service;

use super::answer::EntryAnswer;
use super::layer::Layers;
use super::next::Next;
use super::request::Request;
use super::response::Response;
use crate::error::AnswerResult;
use crate::failure::{Failure, FailureKind, LayerFault};
use crate::runtime::{Instant, timeout_at};

impl Layers<Request> {
    /// Builds the layers. Returns `None` if there are none.
    pub(crate) fn build(self) -> Option<Next> {
        if self.is_empty() { None } else { Some(self.around(Next::erase(DeliveryService))) }
    }
}

/// The innermost service, which sends.
#[derive(Clone)]
struct DeliveryService;

impl Service<Request> for DeliveryService {
    type Response = Response;
    type Error = Failure;
    type Future = BoxFuture<Result<Response, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.until() <= Instant::now() {
            return Box::pin(ready(Err(Failure::new(FailureKind::Expired))));
        }
        Box::pin(async { Ok(request.send().await) })
    }
}

/// Passes the request through the layers and returns the answer to each entry.
pub(crate) async fn through(request: Request, layers: Next) -> Vec<AnswerResult> {
    let (until, count, start) = (request.until(), request.entries().len(), Instant::now());
    let entry_runs = request.entry_runs();
    let came = timeout_at(until, layers.run(request)).await.unwrap_or_else(|_| {
        let is_untouched = entry_runs.is_untouched();
        Err(Failure::new(if is_untouched { FailureKind::Expired } else { FailureKind::Timeout(start.elapsed()) }))
    });
    let came = came.and_then(|response| {
        let answers = response.into_answers();
        let fits = answers.len() == count;
        if fits { Ok(answers) } else { Err(Failure::new(FailureKind::Layer(LayerFault::OtherCount))) }
    });
    let answers: Vec<AnswerResult> = match came {
        Ok(answers) => answers.into_iter().map(EntryAnswer::into_answered).collect(),
        Err(failure) => vec![Err(failure); count],
    };
    answers.into_iter().enumerate().map(|(index, answered)| entry_runs.correct(index, answered)).collect()
}
