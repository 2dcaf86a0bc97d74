use std::task::Context as TaskContext;
use std::time::Duration;

use rpc_core::Message;
use rpc_core::codec::Output;

use super::Work;
use super::execution::{Begun, Execution};
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
                let id = match message {
                    Message::Call(id, _) => Some(*id),
                    Message::Invalid(invalid) => Some(invalid.id),
                    Message::Notification(_) => None,
                };
                watch.end(id, result);
                Begun::Done(result)
            }
            Begun::Waiting(mut execution) => {
                execution.watching = watch.wait();
                Begun::Waiting(execution)
            }
        }
    }
}
