//! Runs the entries of a batch concurrently, within `Limits::max_batch_concurrency`. Entries that are ready at once
//! cost no future; only pending ones enter a set. After each time slice the batch yields to other tasks. An entry that
//! waits too long for its turn is rejected. `execution` runs each entry, as for a single call.

use std::future::poll_fn;
use std::iter::Enumerate;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use futures_util::stream::{FuturesUnordered, StreamExt};
use rpc_core::Message;
use rpc_core::codec::Output;
use tokio::time::Instant;

use super::WrittenAnswer;
use super::batch_answers::{BatchAnswers, DeferredAnswer};
use super::execution::{Execution, MessageStarter};
use super::time_slice::TimeSlice;
use super::watched::message_id;
use super::work::RequestWork;
use crate::fault::waited;
use crate::load::ByteRoom;

/// Runs the entries of a batch concurrently, up to the limit, and returns their answers in order.
///
/// Each entry runs like a single message. Most entries end as soon as they are started, and write their answers one
/// after another. Only pending entries enter a set. A batch with slow entries lets other tasks run in between. The
/// answers use the bytes of `room` first, and reserve more if they need them.
pub(super) async fn run(work: &RequestWork<'_>, entries: &[Message<'_>], room: ByteRoom) -> WrittenAnswer {
    let mut entries = BatchExecution {
        work,
        starter: MessageStarter::new(work),
        answers: BatchAnswers::new(work.limits.max_response_bytes, entries.len(), room),
        next: entries.iter().enumerate(),
        waiting: FuturesUnordered::new(),
        slice: TimeSlice::new(),
        waiting_since: None,
    };
    let mut unfinished = CancelOnDrop(Some(work));
    while let BatchTurn::Over = poll_fn(|cx| entries.poll(cx)).await {
        // Unlike a plain wake-up, this also lets tasks run that become ready only when the runtime polls for I/O.
        tokio::task::yield_now().await;
    }
    unfinished.0 = None;
    entries.answers.join()
}

/// Cancels the request if it is dropped before all entries are answered. A pending entry also does this when it is
/// dropped, but between two turns there may be no pending entry.
struct CancelOnDrop<'a>(Option<&'a RequestWork<'a>>);

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(work) = self.0 {
            work.leave();
        }
    }
}

/// The entries of a batch, and the answers of those that have ended.
struct BatchExecution<'a> {
    work: &'a RequestWork<'a>,
    starter: MessageStarter<'a>,
    answers: BatchAnswers,
    next: Enumerate<std::slice::Iter<'a, Message<'a>>>,
    waiting: FuturesUnordered<PendingEntry<'a>>,
    slice: TimeSlice,
    /// When entries began to wait for their turn, if any wait.
    waiting_since: Option<Instant>,
}

/// How a turn of the entries ended.
enum BatchTurn {
    /// All entries have ended.
    Done,
    /// The time slice is over, and other tasks have their turn.
    Over,
}

impl<'a> BatchExecution<'a> {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<BatchTurn> {
        let limits = &self.work.limits;
        // Once per turn is enough, since turns are short.
        self.starter.look_at_clock();
        let is_late = self.waiting_since.is_some_and(|since| since.elapsed() >= limits.batch_wait_timeout);
        loop {
            while self.waiting.len() < limits.max_batch_concurrency {
                let Some((index, message)) = self.next.next() else { break };
                if is_late && !matches!(message, Message::Invalid(_)) {
                    self.refuse(index, message);
                } else if let Some(execution) = self.start(index, message, cx) {
                    let output = Output::lazy(limits.max_response_bytes);
                    self.waiting.push(PendingEntry { index, execution, output });
                }
                if self.slice.is_over() {
                    self.note_waiting();
                    return Poll::Ready(BatchTurn::Over);
                }
            }
            match self.waiting.poll_next_unpin(cx) {
                Poll::Ready(Some(late)) => self.answers.add(&late),
                Poll::Ready(None) if self.next.len() == 0 => return Poll::Ready(BatchTurn::Done),
                Poll::Ready(None) => {}
                Poll::Pending => {
                    self.wait();
                    return Poll::Pending;
                }
            }
            if self.slice.is_over() {
                self.note_waiting();
                return Poll::Ready(BatchTurn::Over);
            }
        }
    }

    /// Returns the places of ended calls in `Limits::max_calls_in_flight`. Notes when the others began to wait for
    /// their turn.
    fn wait(&mut self) {
        let unbegun = self.next.len();
        let limit = self.work.limits.max_batch_concurrency;
        self.work.admission.keep((self.waiting.len() + unbegun).min(limit));
        self.note_waiting();
    }

    fn note_waiting(&mut self) {
        if self.waiting_since.is_none() && self.next.len() > 0 {
            self.waiting_since = Some(Instant::now());
        }
    }

    /// Refuses an entry that has waited too long for its turn.
    #[cold]
    fn refuse(&mut self, index: usize, message: &Message<'_>) {
        let Self { starter, answers, .. } = self;
        let refused =
            answers.write(index, || message_id(message), |output| starter.refuse_watched(message, &waited(), output));
        debug_assert!(refused.is_ready(), "a refusal is an answer");
    }

    /// Starts an entry. Returns it if it is pending: the set polls it again, with its own waker.
    fn start(&mut self, index: usize, message: &'a Message<'a>, cx: &mut TaskContext<'_>) -> Option<Execution<'a>> {
        let Self { starter, answers, .. } = self;
        let mut waiting = None;
        let _ = answers.write(
            index,
            || message_id(message),
            |output| starter.start_watched(message, &mut waiting, cx, output),
        );
        waiting
    }
}

/// A pending entry. It has an output of its own, since the other entries write theirs meanwhile.
struct PendingEntry<'a> {
    index: usize,
    execution: Execution<'a>,
    output: Output,
}

impl<'a> Future for PendingEntry<'a> {
    type Output = DeferredAnswer<'a>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<DeferredAnswer<'a>> {
        let Self { index, execution, output } = &mut *self;
        let result = ready!(execution.poll(cx, output));
        let answer = std::mem::replace(output, Output::lazy(0)).into_bytes();
        Poll::Ready(DeferredAnswer { index: *index, id: execution.id(), answer, result })
    }
}
