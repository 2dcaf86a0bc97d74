//! Runs the only message of a request that is no batch, and turns its outcome into the answer. `execution` does the
//! work.

use std::task::Context as TaskContext;

use rpc_core::codec::Output;
use rpc_core::{AnswerStatus, Message};

use super::WrittenAnswer;
use super::execution::{Execution, MessageStarter};
use super::work::RequestWork;
use crate::fault::{Executed, Fault};
use crate::idempotency::RequestKeys;

/// Runs the message. When ready, its answer is in the output, if it gets one. Until then, the pending execution is in
/// `waiting`.
#[inline]
pub(super) fn poll<'a>(
    waiting: &mut Option<Execution<'a>>,
    output: &mut Output,
    work: &'a RequestWork<'a>,
    message: &'a Message<'a>,
    cx: &mut TaskContext<'_>,
) -> Executed {
    match waiting {
        Some(execution) => execution.poll(cx, output),
        waiting => MessageStarter::new(work).start_watched(message, waiting, cx, output),
    }
}

/// Makes the answer to the message from its text and its result.
#[inline]
pub(super) fn answer(
    body: Vec<u8>,
    result: Result<(), Fault>,
    message: &Message<'_>,
    keys: Option<&RequestKeys>,
) -> WrittenAnswer {
    match result {
        Ok(()) => WrittenAnswer::new(body, AnswerStatus::Success),
        Err(fault) => {
            // The client of a notification must not see its errors.
            let answered = !matches!(message, Message::Notification(_));
            let status = if answered { AnswerStatus::Error(fault.code) } else { AnswerStatus::Success };
            WrittenAnswer::new(body, status).with_advice(fault, keys)
        }
    }
}
