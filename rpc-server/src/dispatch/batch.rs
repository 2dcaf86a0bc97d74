use std::future::poll_fn;
use std::iter::Enumerate;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use rpc_core::codec::{Output, Responder};
use rpc_core::headers::Refused;
use rpc_core::{AnswerStatus, IdRef, Message};

use super::execution::{Begun, Execution};
use super::slice::Slice;
use super::{Executed, Work, Written};
use crate::fault::{Cause, Fault};
use crate::table::Row;

/// Runs the entries of a batch concurrently, up to the cap, and answers in their order.
///
/// Each entry takes the path of a single message. Most are done as soon as they are started and write their answers one
/// behind the other; only those that wait are kept in a set. A batch whose entries take their time lets other tasks run in
/// between.
pub(super) async fn run(work: &Work<'_>, entries: &[Message<'_>]) -> Written {
    let mut entries = Entries {
        work,
        answers: Answers::new(work.dispatcher.limits.max_response_bytes, entries.len()),
        next: entries.iter().enumerate(),
        waiting: FuturesUnordered::new(),
        last: None,
        slice: Slice::new(),
    };
    let mut unfinished = Unfinished(Some(work));
    while let Turn::Over = poll_fn(|cx| entries.poll(cx)).await {
        // Unlike a mere wake-up, this lets tasks run that only become ready by what the runtime hears from outside.
        tokio::task::yield_now().await;
    }
    unfinished.0 = None;
    entries.answers.join()
}

/// Cancels its request when it is dropped before all entries are answered. Entries that wait do so, too, but there may be
/// none of them between two turns.
struct Unfinished<'a>(Option<&'a Work<'a>>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(work) = self.0 {
            work.leave();
        }
    }
}

/// The entries of a batch, and the answers of those that are done.
struct Entries<'a> {
    work: &'a Work<'a>,
    answers: Answers,
    next: Enumerate<std::slice::Iter<'a, Message<'a>>>,
    waiting: FuturesUnordered<Waiting<'a>>,
    /// The method that was called last.
    last: Option<&'a Row>,
    slice: Slice,
}

/// How a turn of the entries ended.
enum Turn {
    /// All are done.
    Done,
    /// They had their time, and it is the turn of other tasks.
    Over,
}

impl<'a> Entries<'a> {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Turn> {
        let limits = &self.work.dispatcher.limits;
        // Once a turn, since turns are short.
        let left = self.work.left();
        loop {
            while self.waiting.len() < limits.max_batch_concurrency {
                let Some((index, message)) = self.next.next() else { break };
                if let Some(execution) = self.begin(index, message, left, cx) {
                    let output = Output::lazy(limits.max_response_bytes);
                    self.waiting.push(Waiting { index, execution, output });
                }
                if self.slice.is_over() {
                    return Poll::Ready(Turn::Over);
                }
            }
            match ready!(self.waiting.poll_next_unpin(cx)) {
                Some(late) => self.answers.add(&late),
                None if self.next.len() == 0 => return Poll::Ready(Turn::Done),
                None => {}
            }
            if self.slice.is_over() {
                return Poll::Ready(Turn::Over);
            }
        }
    }

    /// Begins an entry, and returns it if it has to wait. The set will poll it again, with a waker of its own.
    fn begin(
        &mut self,
        index: usize,
        message: &Message<'a>,
        left: Option<Duration>,
        cx: &mut TaskContext<'_>,
    ) -> Option<Execution<'a>> {
        let mut waits = None;
        let _ = self.answers.write(index, |output| {
            match Execution::begin_watched(self.work, message, left, &mut self.last, cx, output) {
                Begun::Done(result) => Poll::Ready(result),
                Begun::Waiting(execution) => {
                    waits = Some(execution);
                    Poll::Pending
                }
            }
        });
        waits
    }
}

/// An entry that waits. It has an output of its own, since the others write theirs meanwhile.
struct Waiting<'a> {
    index: usize,
    execution: Execution<'a>,
    output: Output,
}

/// The answer of an entry that had to wait.
struct Late<'a> {
    index: usize,
    id: Option<IdRef<'a>>,
    answer: Vec<u8>,
    result: Result<(), Fault>,
}

impl<'a> Future for Waiting<'a> {
    type Output = Late<'a>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Late<'a>> {
        let Self { index, execution, output } = &mut *self;
        let result = ready!(execution.poll(cx, output));
        let answer = std::mem::replace(output, Output::lazy(0)).into_bytes();
        Poll::Ready(Late { index: *index, id: execution.id(), answer, result })
    }
}

/// Holds the answers in the order in which they were given, and where each stands.
struct Answers {
    output: Output,
    places: Vec<Range<usize>>,
    failures: usize,
    /// The entries that no handler saw.
    refused: Vec<usize>,
    /// After how many milliseconds the last of them may come again, if that was said of any.
    retry_after: Option<u32>,
}

impl Answers {
    fn new(limit: usize, entries: usize) -> Self {
        let mut output = Output::new(limit.saturating_sub(1));
        output.push(b"[");
        Self { output, places: vec![0..0; entries], failures: 0, refused: Vec::new(), retry_after: None }
    }

    fn write(&mut self, index: usize, run: impl FnOnce(&mut Output) -> Executed) -> Poll<()> {
        let before = self.output.len();
        if before > 1 {
            self.output.push(b",");
        }
        let start = self.output.len();
        let result: Executed = run(&mut self.output);
        if let Poll::Ready(Err(fault)) = result
            && fault.is_refused()
        {
            self.refuse(index, fault);
        }
        let end = self.output.len();
        if end == start {
            // A notification, or an entry that is not done yet.
            self.output.truncate(before);
            return result.map(drop);
        }
        self.places[index] = start..end;
        result.map(|result| self.failures += usize::from(result.is_err()))
    }

    #[cold]
    fn refuse(&mut self, index: usize, fault: Fault) {
        self.refused.push(index);
        if let Cause::RefusedFor(millis) = fault.cause {
            self.retry_after = self.retry_after.max(Some(millis));
        }
    }

    fn add(&mut self, late: &Late<'_>) {
        let _ = self.write(late.index, |output| {
            let written = Responder::new(output, late.id).written(&late.answer);
            Poll::Ready(written.map_err(Fault::from).and(late.result))
        });
    }

    fn join(mut self) -> Written {
        let status = AnswerStatus::Batch { failures: self.failures };
        self.places.retain(|place| !place.is_empty());
        let refused = std::mem::take(&mut self.refused);
        let body = if self.places.is_empty() {
            Vec::new()
        } else if self.places.is_sorted_by_key(|place| place.start) {
            self.output.push(b"]");
            self.output.into_bytes()
        } else {
            self.in_order_of_requests()
        };
        let mut written = Written::new(body, status);
        if !refused.is_empty() {
            name_refused(&mut written, refused, self.retry_after);
        }
        written
    }

    fn in_order_of_requests(&self) -> Vec<u8> {
        let written = self.output.as_bytes();
        let mut body = Vec::with_capacity(written.len() + 1);
        for (index, place) in self.places.iter().enumerate() {
            body.push(if index == 0 { b'[' } else { b',' });
            body.extend_from_slice(&written[place.clone()]);
        }
        body.push(b']');
        body
    }
}

#[cold]
fn name_refused(written: &mut Written, mut places: Vec<usize>, retry_after: Option<u32>) {
    // Those that had to wait come in the order in which they were done.
    places.sort_unstable();
    let mut refused = Refused::default();
    places.into_iter().for_each(|place| refused.add(place));
    written.refuse(&refused);
    if let Some(millis) = retry_after {
        written.retry_after(millis);
    }
}
