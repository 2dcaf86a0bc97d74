//! How TLS connections end when their server does.

use std::sync::Arc;
use std::time::Duration;

use rpc::Limits;
use support::raw_http::post;
use support::serve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, Semaphore};

use super::{Raw, builder, client, result, tls_of};
use crate::tls::Authority;

#[tokio::test]
async fn a_shutdown_finishes_what_runs_and_says_goodbye_to_all() {
    let authority = Authority::new();
    let (runs, gate) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let shared = (Arc::clone(&runs), Arc::clone(&gate));
    let wait = move || {
        let (runs, gate) = shared.clone();
        async move {
            runs.notify_one();
            gate.acquire().await.unwrap().forget();
            "done"
        }
    };
    let mut limits = Limits::default();
    limits.drain_timeout = Duration::from_secs(60);
    let server = builder().limits(limits).method("wait", wait).tls(tls_of(&authority)).build();
    let handle = server.bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = handle.local_addr();

    let connect = || Raw::connect(addr, authority.client());
    let (mut fresh, mut idle, mut busy) = (connect().await, connect().await, connect().await);
    assert_eq!(idle.call("ping").await, result(r#""pong""#));
    busy.send("wait").await;
    runs.notified().await;
    let client = client(addr, authority.client());
    let call = tokio::spawn(async move { client.call::<String>("wait", ()).await });
    runs.notified().await;

    let shutdown = tokio::spawn(handle.shutdown());
    // rustls reports an error if a connection ends without a TLS closure alert.
    for connection in [&mut fresh, &mut idle] {
        assert_eq!(connection.0.read(&mut [0; 64]).await.unwrap(), 0);
    }
    gate.add_permits(2);
    assert_eq!(busy.answer().await, result(r#""done""#));
    assert_eq!(busy.0.read(&mut [0; 64]).await.unwrap(), 0);
    assert_eq!(call.await.unwrap().unwrap(), "done");
    shutdown.await.unwrap();
}

#[tokio::test]
async fn a_peer_that_has_nothing_more_to_say_is_answered_within_a_second_and_not_later() {
    let authority = Authority::new();
    let pause = |(millis,): (u64,)| tokio::time::sleep(Duration::from_millis(millis));
    let addr = serve(&builder().method("pause", pause).tls(tls_of(&authority)).build()).await;
    for (millis, answered) in [(0, true), (200, true), (20_000, false)] {
        let mut raw = Raw::connect(addr, authority.client()).await;
        let body = format!(r#"{{"jsonrpc":"2.0","method":"pause","params":[{millis}],"id":1}}"#);
        raw.0.write_all(&post(body)).await.unwrap();
        // The TLS closure alert comes first, then the end of TCP.
        raw.0.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = raw.0.read_to_end(&mut answer).await;
        assert_eq!(answer.ends_with(result("null").as_bytes()), answered, "{}", String::from_utf8_lossy(&answer));
    }
}
