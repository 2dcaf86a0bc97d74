//! [`Metronome`]: wakes the workers of an open loop when requests are due. The timers of tokio round up to a
//! millisecond, which would add to each latency, so this is a thread that sleeps precisely.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;

use super::schedule::Schedule;

/// The shortest time between two ticks. All requests that became due in between start at the second one.
const TICK: Duration = Duration::from_micros(250);

/// The operating system may end a sleep this much later. The thread sleeps less, and waits for the rest by spinning.
const SLEEP_ERROR: Duration = Duration::from_micros(80);

/// A running metronome. Dropping it ends its thread.
#[derive(Debug)]
pub(crate) struct Metronome {
    thread: Thread,
    is_stopped: Arc<AtomicBool>,
}

impl Metronome {
    /// Starts the thread. Request `n` wakes the worker `n` modulo the number of workers.
    ///
    /// # Errors
    ///
    /// If the operating system has no thread left.
    pub(crate) fn start(schedule: Schedule, start: Instant, wakers: Vec<Arc<AtomicWaker>>) -> io::Result<Self> {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&is_stopped);
        let run = move || tick(schedule, start, &wakers, &stopped);
        let thread = thread::Builder::new().name("metronome".to_owned()).spawn(run)?.thread().clone();
        Ok(Self { thread, is_stopped })
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.thread.unpark();
    }
}

fn tick(schedule: Schedule, start: Instant, wakers: &[Arc<AtomicWaker>], is_stopped: &AtomicBool) {
    let mut next = 0;
    let mut earliest = Duration::ZERO;
    loop {
        let due = schedule.due_at(next).min(schedule.end());
        if !sleep_until(start, due.max(earliest), is_stopped) {
            return;
        }
        let now = start.elapsed();
        if now >= schedule.end() {
            // The workers also drop what they cannot start.
            wakers.iter().for_each(|waker| waker.wake());
            return;
        }
        let due = schedule.due_by(now);
        for number in next..due.min(next + wakers.len() as u64) {
            wakers[(number % wakers.len() as u64) as usize].wake();
        }
        next = due;
        earliest = now + TICK;
    }
}

/// Sleeps until a time after the start. Returns false once the metronome has stopped.
///
/// It spins only before times that are several ticks away. At high rates, requests of the same tick differ by more than
/// the error of a sleep.
fn sleep_until(start: Instant, time: Duration, is_stopped: &AtomicBool) -> bool {
    let is_far = time > start.elapsed() + 4 * TICK;
    loop {
        if is_stopped.load(Ordering::Relaxed) {
            return false;
        }
        let Some(left) = time.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) else { return true };
        match left.checked_sub(SLEEP_ERROR) {
            Some(sleep) if is_far && !sleep.is_zero() => thread::park_timeout(sleep),
            _ if is_far => std::hint::spin_loop(),
            _ => thread::park_timeout(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::task::{Wake, Waker};
    use std::time::{Duration, Instant};

    use futures_util::task::AtomicWaker;

    use super::Metronome;
    use crate::bench::schedule::Schedule;

    struct Bell(Sender<Instant>, Arc<AtomicWaker>);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.send(Instant::now()).unwrap();
            self.1.register(&Waker::from(Arc::clone(&self)));
        }
    }

    /// Returns a waker that reports each wake.
    fn bell() -> (Arc<AtomicWaker>, Receiver<Instant>) {
        let waker = Arc::new(AtomicWaker::new());
        let (sender, receiver) = channel();
        waker.register(&Waker::from(Arc::new(Bell(sender, Arc::clone(&waker)))));
        (waker, receiver)
    }

    #[test]
    fn each_worker_is_woken_for_its_requests_and_at_the_end() {
        let (one, of_one) = bell();
        let (other, of_other) = bell();
        let schedule = Schedule::new(100.0, None, Some(5));
        let start = Instant::now();
        let _metronome = Metronome::start(schedule, start, vec![one, other]).unwrap();
        let after = |receiver: &Receiver<Instant>, millis| {
            assert!(receiver.recv().unwrap() >= start + Duration::from_millis(millis));
        };
        // A machine that stops this process for a while joins ticks. So only the last one is sure, and none is early.
        after(&of_one, 0);
        while of_one.recv().is_ok_and(|time| time < start + Duration::from_millis(50)) {}
        after(&of_other, 10);
        while of_other.recv().is_ok_and(|time| time < start + Duration::from_millis(50)) {}
    }

    #[test]
    fn a_dropped_metronome_wakes_no_worker() {
        let (waker, receiver) = bell();
        let metronome = Metronome::start(Schedule::new(0.001, None, Some(2)), Instant::now(), vec![waker]);
        let metronome = metronome.unwrap();
        receiver.recv().unwrap();
        drop(metronome);
        assert!(receiver.recv_timeout(Duration::from_millis(1)).is_err());
    }
}
