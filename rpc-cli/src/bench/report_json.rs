//! The report as one JSON object. `rpc bench --help` documents its members.

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use super::chart::{Bin, bins};
use super::failures::FailureGroup;
use super::plan::Load;
use super::report::{QUANTILES, Report};
use crate::exit::outcome_name;

/// The members of the object, for `--help`.
pub(crate) const JSON_HELP: &str = "\
Members of the object that --json prints:
  server, method, mode        `mode` is `open` or `closed`
  callers, wanted_calls_per_s that of the other mode is null
  connections, batch          the limit of requests in flight, and the calls in a request
  elapsed_s, calls_per_s      without the warm-up; the rate of an open loop also counts the interval of the last
                              call
  calls, results, failures    calls that ended, with a result or not
  unfinished                  calls that an interrupted run did not wait for
  started_late, not_started   requests of an open loop after the warm-up that were due while the limit in flight was
                              reached
  warmup_calls, warmup_failures
  attempts                    with --retry, otherwise null
  result_bytes                the size of all results
  interrupted                 whether a signal ended the run
  latency                     of calls with a result: calls, min_us, mean_us, p50_us, p90_us, p95_us, p99_us,
                              p99_9_us, max_us; null if there are none
  failed_latency              the same, of failed calls
  start_delay                 the same, of how late requests of an open loop started after the warm-up
  histogram                   [{from_us, to_us, calls}], of `latency`
  failed                      [{exit, outcome, calls, example}], the gravest first";

/// Writes the report as one object.
pub(crate) fn json(report: &Report) -> Value {
    let (plan, ended) = (&report.plan, &report.ended);
    let measured = &ended.measured;
    let (mode, callers) = match plan.load {
        Load::Open { .. } => ("open", None),
        Load::Closed { callers } => ("closed", Some(callers)),
    };
    json!({
        "server": report.server,
        "method": report.method,
        "mode": mode,
        "callers": callers,
        "wanted_calls_per_s": report.wanted_rate(),
        "connections": plan.connections,
        "batch": plan.batch,
        "elapsed_s": ended.elapsed.as_secs_f64(),
        "calls_per_s": rounded(report.calls_per_second()),
        "calls": measured.calls(),
        "results": measured.results.len(),
        "failures": measured.failures.calls(),
        "unfinished": ended.unfinished,
        "started_late": measured.pacer.started_late,
        "not_started": measured.pacer.not_started,
        "warmup_calls": measured.warmup_calls,
        "warmup_failures": measured.warmup_failures,
        "attempts": report.attempts,
        "result_bytes": measured.result_bytes,
        "interrupted": ended.is_interrupted,
        "latency": times(&measured.results),
        "failed_latency": times(&measured.failed),
        "start_delay": times(&measured.start_delays),
        "histogram": histogram(&measured.results),
        "failed": measured.failures.groups().into_iter().map(group).collect::<Vec<_>>(),
    })
}

/// Writes the quantiles of a histogram of nanoseconds. Without values it is null.
fn times(histogram: &Histogram<u64>) -> Value {
    if histogram.is_empty() {
        return Value::Null;
    }
    let mut times = Map::new();
    times.insert("calls".to_owned(), histogram.len().into());
    times.insert("min_us".to_owned(), micros(histogram.min()).into());
    times.insert("mean_us".to_owned(), rounded(histogram.mean() / 1e3).into());
    for (name, quantile) in QUANTILES {
        let name = format!("{}_us", name.replace('.', "_"));
        times.insert(name, micros(histogram.value_at_quantile(quantile)).into());
    }
    times.insert("max_us".to_owned(), micros(histogram.max()).into());
    Value::Object(times)
}

fn histogram(histogram: &Histogram<u64>) -> Vec<Value> {
    let row = |bin: Bin| json!({ "from_us": micros(bin.from), "to_us": micros(bin.to), "calls": bin.count });
    bins(histogram).into_iter().map(row).collect()
}

fn group(group: &FailureGroup) -> Value {
    json!({
        "exit": group.exit as u8,
        "outcome": outcome_name(group.outcome),
        "calls": group.calls,
        "example": group.example,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a histogram has three significant digits")]
fn micros(nanos: u64) -> f64 {
    rounded(nanos as f64 / 1e3)
}

/// Rounds to three digits after the point.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
