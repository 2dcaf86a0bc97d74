//! The answers of a batch, joined into one array in the order of the requests. [`Answers`] reserves room for bytes as
//! entries write them, and withholds answers for which there is no room. It also collects which entries were refused or
//! failed by the server's fault, for the headers. It runs no handler.

use std::ops::Range;
use std::task::Poll;

use rpc_core::codec::{Output, Responder};
use rpc_core::headers::{Faults, RPC_FAULT, Refused};
use rpc_core::{AnswerStatus, IdRef};

use super::Written;
use crate::fault::{Cause, Executed, Fault, withheld};
use crate::load::{Room, SMALL};

/// How many bytes of a batch's answers are not counted before they are whole, and how many are counted at a time.
const STEP: usize = SMALL;

/// How many bytes the answer of an entry has at most that is given even where there is no room for it.
const LEAST: usize = 256;

/// The answer of an entry that had to wait.
pub(super) struct Late<'a> {
    pub(super) index: usize,
    pub(super) id: Option<IdRef<'a>>,
    pub(super) answer: Vec<u8>,
    pub(super) result: Result<(), Fault>,
}

/// Holds the answers in the order in which they were given, and where each stands.
pub(super) struct Answers {
    output: Output,
    places: Vec<Range<usize>>,
    failures: usize,
    /// The entries that no handler saw.
    refused: Vec<usize>,
    /// The entries whose errors are the server's own, without those that no handler saw.
    own_faults: Vec<usize>,
    /// After how many milliseconds the last of them may come again, if that was said of any.
    retry_after: Option<u32>,
    room: Room,
    /// Up to how many bytes may be written before there has to be more room.
    counted: usize,
}

impl Answers {
    pub(super) fn new(limit: usize, entries: usize, room: Room) -> Self {
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

    /// Lets an entry write its answer, and counts its bytes. Asks for its id only where they do not fit.
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
            // A notification, or an entry that is not done yet.
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

    /// Takes room for what is written, or puts an error into the place of the last answer.
    #[cold]
    fn count(&mut self, index: usize, id: Option<IdRef<'_>>, result: Executed) -> Executed {
        let Range { start, end } = self.places[index];
        let more = end - self.room.bytes();
        let Err(full) = self.room.add(more.next_multiple_of(STEP)) else {
            self.counted = self.room.bytes();
            return result;
        };
        // The error would take as much as what is small, and say of a refused entry that it ran.
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
        if let Cause::RefusedFor(millis) = fault.cause {
            self.retry_after = self.retry_after.max(Some(millis));
        }
    }

    pub(super) fn add(&mut self, late: &Late<'_>) {
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

    pub(super) fn join(mut self) -> Written {
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
        let mut written = Written::new(body, status);
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
fn name_own_faults(written: &mut Written, mut places: Vec<usize>) {
    places.sort_unstable();
    let mut faults = Faults::default();
    places.into_iter().for_each(|place| faults.add(place));
    let is_all = written.headers.as_ref().is_some_and(|headers| headers.contains_key(RPC_FAULT));
    if !is_all {
        written.own_faults(&faults);
    }
}

#[cold]
fn name_refused(written: &mut Written, mut places: Vec<usize>, retry_after: Option<u32>) {
    // Those that had to wait come in the order in which they were done.
    places.sort_unstable();
    let mut refused = Refused::default();
    places.into_iter().for_each(|place| refused.add(place));
    written.refuse(&refused);
    if !refused.fits() {
        // Those that are not named as refused must not be taken for what a handler says.
        written.own_faults(&Faults::all());
    }
    if let Some(millis) = retry_after {
        written.retry_after(millis);
    }
}
