//! From bytes to an answer. Nothing here performs I/O; the only clock is the one that bounds handlers.

mod batch;
mod execution;
mod slice;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use rpc_core::codec::{self, Output, Responder};
use rpc_core::{Answer, AnswerStatus, ErrorCode, ErrorObject, IdRef, Message, Packet, RequestContext};

use crate::Limits;
use crate::quota::Quota;
use crate::table::Table;
use execution::{Begun, Execution};

#[derive(Debug)]
pub(crate) struct Dispatcher {
    pub(crate) table: Table,
    pub(crate) limits: Limits,
    /// How many more calls may run.
    room: Quota,
}

impl Dispatcher {
    pub(crate) fn new(table: Table, mut limits: Limits) -> Self {
        // A batch takes room for all that it runs at a time. One that is wider than there is room would never run.
        limits.max_batch_concurrency = limits.max_batch_concurrency.clamp(1, limits.max_calls_in_flight.max(1));
        let room = Quota::new(limits.max_calls_in_flight);
        Self { table, limits, room }
    }

    pub(crate) async fn dispatch(&self, body: &[u8], request: &Arc<RequestContext>) -> Written {
        let packet = match codec::parse(body, self.limits.max_batch_entries) {
            Ok(packet) => packet,
            Err(error) => return whole_error(IdRef::NULL, &error.to_error_object()),
        };
        let (calls, id) = match &packet {
            Packet::Single(Message::Call(id, _)) => (1, *id),
            Packet::Single(_) => (1, IdRef::NULL),
            Packet::Batch(entries) => (entries.len().min(self.limits.max_batch_concurrency), IdRef::NULL),
        };
        let Ok(_room) = self.room.take(calls) else {
            let mut answer = whole_error(id, &ErrorObject::new(ErrorCode::OVERLOADED, "Server overloaded"));
            answer.status = AnswerStatus::Refused(ErrorCode::OVERLOADED, http::StatusCode::SERVICE_UNAVAILABLE);
            return answer;
        };
        match &packet {
            Packet::Single(message) => self.single(message, request).await,
            Packet::Batch(entries) => batch::run(self, entries, request).await,
        }
    }

    async fn single(&self, message: &Message<'_>, request: &Arc<RequestContext>) -> Written {
        let answered = !matches!(message, Message::Notification(_));
        let mut output = Output::new(self.limits.max_response_bytes);
        let result = match Execution::begin(self, message, request, &mut None, &mut output) {
            Begun::Done(result) => result,
            Begun::Running(mut execution) => poll_fn(|cx| execution.poll(cx, &mut output)).await,
        };
        let status = match result {
            Err(code) if answered => AnswerStatus::Error(code),
            // The client of a notification is not to learn of its errors.
            _ => AnswerStatus::Success,
        };
        Written { body: output.into_bytes(), status }
    }
}

/// Answers with one error what cannot be answered entry by entry.
pub(crate) fn whole_error(id: IdRef<'_>, error: &ErrorObject) -> Written {
    let mut output = Output::new(usize::MAX);
    let code = Responder::new(&mut output, Some(id)).error(error).err().unwrap_or(error.code());
    Written { body: output.into_bytes(), status: AnswerStatus::Error(code) }
}

/// An answer that was just written.
pub(crate) struct Written {
    pub(crate) body: Vec<u8>,
    pub(crate) status: AnswerStatus,
}

impl From<Written> for Answer {
    fn from(written: Written) -> Self {
        Self::new(written.body.into(), written.status)
    }
}

/// What executing one message comes to.
type Executed = Poll<Result<(), ErrorCode>>;
