//! Telemetry around the messages of a request: the variants of [`MessageStarter`]'s functions that also watch the call.
//! Without telemetry on this server they call the plain functions directly.

use std::task::{Context as TaskContext, Poll};

use rpc_core::codec::{Output, Responder};
use rpc_core::{ErrorObject, IdRef, Message};

use super::execution::{Execution, MessageStarter};
use crate::fault::{Executed, Fault};
use crate::telemetry::RequestTelemetry;

impl<'a> MessageStarter<'a> {
    /// [Starts](Self::start) a message, and watches it if the server has telemetry.
    #[inline]
    pub(super) fn start_watched(
        &mut self,
        message: &'a Message<'a>,
        waiting: &mut Option<Execution<'a>>,
        cx: &mut TaskContext<'_>,
        output: &mut Output,
    ) -> Executed {
        let work = self.work;
        match &work.observed {
            None => self.start(message, waiting, cx, output),
            Some(observed) => self.watch(observed, message, waiting, cx, output),
        }
    }

    #[cold]
    fn watch(
        &mut self,
        observed: &RequestTelemetry,
        message: &'a Message<'a>,
        waiting: &mut Option<Execution<'a>>,
        cx: &mut TaskContext<'_>,
        output: &mut Output,
    ) -> Executed {
        let watch = observed.watch(self.work.request, message);
        let polled = watch.enter(|| self.start(message, waiting, cx, output));
        match (polled, waiting) {
            (Poll::Ready(result), _) => watch.end(message_id(message), result),
            (Poll::Pending, Some(execution)) => execution.watching = watch.wait(),
            (Poll::Pending, None) => unreachable!("what waits is put there"),
        }
        polled
    }

    /// Refuses a message that was not started, and watches it if the server has telemetry.
    #[cold]
    pub(super) fn refuse_watched(&self, message: &Message<'_>, error: &ErrorObject, output: &mut Output) -> Executed {
        let id = message_id(message);
        let result = Err(Fault::refuse(error, &mut Responder::new(output, id)));
        if let Some(observed) = &self.work.observed {
            observed.watch(self.work.request, message).end(id, result);
        }
        Poll::Ready(result)
    }
}

/// Returns the id for the answer to a message, or `None` for a notification.
pub(super) fn message_id<'a>(message: &Message<'a>) -> Option<IdRef<'a>> {
    match message {
        Message::Call(id, _) => Some(*id),
        Message::Invalid(invalid) => Some(invalid.id),
        Message::Notification(_) => None,
    }
}
