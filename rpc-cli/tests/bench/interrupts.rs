//! Signals, and a reader of the output that goes away.
#![cfg(unix)]

use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};
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
