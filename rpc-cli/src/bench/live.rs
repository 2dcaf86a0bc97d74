//! [`LiveLine`]: the line that a run shows on a terminal, once a second.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::chart::time;
use super::recorder::Measured;

/// The line on standard error. It replaces itself, and is erased at the end.
#[derive(Debug)]
pub(crate) struct LiveLine {
    start: Instant,
    last: Instant,
    failures: u64,
}

/// Moves to the start of the line, and clears it.
const CLEAR: &str = "\r\u{1b}[K";

impl LiveLine {
    /// Makes the line if standard error is a terminal.
    pub(crate) fn new() -> Option<Self> {
        let now = Instant::now();
        io::stderr().is_terminal().then_some(Self { start: now, last: now, failures: 0 })
    }

    /// Draws the line again. `latest` was measured since the last time.
    pub(crate) fn draw(&mut self, latest: &Measured, in_flight: u64) {
        let now = Instant::now();
        self.failures += latest.failures.calls() + latest.warmup_failures;
        let line = line(latest, now - self.last, in_flight);
        self.last = now;
        let seconds = (now - self.start).as_secs();
        write(&format!("{CLEAR}{seconds} s  {line}  {} failed", self.failures));
    }

    /// Erases the line.
    pub(crate) fn erase(&mut self) {
        write(CLEAR);
    }
}

/// Writes what was measured within a time.
fn line(latest: &Measured, within: Duration, in_flight: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a second has fewer than 2^53 calls")]
    let rate = (latest.calls() + latest.warmup_calls) as f64 / within.as_secs_f64();
    let quantile = |quantile| match latest.results.is_empty() {
        true => "-".to_owned(),
        false => time(latest.results.value_at_quantile(quantile)),
    };
    format!("{rate:.0} calls/s  {in_flight} in flight  p50 {}  p99 {}", quantile(0.5), quantile(0.99))
}

fn write(text: &str) {
    // If the terminal has gone, nothing is left to draw on.
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::line;
    use crate::bench::recorder::Measured;

    #[test]
    fn the_line_shows_the_calls_since_the_last_one() {
        let mut latest = Measured { warmup_calls: 100, ..Measured::default() };
        assert_eq!(line(&latest, Duration::from_secs(2), 3), "50 calls/s  3 in flight  p50 -  p99 -");
        for micros in 1..=100 {
            latest.results.saturating_record(micros * 1_000);
        }
        let shown = "100 calls/s  0 in flight  p50 0.050 ms  p99 0.099 ms";
        assert_eq!(line(&latest, Duration::from_secs(2), 0), shown);
    }
}
