//! A process that is asked to end: it finishes the calls in flight, then exits successfully.

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use rpc::health::Health;
use rpc::{Client, Limits, Server};
use serde_json::Value;
use support::child::{self, Child};
use support::raw_http::{Connection, post};
use tokio::io::AsyncReadExt;

use crate::shutdown::refused;

/// The child's shutdown delay and drain timeout, in milliseconds. Only a child has this variable.
const CHILD: &str = "RPC_TEST_CHILD";

/// Set for a child with a deregistration hook.
const HOOK: &str = "RPC_TEST_HOOK";

#[tokio::test]
#[ignore = "is the child process of the other tests here, which start it"]
async fn child() {
    let Ok(times) = env::var(CHILD) else { return };
    let (delay, drain) = times.split_once(' ').unwrap();
    let mut limits = Limits::default();
    limits.shutdown_delay = Duration::from_millis(delay.parse().unwrap());
    limits.drain_timeout = Duration::from_millis(drain.parse().unwrap());
    let server = Server::builder()
        .limits(limits)
        .health(Health::new())
        .method("large", || async { "x".repeat(9 << 20) })
        .method("wait", || async {
            child::say("running");
            // The parent decides when the call ends.
            tokio::io::stdin().read_u8().await.unwrap()
        })
        .build();
    let bound = server.bind("127.0.0.1:0").await.unwrap();
    child::say(format_args!("listening {}", bound.local_addr()));
    let hooked = env::var(HOOK).is_ok();
    bound
        .on_drain(move || async move {
            if hooked {
                child::say("deregistering");
                // The parent decides when the deregistration ends.
                let _ = tokio::io::stdin().read_u8().await;
            }
        })
        .serve()
        .await;
    child::say("drained");
}

/// The child process, which is a server.
struct Process(Child);

impl Process {
    /// Starts a child with this shutdown delay and this drain timeout, in milliseconds.
    fn start(delay: u64, drain: u64) -> Self {
        Self::start_with(delay, drain, false)
    }

    /// Starts such a child, with a deregistration hook if `hooked`.
    fn start_with(delay: u64, drain: u64, hooked: bool) -> Self {
        let mut command = child::command(module_path!(), "child");
        command.env(CHILD, format!("{delay} {drain}"));
        if hooked {
            command.env(HOOK, "");
        }
        Self(Child::spawn(command))
    }

    async fn addr(&mut self) -> SocketAddr {
        self.0.line("listening ").await.parse().unwrap()
    }

    /// Waits until the process has ended by itself. That takes much less time than this allows.
    async fn ended(&mut self) {
        let ended = tokio::time::timeout(Duration::from_secs(20), async {
            self.0.line("drained").await;
            self.0.ended().await
        });
        assert!(ended.await.expect("the process does not end").success());
    }
}

async fn assert_ends_in_peace(signal: &str) {
    let mut process = Process::start(0, 30_000);
    let addr = process.addr().await;
    let client = Client::new(format!("http://{addr}")).unwrap();
    let call = tokio::spawn(client.call::<u8>("wait", ()).into_future());
    process.0.line("running").await;

    process.0.signal(signal).await;
    // The signal has arrived when no socket listens any more.
    refused(addr).await;
    process.0.tell(b"7").await;
    assert_eq!(call.await.unwrap().unwrap(), b'7');
    process.0.line("drained").await;
    assert!(process.0.ended().await.success());
}

#[tokio::test]
async fn sigterm_lets_a_running_call_finish_and_ends_the_process_in_peace() {
    assert_ends_in_peace("TERM").await;
}

#[tokio::test]
async fn ctrl_c_lets_a_running_call_finish_and_ends_the_process_in_peace() {
    assert_ends_in_peace("INT").await;
}

#[tokio::test]
async fn a_second_sigterm_cuts_the_drain_short() {
    let mut process = Process::start(0, 30_000);
    let addr = process.addr().await;
    let client = Client::new(format!("http://{addr}")).unwrap();
    let call = tokio::spawn(client.call::<u8>("wait", ()).into_future());
    process.0.line("running").await;

    process.0.signal("TERM").await;
    refused(addr).await;
    assert!(!call.is_finished(), "the call still runs");
    process.0.signal("TERM").await;
    // The drain would take 30 s, and nothing ends the call.
    let drained = tokio::time::timeout(Duration::from_secs(15), process.0.line("drained")).await;
    assert!(drained.is_ok(), "the second signal is not heard");
    // A read of standard input cannot be interrupted, so the process ends only when its input ends.
    process.0.close_input();
    assert!(process.0.ended().await.success());
    assert!(call.await.unwrap().unwrap_err().failure().unwrap().is_transport());
}

