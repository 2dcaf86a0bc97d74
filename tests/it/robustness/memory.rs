//! All attacks against one server, which is a process of its own so that its memory can be told from the attacker's.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use support::raw_http::{exchange, post};

use crate::robustness::attack::{Attack, run_on};
use crate::robustness::server::{assert_alive, builder, serve};
use crate::robustness::{depth, size, text};

/// Is what the server's process may hold at its worst moment. It begins at about 10 MB, and a body at the limit has
/// 2 MiB; what an attacker announces, nests or counts must not come on top of it a second time.
const BOUND_KIB: u64 = 48 * 1024;

const CHILD: &str = "RPC_ROBUSTNESS_CHILD";
const ADDRESS: &str = "serving at ";

/// Is the server's process: this test binary once more. It ends when its input does, so that it cannot outlive a parent
/// that fails.
#[test]
#[ignore = "is the child process of the test below"]
fn serves_in_a_child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let addr = runtime.block_on(serve(builder()));
    println!("\n{ADDRESS}{addr}");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// Starts the server, and returns its output too: it must be able to write to the end.
fn start() -> (Child, impl Sized, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "robustness::memory::serves_in_a_child", "--ignored", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let addr = lines.find_map(|line| line.unwrap().strip_prefix(ADDRESS)?.parse().ok());
    (child, lines, addr.expect("the child says where it serves"))
}

/// Returns the most memory that the process has held at a time, in KiB.
fn peak(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok()).expect("Linux tells the peak")
}

#[tokio::test]
async fn memory_stays_bounded_under_every_attack() {
    let (mut child, _output, addr) = start();
    assert_alive(addr).await;
    let before = peak(&child);
    let groups: [Vec<Attack>; 5] = [size::bodies(), size::batches(), size::names(), depth::attacks(), text::attacks()];
    for attacks in groups {
        run_on(addr, &attacks).await;
    }
    size::attack_with_heads(addr).await;
    assert_eq!(exchange(addr, &post(&vec![b' '; 50_000_000])).await.status, 413);
    assert_alive(addr).await;
    let after = peak(&child);
    assert!(after < BOUND_KIB, "the server held {after} KiB, and {before} KiB before the attacks");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
