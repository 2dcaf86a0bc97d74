//! The answers of a batch, joined into one array in the order of the requests. [`BatchAnswers`] reserves room for bytes
//! as entries write them, and withholds answers for which there is no room. It also collects which entries were refused
//! or failed by the server's fault, for the headers. It runs no handler.

use std::ops::Range;
use std::task::Poll;

use rpc_core::codec::{Output, Responder};
use rpc_core::headers::{Faults, RPC_FAULT, Refused};
use rpc_core::{AnswerStatus, IdRef};

use super::WrittenAnswer;
use crate::fault::{Executed, Fault, FaultCause, withheld};
use crate::load::{ByteRoom, SMALL};

/// Up to this size, a batch's answers need no room until they are complete. Beyond it, room is reserved in steps of
/// this size. In bytes.
const STEP: usize = SMALL;

/// The maximum size of an entry's answer that is sent even without room for it, in bytes.
const LEAST: usize = 256;

/// The answer of an entry that was pending.
pub(super) struct DeferredAnswer<'a> {
    pub(super) index: usize,
    pub(super) id: Option<IdRef<'a>>,
    pub(super) answer: Vec<u8>,
    pub(super) result: Result<(), Fault>,
}

/// The answers in the order in which they were written, with the position of each.
pub(super) struct BatchAnswers {
    output: Output,
    places: Vec<Range<usize>>,
    failures: usize,
    /// The entries that no handler saw.
    refused: Vec<usize>,
    /// The entries with errors of the server's own, except refused entries.
    own_faults: Vec<usize>,
    /// After how many milliseconds all refused entries may be retried, if any of them says when.
    retry_after: Option<u32>,
    room: ByteRoom,
    /// The size up to which answers may be written before more room is reserved.
    counted: usize,
}

impl BatchAnswers {
    pub(super) fn new(limit: usize, entries: usize, room: ByteRoom) -> Self {
        let mut output = Output::new(limit.saturating_sub(1));
        output.push(b"[");
        Self {
            output,
            places: vec![0..0; entries],
            failures: 0,
            refused: Vec::new(),
            own_faults: Vec::new(),
            retry_after: None,
            counted: room.bytes().max(STEP),
            room,
        }
    }

    /// Lets an entry write its answer, and reserves room for it. Calls `id` only if more room is needed.
    #[inline]
    pub(super) fn write<'i>(
        &mut self,
        index: usize,
        id: impl FnOnce() -> Option<IdRef<'i>>,
        run: impl FnOnce(&mut Output) -> Executed,
    ) -> Poll<()> {
        let before = self.output.len();
        if before > 1 {
            self.output.push(b",");
        }
        let start = self.output.len();
        let mut result: Executed = run(&mut self.output);
        if let Poll::Ready(Err(fault)) = result
            && fault.is_refused()
        {
            self.refuse(index, fault);
        }
        let end = self.output.len();
        if end == start {
            // A notification, or a pending entry.
            self.output.truncate(before);
            return result.map(drop);
        }
        self.places[index] = start..end;
        if end > self.counted {
            result = self.count(index, id(), result);
        }
        result.map(|result| {
            if let Err(fault) = result {
                self.fail(index, fault);
            }
        })
    }

    /// Reserves room for what was written, or replaces the last answer with an error.
    #[cold]
    fn count(&mut self, index: usize, id: Option<IdRef<'_>>, result: Executed) -> Executed {
        let Range { start, end } = self.places[index];
        let more = end - self.room.bytes();
        let Err(full) = self.room.add(more.next_multiple_of(STEP)) else {
            self.counted = self.room.bytes();
            return result;
        };
        // An error would be no smaller than a small answer, and would claim that a refused entry has run.
        let is_refused = matches!(result, Poll::Ready(Err(fault)) if fault.is_refused());
        if is_refused || end - start <= LEAST {
            self.room.add_up_to(more);
            return result;
        }
        self.output.truncate(start);
        let answered = Responder::new(&mut self.output, id).error(&withheld(full));
        self.output.shrink();
        self.places[index] = start..self.output.len();
        Poll::Ready(answered.map_err(Fault::from))
    }

    #[cold]
    fn fail(&mut self, index: usize, fault: Fault) {
        self.failures += 1;
        if fault.is_own() && !fault.is_refused() {
            self.own_faults.push(index);
        }
    }

    #[cold]
    fn refuse(&mut self, index: usize, fault: Fault) {
        self.refused.push(index);
        if let FaultCause::RefusedFor(millis) = fault.cause {
            self.retry_after = self.retry_after.max(Some(millis));
        }
    }

    pub(super) fn add(&mut self, late: &DeferredAnswer<'_>) {
        let written = self.write(
            late.index,
            || late.id,
            |output| {
                let written = Responder::new(output, late.id).written(&late.answer);
                Poll::Ready(written.map_err(Fault::from).and(late.result))
            },
        );
        debug_assert!(written.is_ready(), "a late entry is done");
    }

    pub(super) fn join(mut self) -> WrittenAnswer {
        let status = AnswerStatus::Batch { failures: self.failures };
        self.places.retain(|place| !place.is_empty());
        let (refused, own_faults) = (std::mem::take(&mut self.refused), std::mem::take(&mut self.own_faults));
        let body = if self.places.is_empty() {
            Vec::new()
        } else if self.places.is_sorted_by_key(|place| place.start) {
            self.output.push(b"]");
            self.output.into_bytes()
        } else {
            self.in_order_of_requests()
        };
        let mut written = WrittenAnswer::new(body, status);
        if !refused.is_empty() {
            name_refused(&mut written, refused, self.retry_after);
        }
        if !own_faults.is_empty() {
            name_own_faults(&mut written, own_faults);
        }
        written.room = (self.room.bytes() > 0).then_some(self.room);
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
fn name_own_faults(written: &mut WrittenAnswer, mut places: Vec<usize>) {
    places.sort_unstable();
    let mut faults = Faults::default();
    places.into_iter().for_each(|place| faults.add(place));
    let is_all = written.headers.as_ref().is_some_and(|headers| headers.contains_key(RPC_FAULT));
    if !is_all {
        written.own_faults(&faults);
    }
}

#[cold]
fn name_refused(written: &mut WrittenAnswer, mut places: Vec<usize>, retry_after: Option<u32>) {
    // Pending entries were added in the order in which they ended.
    places.sort_unstable();
    let mut refused = Refused::default();
    places.into_iter().for_each(|place| refused.add(place));
    written.refuse(&refused);
    if !refused.fits() {
        // Entries that the header cannot name as refused must not look like answers of a handler.
        written.own_faults(&Faults::all());
    }
    if let Some(millis) = retry_after {
        written.retry_after(millis);
    }
}
