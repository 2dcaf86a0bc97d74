//! `rpc bench` against real servers: how it counts, what it refuses, and how it ends.

mod failures;
mod gate;
mod interrupts;
#[cfg(target_os = "linux")]
mod stall;
mod terminal;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rpc::Server;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::binary::rpc;

/// A server that counts its calls. Its method `hang` never answers.
struct Counted {
    url: String,
    calls: Arc<AtomicU64>,
    /// Notified by each call.
    called: Arc<Notify>,
    /// The params of all calls.
    params: Arc<Mutex<Vec<Value>>>,
}

impl Counted {
    async fn start() -> Self {
        let (calls, called) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let params = Arc::new(Mutex::new(Vec::new()));
        let count = {
            let (calls, called) = (Arc::clone(&calls), Arc::clone(&called));
            move || {
                calls.fetch_add(1, Ordering::Relaxed);
                called.notify_one();
            }
        };
        let of_hang = count.clone();
        let seen = Arc::clone(&params);
        let take = move |value: Value| {
            count();
            seen.lock().unwrap().push(value);
            async { 7 }
        };
        let hang = move || {
            of_hang();
            std::future::pending::<u64>()
        };
        let server = Server::builder().method("take", take).method("hang", hang).build();
        Self { url: format!("http://{}", support::serve(&server).await), calls, called, params }
    }

    fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// Runs `rpc bench --json` to its end. Returns the exit code and the report.
async fn bench(args: &[&str]) -> (i32, Value) {
    let ended = rpc(&[&["bench", "--json"], args].concat()).run().await;
    assert_eq!(ended.stderr, "");
    (ended.exit, serde_json::from_str(&ended.stdout).unwrap())
}

#[tokio::test]
async fn the_report_counts_the_calls_that_the_server_has_seen() {
    for args in [
        &["-c", "8", "--requests", "500"][..],
        &["--closed", "--for", "200ms"],
        &["--rate", "400", "--for", "500ms"],
        &["--rate", "1000", "--requests", "300", "--batch", "7"],
        &["-c", "3", "--batch", "50", "--requests", "120", "--http2"],
    ] {
        let server = Counted::start().await;
        let (exit, report) = bench(&[&[&server.url, "take", "--readonly"], args].concat()).await;
        assert_eq!((exit, report["failed"].clone()), (0, json!([])), "{args:?}");
        let calls = report["calls"].as_u64().unwrap();
        assert_eq!((calls, report["unfinished"].as_u64()), (server.calls(), Some(0)), "{args:?}");
        let in_bins = report["histogram"].as_array().unwrap().iter().map(|bin| bin["calls"].as_u64().unwrap());
        assert_eq!((in_bins.sum::<u64>(), report["results"].as_u64().unwrap()), (calls, calls), "{args:?}");
        assert_eq!(report["result_bytes"].as_u64(), Some(calls));
        // No call over a socket is faster.
        assert!(report["latency"]["min_us"].as_f64() > Some(1.0), "{args:?}: {report}");
        let wanted = args.windows(2).find(|pair| pair[0] == "--requests").map(|pair| pair[1].parse().unwrap());
        assert_eq!(calls, wanted.unwrap_or(if args[0] == "--rate" { 200 } else { calls }), "{args:?}");
        assert!(calls > 0);
    }
}

#[tokio::test]
async fn the_warm_up_is_reported_apart() {
    for load in [&["-c", "2"][..], &["--rate", "100"]] {
        let server = Counted::start().await;
        let args = ["--readonly", "--warmup", "200ms", "--requests", "10"];
        let (exit, report) = bench(&[&[&server.url, "take"], &args[..], load].concat()).await;
        assert_eq!((exit, report["calls"].as_u64()), (0, Some(10)));
        let warmup = report["warmup_calls"].as_u64().unwrap();
        assert_eq!(server.calls(), warmup + 10);
        assert!(warmup >= 1, "{report}");
    }
}

#[tokio::test]
async fn placeholders_number_the_calls() {
    for load in [&["-c", "3"][..], &["--rate", "2000"], &["--batch", "6"]] {
        let server = Counted::start().await;
        let args = ["take", r#"["{{n}}","user-{{n}}"]"#, "--readonly", "--requests", "20"];
        assert_eq!(bench(&[&[&*server.url], &args[..], load].concat()).await.0, 0);
        let params: BTreeSet<_> = server.params.lock().unwrap().iter().map(ToString::to_string).collect();
        let expected: BTreeSet<_> = (1..=20).map(|n| json!([n, format!("user-{n}")]).to_string()).collect();
        assert_eq!(params, expected, "{load:?}");
    }
}

#[tokio::test]
async fn requests_beyond_the_limit_in_flight_are_counted() {
    let server = Counted::start().await;
    let args = ["hang", "--readonly", "--rate", "100", "--for", "500ms", "--connections", "2", "--deadline", "1s"];
    let (exit, report) = bench(&[&[&*server.url], &args[..]].concat()).await;
    assert_eq!((exit, report["not_started"].as_u64(), report["started_late"].as_u64()), (5, Some(48), Some(0)));
    assert_eq!((server.calls(), report["failures"].as_u64()), (2, Some(2)));
    let ended = rpc(&[&["bench", &server.url], &args[..]].concat()).run().await;
    let note = "note: 48 requests were due and never started, since 2 were in flight";
    assert!(ended.stdout.contains(note), "{}", ended.stdout);
}

#[tokio::test]
async fn the_warm_up_is_no_part_of_the_counts() {
    let server = Counted::start().await;
    let args = ["hang", "--readonly", "--rate", "100", "--warmup", "200ms", "--for", "300ms", "--connections", "2"];
    let (_, report) = bench(&[&[&*server.url], &args[..], &["--deadline", "2s"]].concat()).await;
    // Both calls that started belong to the warm-up.
    assert_eq!((server.calls(), report["warmup_failures"].as_u64()), (2, Some(2)), "{report}");
    assert_eq!((report["not_started"].as_u64(), report["started_late"].as_u64()), (Some(30), Some(0)), "{report}");
    assert_eq!((&report["start_delay"], report["elapsed_s"].as_f64()), (&Value::Null, Some(0.3)), "{report}");
}

#[tokio::test]
async fn start_delays_are_those_of_the_measured_requests() {
    let server = Counted::start().await;
    let args = ["take", "--readonly", "--rate", "100", "--warmup", "200ms", "--requests", "15"];
    let (exit, report) = bench(&[&[&*server.url], &args[..]].concat()).await;
    assert_eq!((exit, report["start_delay"]["calls"].as_u64()), (0, Some(15)), "{report}");
}

#[tokio::test]
async fn the_largest_number_of_requests_is_no_limit() {
    let server = Counted::start().await;
    let args = ["take", "--readonly", "--warmup", "100ms", "--for", "200ms", "--requests", "18446744073709551615"];
    for load in [&["--rate", "100"][..], &["-c", "2"], &["--rate", "100", "--batch", "2"]] {
        assert_eq!(bench(&[&[&*server.url], &args[..], load].concat()).await.0, 0, "{load:?}");
    }
}

#[tokio::test]
async fn a_slow_rate_makes_its_first_call_and_reports_how_long_it_took() {
    let server = Counted::start().await;
    for load in [&["--rate", "0.01", "--requests", "1"][..], &["--rate", "1e-9", "--for", "60s"]] {
        let (exit, report) = bench(&[&[&*server.url, "take", "--readonly"], load].concat()).await;
        assert_eq!((exit, report["calls"].as_u64()), (0, Some(1)), "{report}");
        // The call alone says nothing about a rate, and the next one would have been due much later.
        assert!(report["elapsed_s"].as_f64() < Some(50.0), "{report}");
        assert!(report["calls_per_s"].as_f64() < Some(0.02), "{report}");
    }
    assert_eq!(server.calls(), 2);
}

#[tokio::test]
async fn a_closed_loop_says_so_and_prints_all_latencies() {
    let server = Counted::start().await;
    let ended = rpc(&["bench", &server.url, "take", "--readonly", "--requests", "100"]).run().await;
    assert_eq!((ended.exit, &*ended.stderr), (0, ""));
    for text in [
        "closed loop: 16 callers; a slow answer delays the next call; use --rate for latencies that users see",
        "calls    100 in ",
        "100 results, 0 failures",
        "\n  min ",
        "\n  p50 ",
        "\n  p90 ",
        "\n  p95 ",
        "\n  p99 ",
        "\n  p99.9 ",
        "\n  max ",
        "#",
    ] {
        assert!(ended.stdout.contains(text), "{text:?} is missing:\n{}", ended.stdout);
    }
}
