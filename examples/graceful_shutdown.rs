//! Ends a server by a signal, as Kubernetes does. The server reports that it is not ready, serves for the shutdown
//! delay, and finishes the calls in flight.
//!
//! Run with: cargo run --example graceful_shutdown

use std::process::Command;
use std::time::Duration;

use rpc::health::Health;
use rpc::{Client, Limits, Server};
use tokio::sync::mpsc;
use tokio::time::sleep;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limits = Limits::default()
        // How long load balancers have to stop sending requests. Default: 5 s.
        .shutdown_delay(Duration::from_millis(500))
        // How long calls in flight have to end. Default: 30 s.
        .drain_timeout(Duration::from_secs(10));

    let (begun, mut has_begun) = mpsc::channel(1);
    let server = Server::builder()
        .limits(limits)
        .health(Health::new())
        .method("work", move || {
            let begun = begun.clone();
            async move {
                let _ = begun.send(()).await;
                sleep(Duration::from_secs(2)).await;
                "done"
            }
        })
        .build();
    let bound = server.bind("127.0.0.1:0").await?;
    let url = format!("http://{}", bound.local_addr());
    // `serve` returns when the server has ended.
    let serving = tokio::spawn(bound.serve());

    let client = Client::new(&url)?;
    let call = tokio::spawn(client.call::<String>("work", ()).into_future());
    has_begun.recv().await;
    println!("a call runs, and the server is {}", status(&client).await?);

    // Send the signal that `kill`, `docker stop` and the kubelet send.
    let pid = std::process::id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status()?.success());
    while status(&client).await? != "draining" {
        sleep(Duration::from_millis(5)).await;
    }
    println!("after the signal it is draining, and still serves new calls");

    println!("the call that ran: {}", call.await??);
    serving.await?;
    let late = client.call::<String>("work", ()).deadline(Duration::from_millis(200)).await;
    println!("a call after the end: {}", late.expect_err("nobody listens any more"));
    Ok(())
}

/// Returns whether the server is ready.
async fn status(client: &Client) -> Result<String, rpc::Error> {
    let report: serde_json::Value = client.call("rpc.health", ()).await?;
    Ok(report["status"].as_str().unwrap_or_default().to_owned())
}
