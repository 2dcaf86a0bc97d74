use std::task::Context as TaskContext;
use std::time::Duration;

use rpc_core::codec::{Output, Responder};
use rpc_core::{ErrorObject, IdRef, Message};

use super::Work;
use super::execution::{Begun, Execution};
use crate::fault::Fault;
use crate::table::Row;
use crate::telemetry::Incoming;

impl<'a> Execution<'a> {
    /// [Begins](Self::begin) a message, and watches it from here on where the server is told to.
    #[inline]
    pub(super) fn begin_watched(
        work: &'a Work<'a>,
        message: &Message<'a>,
        left: Option<Duration>,
        last: &mut Option<&'a Row>,
        cx: &mut TaskContext<'_>,
        output: &mut Output,
    ) -> Begun<'a> {
        match &work.observed {
            None => Self::begin(work, message, left, last, cx, output),
            Some(observed) => Self::watch(observed, work, message, left, last, cx, output),
        }
    }

    #[cold]
    fn watch(
        observed: &Incoming,
        work: &'a Work<'a>,
        message: &Message<'a>,
        left: Option<Duration>,
        last: &mut Option<&'a Row>,
        cx: &mut TaskContext<'_>,
        output: &mut Output,
    ) -> Begun<'a> {
        let watch = observed.watch(work.request, message);
        match watch.enter(|| Self::begin(work, message, left, last, cx, output)) {
            Begun::Done(result) => {
                watch.end(message_id(message), result);
                Begun::Done(result)
            }
            Begun::Waiting(mut execution) => {
                execution.watching = watch.wait();
                Begun::Waiting(execution)
            }
        }
    }

    /// Refuses a message that is not begun, and watches that where the server is told to.
    #[cold]
    pub(super) fn refuse_watched(
        work: &Work<'_>,
        message: &Message<'_>,
        error: &ErrorObject,
        output: &mut Output,
    ) -> Result<(), Fault> {
        let id = message_id(message);
        let result = Err(Fault::refuse(error, &mut Responder::new(output, id)));
        if let Some(observed) = &work.observed {
            observed.watch(work.request, message).end(id, result);
        }
        result
    }
}

/// Returns the id of the answer to a message, if there is one to give.
pub(super) fn message_id<'a>(message: &Message<'a>) -> Option<IdRef<'a>> {
    match message {
        Message::Call(id, _) => Some(*id),
        Message::Invalid(invalid) => Some(invalid.id),
        Message::Notification(_) => None,
    }
}
