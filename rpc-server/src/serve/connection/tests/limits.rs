//! Limits at their extremes.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::{ConnectionOrder, PING, Served, request, served_with};
use crate::Limits;

type Change = (&'static str, fn(&mut Limits));

macro_rules! extremes {
    ($($limit:ident: $zero:expr, $most:expr;)*) => {
        [$((concat!(stringify!($limit), " = ", stringify!($zero)), |limits| limits.$limit = $zero),
            (concat!(stringify!($limit), " = ", stringify!($most)), |limits| limits.$limit = $most)),*]
    };
}

const EXTREMES: [Change; 44] = extremes! {
    max_request_bytes: 0, usize::MAX;
    max_response_bytes: 0, usize::MAX;
    max_batch_entries: 0, usize::MAX;
    max_id_bytes: 0, usize::MAX;
    max_method_bytes: 0, usize::MAX;
    max_batch_concurrency: 0, usize::MAX;
    max_calls_in_flight: 0, usize::MAX;
    max_buffered_bytes: 0, usize::MAX;
    handler_timeout: Duration::ZERO, Duration::MAX;
    key_wait_timeout: Duration::ZERO, Duration::MAX;
    body_timeout: Duration::ZERO, Duration::MAX;
    body_progress_timeout: Duration::ZERO, Duration::MAX;
    max_header_bytes: 0, usize::MAX;
    max_headers: 0, usize::MAX;
    max_connections: 0, usize::MAX;
    max_concurrent_streams: 1, u32::MAX;
    max_connection_age: Duration::ZERO, Duration::MAX;
    header_timeout: Duration::from_nanos(1), Duration::MAX;
    write_progress_timeout: Duration::from_nanos(1), Duration::MAX;
    idle_timeout: Duration::from_nanos(1), Duration::MAX;
    shutdown_delay: Duration::ZERO, Duration::MAX;
    drain_timeout: Duration::ZERO, Duration::MAX;
};

/// Makes a call, a batch and a call with a large answer that fits into a window of HTTP/2, and closes. Any of them may
/// fail.
async fn use_connection(change: impl Fn(&mut Limits) + Copy) -> [String; 2] {
    let batch = format!("[{PING},{PING}]");
    let large = r#"{"jsonrpc":"2.0","method":"text","params":[50000],"id":1}"#;
    let http1 = [PING, &batch, large].map(request).concat();
    let mut http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for (stream, body) in [(1, PING), (3, &batch), (5, large)] {
        http2.extend_from_slice(&[0, 0, 22, 1, 4, 0, 0, 0, stream]);
        http2.extend_from_slice(b"\x83\x86\x84\x0f\x10\x10application/json");
        http2.extend_from_slice(&[0, 0, u8::try_from(body.len()).unwrap(), 0, 1, 0, 0, 0, stream]);
        http2.extend_from_slice(body.as_bytes());
    }
    let mut answers = [const { String::new() }; 2];
    for (bytes, answer) in [http1.into_bytes(), http2].into_iter().zip(&mut answers) {
        let Served { mut peer, state, task } = served_with(change);
        let _ = peer.write_all(&bytes).await;
        sleep(Duration::from_secs(1)).await;
        state.tell(ConnectionOrder::Close);
        let mut read = Vec::new();
        let _ = peer.read_to_end(&mut read).await;
        *answer = String::from_utf8_lossy(&read).into_owned();
        task.await.expect("the connection does not panic");
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn no_limit_at_an_extreme_makes_a_connection_panic_or_hang() {
    for (name, change) in EXTREMES {
        let used = tokio::time::timeout(Duration::from_secs(3600), use_connection(change));
        let answers = used.await.unwrap_or_else(|_| panic!("{name}: the connection hangs"));
        if name.ends_with("MAX") {
            let pong = r#""result":"pong""#;
            assert!(answers.iter().all(|answer| answer.contains(pong)), "{name}: {answers:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_limits_may_be_as_large_as_they_can_be() {
    let most = |limits: &mut Limits| {
        for (name, change) in EXTREMES {
            if name.ends_with("MAX") {
                change(limits);
            }
        }
    };
    let answers = use_connection(most).await;
    assert!(answers.iter().all(|answer| answer.matches("pong").count() == 3), "{answers:?}");
    let Served { peer, task, .. } = served_with(most);
    drop(peer);
    task.await.unwrap();
}
