//! [`run`]: starts the workers of a run, watches them, and collects what they measure.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{MissedTickBehavior, interval_at, sleep_until};

use super::closed_loop::{self, Counters};
use super::live::LiveLine;
use super::metronome::Metronome;
use super::open_loop::OpenLoop;
use super::pacer::Pacer;
use super::plan::{Load, Plan, share};
use super::recorder::Measured;
use super::requests::Requests;
use super::worker::{Control, Worker, WorkerHandle};
use crate::error::CliError;
use crate::exit::Exit;
use crate::signals::Signals;

/// The workers begin this long after the start, so that all of them are ready.
const LEAD: Duration = Duration::from_millis(5);

/// How long an interrupted run waits for the calls in flight.
const GRACE: Duration = Duration::from_secs(1);

/// What a run has measured.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) measured: Measured,
    /// The number of calls that were sent and whose result is not known.
    pub(crate) unfinished: u64,
    /// How long the measurement took, without the warm-up.
    pub(crate) elapsed: Duration,
    pub(crate) is_interrupted: bool,
}

/// Runs a plan to its end, or until a signal. There is one worker for each element of `requests`.
///
/// # Errors
///
/// If a thread cannot start, or at a second signal.
pub(crate) async fn run(plan: Plan, requests: Vec<Requests>, live: Option<LiveLine>) -> Result<Ended, CliError> {
    let fail = |error: io::Error| CliError::usage(format!("the calls cannot start: {error}"));
    let mut signals = Signals::watch().map_err(fail)?;
    let start = Instant::now() + LEAD;
    let control = Arc::new(Control::new(requests.len() as u64));
    let workers = spawn(plan, requests, start, &control).map_err(fail)?;
    let _metronome = match plan.load {
        Load::Open { rate } => {
            Some(Metronome::start(plan.schedule(rate), start, control.wakers().to_vec()).map_err(fail)?)
        }
        Load::Closed { .. } => None,
    };
    let mut watch = Watch { control, workers, live, measured: Measured::default(), unfinished: 0 };
    let interrupted = watch.until_end(&mut signals).await;
    if let Some(live) = &mut watch.live {
        live.erase();
    }
    let interrupted = interrupted?.map(|time| time.saturating_duration_since(start));
    let end = measured_until(plan, interrupted, &watch.measured);
    Ok(Ended {
        elapsed: end.saturating_sub(plan.warmup),
        measured: watch.measured,
        unfinished: watch.unfinished,
        is_interrupted: interrupted.is_some(),
    })
}

/// Starts a worker for each element of `requests`.
fn spawn(plan: Plan, requests: Vec<Requests>, start: Instant, control: &Arc<Control>) -> io::Result<Vec<WorkerHandle>> {
    let workers = requests.len() as u64;
    let counters = Arc::new(Counters::default());
    let mut handles = Vec::new();
    for (number, requests) in requests.into_iter().enumerate() {
        let worker = number as u64;
        let control = Arc::clone(control);
        handles.push(match plan.load {
            Load::Open { rate } => {
                let open = OpenLoop {
                    plan,
                    pacer: Pacer::new(plan.schedule(rate), worker, workers, plan.warmup_requests(rate)),
                    warmup_requests: plan.warmup_requests(rate),
                    max_in_flight: share(plan.connections, worker, workers),
                };
                let waker = Arc::clone(&control.wakers()[number]);
                let run = async move |worker: &Worker| open.run(worker, &waker).await;
                Worker::spawn(requests, start, control, run)?
            }
            Load::Closed { callers } => {
                let (callers, counters) = (share(callers, worker, workers), Arc::clone(&counters));
                let run = async move |worker: &Worker| closed_loop::run(worker, &plan, callers, &counters).await;
                Worker::spawn(requests, start, control, run)?
            }
        });
    }
    Ok(handles)
}

/// Returns when the measurement ended, as a time since the start. Calls of the warm-up may end later.
fn measured_until(plan: Plan, interrupted: Option<Duration>, measured: &Measured) -> Duration {
    let waited = match interrupted {
        // Calls that had no answer at the signal are a part of the run.
        Some(interrupted) => interrupted,
        // Calls that hang kept the others from starting until the plan was over.
        None if measured.calls() == 0 || measured.pacer.not_started > 0 => plan.over().unwrap_or_default(),
        None => Duration::ZERO,
    };
    measured.last_end.max(waited)
}

/// Watches the workers of a run.
struct Watch {
    control: Arc<Control>,
    workers: Vec<WorkerHandle>,
    live: Option<LiveLine>,
    /// What the workers have reported so far.
    measured: Measured,
    unfinished: u64,
}

impl Watch {
    /// Waits until all workers have ended. Returns when a signal has stopped them, if one did.
    ///
    /// # Errors
    ///
    /// At a second signal.
    async fn until_end(&mut self, signals: &mut Signals) -> Result<Option<Instant>, CliError> {
        let mut interrupted: Option<Instant> = None;
        let mut has_abandoned = false;
        let second = tokio::time::Instant::now() + Duration::from_secs(1);
        let mut seconds = interval_at(second, Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let grace = async {
                match interrupted {
                    Some(time) if !has_abandoned => sleep_until((time + GRACE).into()).await,
                    _ => pending().await,
                }
            };
            tokio::select! {
                () = self.ended() => return Ok(interrupted),
                () = signals.next() => {
                    if interrupted.is_some() {
                        return Err(CliError::new(Exit::Interrupted, "interrupted twice, so there is no report"));
                    }
                    interrupted = Some(Instant::now());
                    self.control.stop();
                }
                () = grace => {
                    has_abandoned = true;
                    self.workers.iter().for_each(WorkerHandle::abandon);
                }
                _ = seconds.tick(), if self.live.is_some() => self.draw().await,
            }
        }
    }

    /// Waits until all workers have ended.
    async fn ended(&mut self) {
        while let Some(worker) = self.workers.last_mut() {
            let last = worker.ended().await;
            self.workers.pop();
            self.unfinished += last.in_flight;
            self.measured.merge(last.measured);
        }
    }

    /// Draws the live line from what the workers have measured since the last time.
    async fn draw(&mut self) {
        let mut snapshots: FuturesUnordered<_> = self.workers.iter().map(WorkerHandle::snapshot).collect();
        let (mut latest, mut in_flight) = (Measured::default(), 0);
        while let Some(snapshot) = snapshots.next().await {
            if let Some(snapshot) = snapshot {
                latest.merge(snapshot.measured);
                in_flight += snapshot.in_flight;
            }
        }
        drop(snapshots);
        if let Some(live) = &mut self.live {
            live.draw(&latest, in_flight);
        }
        self.measured.merge(latest);
    }
}
