//! A server process that is frozen for a second.

use std::time::Duration;

use rpc::Server;
use serde_json::Value;
use support::process::{self, Process};
use tokio::process::Command;

use crate::binary::rpc;

#[tokio::test]
#[ignore = "is the child process of the tests below"]
async fn serves_in_a_child() {
    if process::is_child() {
        process::serve([Server::builder().method("ping", || async { "pong" }).build()]).await;
    }
}

async fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().await.unwrap().success());
}

/// Runs `rpc bench` for three seconds, and freezes the server for one of them.
async fn bench_a_frozen_server(load: &[&str]) -> Value {
    let server: Process<1> = Process::start(module_path!(), "serves_in_a_child").await;
    let url = format!("http://{}", server.addrs[0]);
    let run = rpc(&[&["bench", &url, "ping", "--readonly", "--json", "--for", "3s"], load].concat()).spawn();
    server.until_connections_are(Duration::from_secs(60), |open| open > 0).await;
    signal(server.pid, "STOP").await;
    // How long the server is frozen is what the test is about.
    tokio::time::sleep(Duration::from_secs(1)).await;
    signal(server.pid, "CONT").await;
    let output = run.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    server.end().await;
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_stall_shows_in_the_open_loop() {
    let report = bench_a_frozen_server(&["--rate", "200"]).await;
    assert_eq!((report["mode"].as_str(), report["calls"].as_u64()), (Some("open"), Some(600)), "{report}");
    // A third of the calls were due during the second. Some of them waited for nearly all of it.
    assert!(report["latency"]["p90_us"].as_f64() > Some(200_000.0), "{report}");
    assert!(report["latency"]["p99_us"].as_f64() > Some(800_000.0), "{report}");
}

#[tokio::test]
async fn late_calls_count_from_the_time_when_they_were_due() {
    let report = bench_a_frozen_server(&["--rate", "200", "--connections", "2"]).await;
    assert_eq!(report["calls"].as_u64().unwrap() + report["not_started"].as_u64().unwrap(), 600, "{report}");
    assert!(report["started_late"].as_u64() > Some(100), "{report}");
    assert!(report["latency"]["p99_us"].as_f64() > Some(800_000.0), "{report}");
    assert!(report["start_delay"]["p99_us"].as_f64() > Some(500_000.0), "{report}");
}

#[tokio::test]
async fn a_stall_is_hidden_in_the_closed_loop() {
    let report = bench_a_frozen_server(&["-c", "1"]).await;
    assert_eq!(report["mode"].as_str(), Some("closed"));
    // One caller waited once.
    assert!(report["latency"]["p99_us"].as_f64() < Some(500_000.0), "{report}");
    assert!(report["latency"]["max_us"].as_f64() > Some(800_000.0), "{report}");
}