/// Returns the server's readiness, read on a new connection.
async fn status(addr: SocketAddr) -> String {
    let client = Client::new(format!("http://{addr}")).unwrap();
    let report: Value = client.call("rpc.health", ()).await.unwrap();
    report["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn after_a_signal_the_server_is_not_ready_and_serves_on_until_a_second_one() {
    let mut process = Process::start(600_000, 30_000);
    let addr = process.addr().await;
    assert_eq!(status(addr).await, "ready");
    process.0.signal("TERM").await;
    while status(addr).await != "draining" {
        tokio::task::yield_now().await;
    }
    // Clients that have not noticed yet are still served.
    assert_eq!(status(addr).await, "draining");
    process.0.signal("INT").await;
    process.ended().await;
}

#[tokio::test]
async fn after_its_delay_the_server_ends() {
    let mut process = Process::start(200, 30_000);
    let addr = process.addr().await;
    assert_eq!(status(addr).await, "ready");
    process.0.signal("TERM").await;
    process.ended().await;
    refused(addr).await;
}

#[tokio::test]
async fn peers_that_are_idle_or_send_half_a_head_do_not_hold_the_end() {
    let mut process = Process::start(0, 600_000);
    let addr = process.addr().await;
    let silent = Connection::open(addr).await;
    let mut idle = Connection::open(addr).await;
    idle.send(&post(r#"{"jsonrpc":"2.0","method":"rpc.health","id":1}"#)).await;
    assert_eq!(idle.reply().await.status, 200);
    let mut half = Connection::open(addr).await;
    half.send(b"POST / HTTP/1.1\r\nhost: loc").await;
    process.0.signal("TERM").await;
    process.ended().await;
    drop((silent, idle, half));
}

#[tokio::test]
async fn peers_that_stall_in_a_body_or_read_nothing_do_not_hold_the_end_beyond_the_drain() {
    let mut process = Process::start(0, 500);
    let addr = process.addr().await;
    let mut unread = Connection::open(addr).await;
    unread.send(&post(r#"{"jsonrpc":"2.0","method":"large","id":1}"#)).await;
    let mut stalled = Connection::open(addr).await;
    let head = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    stalled.send(head).await;
    assert!(unread.sees(b"HTTP/1.1 200").await);
    process.0.signal("TERM").await;
    process.ended().await;
    drop((unread, stalled));
}

#[tokio::test]
async fn ctrl_c_has_no_delay() {
    let mut process = Process::start(600_000, 30_000);
    let addr = process.addr().await;
    // The server listens for signals once it serves, which is after it has printed its address.
    assert_eq!(status(addr).await, "ready");
    process.0.signal("INT").await;
    process.ended().await;
    refused(addr).await;
}

#[tokio::test]
async fn a_second_signal_right_after_the_first_is_heard() {
    for (one, other) in [("TERM", "INT"), ("INT", "TERM")] {
        let mut process = Process::start(600_000, 600_000);
        let addr = process.addr().await;
        let mut waiting = Connection::open(addr).await;
        waiting.send(&post(r#"{"jsonrpc":"2.0","method":"wait","id":1}"#)).await;
        process.0.line("running").await;
        process.0.signal(one).await;
        process.0.signal(other).await;
        process.0.line("drained").await;
        // A read of standard input cannot be interrupted.
        process.0.close_input();
        assert!(process.0.ended().await.success());
    }
}

/// HTTP/2's preface, and settings with a window of 0 for answers.
const NO_WINDOW: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";

/// The headers of a call, by their indices in HPACK's table.
const HEADERS: &[u8] = b"\0\0\x16\x01\x04\0\0\0\x01\x83\x86\x84\x0f\x10\x10application/json";

#[tokio::test]
async fn a_peer_that_never_answers_http2s_goodbye_does_not_hold_the_end() {
    let mut process = Process::start(0, 600_000);
    let mut peer = Connection::open(process.addr().await).await;
    peer.send(NO_WINDOW).await;
    // The server serves the connection once it has sent its own settings.
    assert!(peer.has_bytes_within(Duration::from_secs(20)).await);
    process.0.signal("TERM").await;
    process.ended().await;
}

#[tokio::test]
async fn an_answer_that_http2_has_no_window_for_does_not_hold_the_end_beyond_the_drain() {
    let mut process = Process::start(0, 500);
    let mut peer = Connection::open(process.addr().await).await;
    let call = br#"{"jsonrpc":"2.0","method":"large","id":1}"#;
    let data = [&[0, 0, u8::try_from(call.len()).unwrap(), 0, 1, 0, 0, 0, 1], &call[..]].concat();
    peer.send(&[NO_WINDOW, HEADERS, &data].concat()).await;
    assert!(peer.has_bytes_within(Duration::from_secs(20)).await);
    process.0.signal("TERM").await;
    process.ended().await;
}

#[tokio::test]
async fn a_signal_waits_for_the_hooks_of_drain_and_a_second_one_does_not() {
    for second in [false, true] {
        let mut process = Process::start_with(0, 30_000, true);
        let addr = process.addr().await;
        let client = Client::new(format!("http://{addr}")).unwrap();
        // The server listens for signals once it answers.
        assert!(client.call::<Value>("large", ()).await.is_ok());
        process.0.signal("INT").await;
        process.0.line("deregistering").await;
        assert!(client.call::<Value>("large", ()).await.is_ok());
        if second {
            process.0.signal("INT").await;
            process.0.line("drained").await;
            // A thread still reads standard input, so the process ends once there is some.
            process.0.tell(b"7").await;
        } else {
            process.0.tell(b"7").await;
            process.0.line("drained").await;
        }
        assert!(process.0.ended().await.success());
    }
}
