//! [`Recorder`]: what one worker measures. No other thread writes to it, so it needs no lock.

use std::time::Duration;

use hdrhistogram::Histogram;
use rpc::{Effect, Error};
use serde_json::value::RawValue;

use super::failures::Failures;
use super::pacer::PacerCounts;

/// Records the calls of one worker.
#[derive(Debug)]
pub(crate) struct Recorder {
    effect: Effect,
    measured: Measured,
    /// The number of calls without an answer so far.
    in_flight: u64,
}

/// What one or several workers have measured. All times are in nanoseconds.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The latencies of calls with a result.
    pub(crate) results: Histogram<u64>,
    /// The latencies of failed calls.
    pub(crate) failed: Histogram<u64>,
    /// How late the requests of an open loop after the warm-up started, whatever the reason.
    pub(crate) start_delays: Histogram<u64>,
    pub(crate) failures: Failures,
    /// The total size of the results, as JSON.
    pub(crate) result_bytes: u64,
    pub(crate) warmup_calls: u64,
    pub(crate) warmup_failures: u64,
    pub(crate) pacer: PacerCounts,
    /// When the last call ended, as a time since the start.
    pub(crate) last_end: Duration,
}

/// The result of a call.
pub(crate) type Answer = Result<Box<RawValue>, Error>;

/// When a request was due and when it ended, as times since the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) due: Duration,
    pub(crate) ended: Duration,
    /// Whether it belongs to the warm-up.
    pub(crate) is_warmup: bool,
}

impl Recorder {
    pub(crate) fn new(effect: Effect) -> Self {
        Self { effect, measured: Measured::default(), in_flight: 0 }
    }

    /// Records that the calls of a request start.
    pub(crate) fn begin(&mut self, calls: u64) {
        self.in_flight += calls;
    }

    /// Records how late a request after the warm-up starts.
    pub(crate) fn start_delay(&mut self, delay: Duration) {
        self.measured.start_delays.saturating_record(nanos(delay));
    }

    /// Records the result of a call.
    pub(crate) fn end(&mut self, span: Span, answer: &Answer) {
        let measured = &mut self.measured;
        self.in_flight -= 1;
        if span.is_warmup {
            measured.warmup_calls += 1;
            measured.warmup_failures += u64::from(answer.is_err());
            return;
        }
        measured.last_end = measured.last_end.max(span.ended);
        let latency = nanos(span.ended.saturating_sub(span.due));
        match answer {
            Ok(result) => {
                measured.results.saturating_record(latency);
                measured.result_bytes += result.get().len() as u64;
            }
            Err(error) => {
                measured.failed.saturating_record(latency);
                measured.failures.add(error, self.effect, 1);
            }
        }
    }

    /// Records which requests of an open loop did not start on time.
    pub(crate) fn pacer(&mut self, counts: PacerCounts) {
        self.measured.pacer += counts;
    }

    /// Returns the number of calls without an answer so far.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Takes what was measured since the last time.
    pub(crate) fn take(&mut self) -> Measured {
        std::mem::take(&mut self.measured)
    }
}

impl Measured {
    /// Adds what another worker, or the same one at another time, has measured.
    pub(crate) fn merge(&mut self, other: Self) {
        for (all, more) in [
            (&mut self.results, &other.results),
            (&mut self.failed, &other.failed),
            (&mut self.start_delays, &other.start_delays),
        ] {
            all.add(more).expect("all histograms have the same bounds");
        }
        self.failures.merge(other.failures);
        self.result_bytes += other.result_bytes;
        self.warmup_calls += other.warmup_calls;
        self.warmup_failures += other.warmup_failures;
        self.pacer += other.pacer;
        self.last_end = self.last_end.max(other.last_end);
    }

    /// Returns the number of calls that have ended.
    pub(crate) fn calls(&self) -> u64 {
        self.results.len() + self.failed.len()
    }
}

impl Default for Measured {
    fn default() -> Self {
        Self {
            results: histogram(),
            failed: histogram(),
            start_delays: histogram(),
            failures: Failures::default(),
            result_bytes: 0,
            warmup_calls: 0,
            warmup_failures: 0,
            pacer: PacerCounts::default(),
            last_end: Duration::ZERO,
        }
    }
}

/// Makes a histogram of nanoseconds with three significant digits. Longer times than an hour count as an hour.
fn histogram() -> Histogram<u64> {
    const HOUR: u64 = 3_600_000_000_000;
    Histogram::new_with_bounds(1, HOUR, 3).expect("the bounds are valid")
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rpc::{Effect, Failure};
    use serde_json::value::RawValue;

    use super::{Measured, Recorder, Span};

    fn span(due: u64, ended: u64, is_warmup: bool) -> Span {
        Span { due: Duration::from_millis(due), ended: Duration::from_millis(ended), is_warmup }
    }

    #[test]
    fn results_failures_and_the_warm_up_are_kept_apart() {
        let mut recorder = Recorder::new(Effect::None);
        let result = || Ok(RawValue::from_string("[1,2]".to_owned()).unwrap());
        recorder.begin(6);
        recorder.end(span(0, 900, true), &result());
        recorder.end(span(0, 900, true), &Err(Failure::connect("refused").into()));
        recorder.end(span(100, 110, false), &result());
        recorder.end(span(100, 130, false), &result());
        recorder.end(span(200, 1_200, false), &Err(Failure::timed_out().into()));
        assert_eq!(recorder.in_flight(), 1);
        let measured = recorder.take();
        assert_eq!((measured.warmup_calls, measured.warmup_failures, measured.calls()), (2, 1, 3));
        assert_eq!((measured.result_bytes, measured.last_end), (10, Duration::from_millis(1_200)));
        assert!(measured.results.equivalent(measured.results.max(), 30_000_000));
        assert!(measured.failed.equivalent(measured.failed.min(), 1_000_000_000));
        assert_eq!(recorder.take().calls(), 0);
    }

    #[test]
    fn merged_measurements_are_those_of_all_workers() {
        let mut all = Measured::default();
        for worker in 1..=4 {
            let mut recorder = Recorder::new(Effect::None);
            recorder.begin(1);
            recorder.end(span(0, worker * 10, false), &Err(Failure::connect("refused").into()));
            recorder.start_delay(Duration::from_millis(worker));
            all.merge(recorder.take());
        }
        assert_eq!((all.calls(), all.failures.calls(), all.last_end), (4, 4, Duration::from_millis(40)));
        assert!(all.failed.equivalent(all.failed.value_at_quantile(0.5), 20_000_000));
        assert_eq!(all.start_delays.len(), 4);
    }
}
