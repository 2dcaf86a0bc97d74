//! The report as text.

use hdrhistogram::Histogram;

use super::chart::{bins, draw, number, time};
use super::plan::Load;
use super::report::{QUANTILES, Report};
use crate::exit::outcome_name;

/// Writes the lines of the report.
pub(crate) fn text(report: &Report) -> Vec<String> {
    let mut lines = vec![format!("{} at {}", report.method, report.server), how(report)];
    lines.extend(notes(report));
    lines.extend([String::new(), calls(report), rate(report)]);
    lines.extend(details(report));
    let measured = &report.ended.measured;
    if !measured.results.is_empty() {
        let since = if report.wanted_rate().is_some() { ", from the time when a call was due" } else { "" };
        lines.extend([String::new(), format!("latency of results{since}")]);
        lines.extend(times(&measured.results));
        lines.push(String::new());
        lines.extend(draw(&bins(&measured.results)));
    }
    if !measured.failed.is_empty() {
        let (p50, max) = (time(measured.failed.value_at_quantile(0.5)), time(measured.failed.max()));
        lines.extend([String::new(), format!("failures, after {p50} (p50) to {max} (max)")]);
        for group in measured.failures.groups() {
            let (calls, exit, outcome) = (number(group.calls), group.exit as u8, outcome_name(group.outcome));
            lines.push(format!("  {calls} with exit code {exit}, outcome {outcome}, such as: {}", group.example));
        }
    }
    lines
}

/// Describes how the calls were made.
fn how(report: &Report) -> String {
    let plan = &report.plan;
    let batches = if plan.batch > 1 { format!(", in batches of {}", plan.batch) } else { String::new() };
    let connections = number(plan.connections);
    match plan.load {
        Load::Open { rate } => {
            format!("open loop: calls start at {rate} calls/s{batches}, with at most {connections} requests in flight")
        }
        Load::Closed { callers } => format!(
            "closed loop: {} callers{batches}; a slow answer delays the next call; use --rate for latencies that users see",
            number(callers)
        ),
    }
}

/// Describes what a reader must know before the numbers.
fn notes(report: &Report) -> Vec<String> {
    let (plan, ended) = (&report.plan, &report.ended);
    let (pacer, connections) = (ended.measured.pacer, number(plan.connections));
    let mut notes = Vec::new();
    if ended.is_interrupted {
        notes.push("interrupted: this was measured before the signal".to_owned());
    }
    if pacer.started_late > 0 {
        notes.push(format!(
            "note: {} requests started late, since {connections} were in flight; their latency counts from when they \
             were due",
            number(pacer.started_late)
        ));
    }
    if pacer.not_started > 0 {
        notes.push(format!(
            "note: {} requests were due and never started, since {connections} were in flight; with them the \
             latencies would be longer",
            number(pacer.not_started)
        ));
    }
    if ended.unfinished > 0 && ended.measured.calls() > 0 {
        notes.push(format!(
            "note: {} calls had no answer yet at the end; with them the latencies would be longer",
            number(ended.unfinished)
        ));
    }
    notes
}

fn calls(report: &Report) -> String {
    let ended = &report.ended;
    let measured = &ended.measured;
    let unfinished = match ended.unfinished {
        0 => String::new(),
        unfinished => format!(", and {} unfinished", number(unfinished)),
    };
    let [calls, results, failures] = [measured.calls(), measured.results.len(), measured.failures.calls()].map(number);
    let seconds = ended.elapsed.as_secs_f64();
    format!("calls    {calls} in {seconds:.2} s: {results} results, {failures} failures{unfinished}")
}

fn rate(report: &Report) -> String {
    let achieved = report.calls_per_second();
    let digits = if achieved < 100.0 { 2 } else { 0 };
    match report.wanted_rate() {
        Some(wanted) => format!("rate     {achieved:.digits$} calls/s of {wanted} wanted"),
        None => format!("rate     {achieved:.digits$} calls/s"),
    }
}

/// Describes what only some runs have.
fn details(report: &Report) -> Vec<String> {
    let measured = &report.ended.measured;
    let mut lines = vec![format!("results  {} bytes", number(measured.result_bytes))];
    if let Some(attempts) = report.attempts {
        lines.push(format!("attempts {}, those of the warm-up included", number(attempts)));
    }
    if measured.warmup_calls > 0 {
        let [calls, failures] = [measured.warmup_calls, measured.warmup_failures].map(number);
        lines.push(format!("warm-up  {calls} calls, {failures} of them failed; they count nowhere else"));
    }
    if !measured.start_delays.is_empty() {
        let delay = |quantile| time(measured.start_delays.value_at_quantile(quantile));
        lines.push(format!("starts   p50 {} and p99 {} late, which is part of the latency", delay(0.5), delay(0.99)));
    }
    lines
}

fn times(histogram: &Histogram<u64>) -> Vec<String> {
    let quantiles = QUANTILES.map(|(name, quantile)| (name, histogram.value_at_quantile(quantile)));
    let all = [("min", histogram.min())].into_iter().chain(quantiles).chain([("max", histogram.max())]);
    all.map(|(name, nanos)| format!("  {name:<5}  {:>8}", time(nanos))).collect()
}
