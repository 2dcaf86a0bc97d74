//! The open loop: requests start on schedule, however slow the answers are.

use std::future::poll_fn;
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;

use super::pacer::{Pacer, Start};
use super::plan::Plan;
use super::worker::{Request, Worker};

/// What one worker does in an open loop.
#[derive(Debug)]
pub(crate) struct OpenLoop {
    pub(crate) plan: Plan,
    pub(crate) pacer: Pacer,
    /// The number of requests of the whole run that belong to the warm-up.
    pub(crate) warmup_requests: u64,
    /// The largest number of this worker's requests in flight.
    pub(crate) max_in_flight: u64,
}

impl OpenLoop {
    /// Starts the requests of one worker on schedule, and waits for their answers. The waker is woken when a request
    /// is due. Each answer also starts what has become due.
    pub(crate) async fn run(mut self, worker: &Worker, waker: &AtomicWaker) {
        let mut in_flight = FuturesUnordered::new();
        poll_fn(|cx| {
            waker.register(cx.waker());
            loop {
                let now = worker.now();
                if worker.is_stopped() {
                    self.pacer.stop(now);
                }
                while let Some(start) = self.pacer.next(now, (in_flight.len() as u64) < self.max_in_flight) {
                    let request = self.request(start);
                    if !request.is_warmup {
                        worker.recorder().borrow_mut().start_delay(now.saturating_sub(request.due));
                    }
                    in_flight.push(worker.send(request));
                }
                worker.recorder().borrow_mut().pacer(self.pacer.take_counts());
                match in_flight.poll_next_unpin(cx) {
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) if !self.pacer.has_more() => return Poll::Ready(()),
                    Poll::Ready(None) | Poll::Pending => {
                        let has_room = (in_flight.len() as u64) < self.max_in_flight;
                        if !(has_room && self.pacer.is_due(worker.now())) {
                            return Poll::Pending;
                        }
                    }
                }
            }
        })
        .await;
    }

    fn request(&self, start: Start) -> Request {
        let measured = start.number.checked_sub(self.warmup_requests);
        Request {
            first: start.number * self.plan.batch,
            calls: measured.map_or(self.plan.batch, |number| self.plan.calls_of(number)),
            due: start.due,
            is_warmup: measured.is_none(),
        }
    }
}
