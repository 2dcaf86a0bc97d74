//! [`Worker`]: a thread that makes a share of the calls of a run, on a runtime and with connections of its own.

use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

use super::recorder::{Measured, Recorder, Span};
use super::requests::Requests;

/// What the loops of a worker share. It stays on the worker's thread.
#[derive(Debug)]
pub(crate) struct Worker {
    requests: Requests,
    recorder: RefCell<Recorder>,
    start: Instant,
    control: Arc<Control>,
}

/// A worker, seen from outside.
#[derive(Debug)]
pub(crate) struct WorkerHandle {
    commands: mpsc::UnboundedSender<Command>,
    ended: oneshot::Receiver<Snapshot>,
}

/// What a worker has measured since the last snapshot.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) measured: Measured,
    /// The number of calls without an answer at this time.
    pub(crate) in_flight: u64,
}

#[derive(Debug)]
enum Command {
    Snapshot(oneshot::Sender<Snapshot>),
    /// Drop the calls in flight.
    Abandon,
}

/// Stops all workers of a run.
#[derive(Debug)]
pub(crate) struct Control {
    is_stopped: AtomicBool,
    /// Wakes each worker, if its loop waits for a time.
    wakers: Vec<Arc<AtomicWaker>>,
}

impl Control {
    pub(crate) fn new(workers: u64) -> Self {
        let wakers = (0..workers).map(|_| Arc::new(AtomicWaker::new())).collect();
        Self { is_stopped: AtomicBool::new(false), wakers }
    }

    /// Lets no further call start.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.wakers.iter().for_each(|waker| waker.wake());
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    pub(crate) fn wakers(&self) -> &[Arc<AtomicWaker>] {
        &self.wakers
    }
}

impl Worker {
    /// Starts the thread. It makes the calls that `run` makes with the worker.
    ///
    /// # Errors
    ///
    /// If the operating system has no thread or no file left.
    pub(crate) fn spawn<F>(
        requests: Requests,
        start: Instant,
        control: Arc<Control>,
        run: F,
    ) -> io::Result<WorkerHandle>
    where
        F: AsyncFnOnce(&Self) + Send + 'static,
    {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (commands, received) = mpsc::unbounded_channel();
        let (sender, ended) = oneshot::channel();
        let work = move || {
            let recorder = RefCell::new(Recorder::new(requests.effect));
            let worker = Self { requests, recorder, start, control };
            // Before the start, the clock of the worker stands still, and no latency can be measured.
            thread::sleep(start.saturating_duration_since(Instant::now()));
            let last = worker.run(&runtime, received, run);
            // The command may have ended without this worker.
            let _ = sender.send(last);
            runtime.shutdown_background();
        };
        thread::Builder::new().name("bench".to_owned()).spawn(work)?;
        Ok(WorkerHandle { commands, ended })
    }

    fn run<F>(&self, runtime: &Runtime, mut commands: mpsc::UnboundedReceiver<Command>, run: F) -> Snapshot
    where
        F: AsyncFnOnce(&Self),
    {
        runtime.block_on(async {
            let mut calls = pin!(run(self));
            loop {
                tokio::select! {
                    biased;
                    () = &mut calls => break,
                    command = commands.recv() => match command {
                        Some(Command::Snapshot(reply)) => drop(reply.send(self.snapshot())),
                        Some(Command::Abandon) | None => break,
                    },
                }
            }
        });
        self.snapshot()
    }

    /// Returns the time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.control.is_stopped()
    }

    pub(crate) fn recorder(&self) -> &RefCell<Recorder> {
        &self.recorder
    }

    /// Makes the calls of one request, and records them. Returns when they ended.
    pub(crate) async fn send(&self, request: Request) -> Duration {
        let Request { first, calls, due, is_warmup } = request;
        self.recorder.borrow_mut().begin(calls);
        if calls == 1 {
            let answer = self.requests.call(first).await;
            let ended = self.now();
            self.recorder.borrow_mut().end(Span { due, ended, is_warmup }, &answer);
            return ended;
        }
        let answers = self.requests.batch(first, calls).await;
        let ended = self.now();
        let mut recorder = self.recorder.borrow_mut();
        for answer in &answers {
            recorder.end(Span { due, ended, is_warmup }, answer);
        }
        ended
    }

    fn snapshot(&self) -> Snapshot {
        let mut recorder = self.recorder.borrow_mut();
        Snapshot { measured: recorder.take(), in_flight: recorder.in_flight() }
    }
}

/// A request to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// The number of its first call, from 0.
    pub(crate) first: u64,
    /// The number of its calls.
    pub(crate) calls: u64,
    /// When it was due, as a time since the start. Its latency counts from this time.
    pub(crate) due: Duration,
    pub(crate) is_warmup: bool,
}

impl WorkerHandle {
    /// Asks for what the worker has measured since the last time. Returns `None` if it has ended.
    pub(crate) async fn snapshot(&self) -> Option<Snapshot> {
        let (reply, snapshot) = oneshot::channel();
        self.commands.send(Command::Snapshot(reply)).ok()?;
        snapshot.await.ok()
    }

    /// Lets the worker drop its calls in flight.
    pub(crate) fn abandon(&self) {
        // A worker that has ended has none.
        let _ = self.commands.send(Command::Abandon);
    }

    /// Waits for the end of the worker. Returns what it has measured since the last snapshot.
    ///
    /// # Panics
    ///
    /// If the worker has panicked.
    pub(crate) async fn ended(&mut self) -> Snapshot {
        (&mut self.ended).await.expect("a worker does not panic")
    }
}
