//! [`Requests`]: makes and sends the requests of one worker.

use rpc::{Call, Client, Effect, Failure};
use serde_json::value::RawValue;

use super::recorder::Answer;
use super::template::Template;
use crate::effect::with_effect;

/// Makes and sends the requests of one worker.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    pub(crate) client: Client,
    pub(crate) method: String,
    pub(crate) params: Template,
    pub(crate) effect: Effect,
}

impl Requests {
    /// Makes a call.
    pub(crate) async fn call(&self, number: u64) -> Answer {
        self.make(number).await
    }

    /// Makes a batch of calls. If the batch fails as a whole, so does each call.
    pub(crate) async fn batch(&self, first: u64, calls: u64) -> Vec<Answer> {
        let batch: Vec<_> = (first..first + calls).map(|number| self.make(number)).collect();
        let fail = |failure: Failure| (0..calls).map(|_| Err(failure.clone().into())).collect();
        self.client.batch(batch).await.unwrap_or_else(fail)
    }

    /// Makes the call with a number, from 0.
    fn make(&self, number: u64) -> Call<Box<RawValue>> {
        let call = match &self.params {
            Template::Same(params) => self.client.call(self.method.clone(), params),
            params @ Template::Filled(_) => self.client.call(self.method.clone(), params.fill(number + 1)),
        };
        with_effect(call, self.effect)
    }
}
