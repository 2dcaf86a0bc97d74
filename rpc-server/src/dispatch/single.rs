//! Runs the only message of a request that is no batch, and turns its outcome into the answer. `execution` does the
//! work.

use std::task::Context as TaskContext;

use rpc_core::codec::Output;
use rpc_core::{AnswerStatus, Message};

use super::Written;
use super::execution::{Execution, Starter};
use super::work::Work;
use crate::fault::{Executed, Fault};
use crate::idempotency::RequestKeys;

/// The only message of a request, and the answer that is written to it.
pub(super) struct Single<'a> {
    waiting: Option<Execution<'a>>,
    output: Output,
}

impl<'a> Single<'a> {
    #[inline]
    pub(super) fn new(work: &Work<'_>) -> Self {
        Self { waiting: None, output: Output::new(work.limits.max_response_bytes) }
    }

    /// Runs the message. When ready, its answer stands in the output, if there is one to give.
    #[inline]
    pub(super) fn poll(&mut self, work: &'a Work<'a>, message: &'a Message<'a>, cx: &mut TaskContext<'_>) -> Executed {
        match &mut self.waiting {
            Some(execution) => execution.poll(cx, &mut self.output),
            waiting => Starter::new(work).start_watched(message, waiting, cx, &mut self.output),
        }
    }

    /// Makes the answer of a message that came to this.
    #[inline]
    pub(super) fn answer(
        self,
        result: Result<(), Fault>,
        message: &Message<'_>,
        keys: Option<&RequestKeys>,
    ) -> Written {
        let body = self.output.into_bytes();
        match result {
            Ok(()) => Written::new(body, AnswerStatus::Success),
            Err(fault) => {
                // The client of a notification is not to learn of its errors.
                let answered = !matches!(message, Message::Notification(_));
                let status = if answered { AnswerStatus::Error(fault.code) } else { AnswerStatus::Success };
                Written::new(body, status).with_advice(fault, keys)
            }
        }
    }
}
