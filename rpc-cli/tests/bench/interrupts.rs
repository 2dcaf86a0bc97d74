//! Signals, and a reader of the output that goes away.
#![cfg(unix)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpc::Server;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::Counted;
use crate::binary::{Terminal, rpc};

async fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().await.unwrap().success());
}

/// Starts a run that takes a minute, and returns it once the server has a call.
async fn start(server: &Counted, method: &str) -> Child {
    let run = rpc(&["bench", &server.url, method, "--readonly", "--for", "60s", "--json", "-c", "4"]).spawn();
    server.called.notified().await;
    run
}

#[tokio::test]
async fn a_signal_prints_what_was_measured() {
    for name in ["INT", "TERM"] {
        let server = Counted::start().await;
        let run = start(&server, "take").await;
        signal(run.id().unwrap(), name).await;
        let output = run.wait_with_output().await.unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), report["interrupted"].as_bool()), (Some(0), Some(true)), "{report}");
        assert_eq!(report["calls"].as_u64(), Some(server.calls()));
        assert!(report["elapsed_s"].as_f64() < Some(50.0), "{report}");
        assert_eq!(output.stderr, b"");
    }
}

#[tokio::test]
async fn an_interrupted_run_does_not_wait_for_calls_that_hang() {
    let server = Counted::start().await;
    let run = start(&server, "hang").await;
    while server.calls() < 4 {
        server.called.notified().await;
    }
    signal(run.id().unwrap(), "INT").await;
    let output = run.wait_with_output().await.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Each of the four calls may have run.
    assert_eq!((output.status.code(), report["calls"].as_u64()), (Some(6), Some(0)));
    assert_eq!((report["unfinished"].as_u64(), report["interrupted"].as_bool()), (Some(4), Some(true)));
}

/// Starts a server whose method `stall` answers three calls. Its permits count the calls that it never answers.
async fn stalling() -> (String, Arc<Semaphore>) {
    let (stalled, answers) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU64::new(3)));
    let of_method = Arc::clone(&stalled);
    let stall = move || {
        let (stalled, answers) = (Arc::clone(&of_method), Arc::clone(&answers));
        async move {
            let left = answers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            if left.is_err() {
                stalled.add_permits(1);
                std::future::pending::<()>().await;
            }
            7
        }
    };
    let server = Server::builder().method("stall", stall).build();
    (format!("http://{}", support::serve(&server).await), stalled)
}

/// Runs two callers against a server that stalls, and interrupts them after half a second. Returns the report.
async fn interrupt_a_stall(more: &[&str]) -> String {
    let (url, stalled) = stalling().await;
    let args = ["bench", &url, "stall", "--readonly", "--for", "60s", "-c", "2"];
    let run = rpc(&[&args[..], more].concat()).spawn();
    drop(stalled.acquire_many(2).await.unwrap());
    // How long the server stalls is what the test is about.
    sleep(Duration::from_millis(500)).await;
    signal(run.id().unwrap(), "INT").await;
    String::from_utf8(run.wait_with_output().await.unwrap().stdout).unwrap()
}

#[tokio::test]
async fn a_stall_before_the_signal_is_part_of_the_run() {
    let report: Value = serde_json::from_str(&interrupt_a_stall(&["--json"]).await).unwrap();
    assert_eq!((report["calls"].as_u64(), report["unfinished"].as_u64()), (Some(3), Some(2)), "{report}");
    assert!(report["elapsed_s"].as_f64() >= Some(0.5), "{report}");
    assert!(report["calls_per_s"].as_f64() <= Some(6.0), "{report}");
}

#[tokio::test]
async fn unfinished_calls_are_noted() {
    let report = interrupt_a_stall(&[]).await;
    let note = "note: 2 calls had no answer yet at the end; with them the latencies would be longer\n";
    assert!(report.contains(note), "{report}");
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let server = Counted::start().await;
    let mut run = start(&server, "hang").await;
    // Signals that arrive together count as one, so more than two are sent.
    while run.try_wait().unwrap().is_none() {
        signal(run.id().unwrap(), "INT").await;
        sleep(Duration::from_millis(20)).await;
    }
    let output = run.wait_with_output().await.unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(130), Vec::new()));
}

#[tokio::test]
async fn ctrl_c_in_a_terminal_prints_the_report() {
    let server = Counted::start().await;
    let run = rpc(&["bench", &server.url, "take", "--readonly", "--for", "60s"]);
    let mut terminal = Terminal::start(run.in_session());
    terminal.until_shown(" in flight  p50 ").await;
    terminal.type_text("\u{3}");
    let (exit, shown) = terminal.ended().await;
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.contains("\ninterrupted: this was measured before the signal\n"), "{shown}");
    assert!(shown.contains(" results, 0 failures\n"), "{shown}");
}

#[tokio::test]
async fn a_broken_pipe_ends_quietly() {
    let server = Counted::start().await;
    let mut run = rpc(&["bench", &server.url, "take", "--readonly", "--requests", "10"]).spawn();
    drop(run.stdout.take());
    let output = run.wait_with_output().await.unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(141), &b""[..]));
}
