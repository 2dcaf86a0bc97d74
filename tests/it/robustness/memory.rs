//! All attacks against one server. It is a separate process, so that its memory can be told from the attacker's.
#![cfg(target_os = "linux")]

use support::process::{self, Process};
use support::raw_http::{exchange, post};

use crate::robustness::attack::{Attack, run_on};
use crate::robustness::server::{assert_alive, builder};
use crate::robustness::{depth, size, text};

/// The memory limit of the server's process at its peak. It starts at about 10 MB, and a body at the limit has 2 MiB.
/// What an attacker announces, nests or counts must not take that memory a second time.
const BOUND_KIB: u64 = 48 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is the child process of the test below"]
async fn serves_in_a_child() {
    if process::is_child() {
        process::serve([builder().build()]).await;
    }
}

#[tokio::test]
async fn memory_stays_bounded_under_every_attack() {
    let server = Process::start(module_path!(), "serves_in_a_child").await;
    let [addr] = server.addrs;
    assert_alive(addr).await;
    let before = server.memory("VmHWM");
    let groups: [Vec<Attack>; 5] = [size::bodies(), size::batches(), size::names(), depth::attacks(), text::attacks()];
    for attacks in groups {
        run_on(addr, &attacks).await;
    }
    size::attack_with_heads(addr).await;
    assert_eq!(exchange(addr, &post(vec![b' '; 50_000_000])).await.status, 413);
    assert_alive(addr).await;
    let after = server.memory("VmHWM");
    assert!(after < BOUND_KIB, "the server held {after} KiB, and {before} KiB before the attacks");
    server.end().await;
}
