//! A server on standard input and output, for the tests of such processes. Its argument is the framing, `lines` or
//! `lengths`.

use std::io;
use std::time::Duration;

use futures_util::stream;
use rpc::{Framing, Limits, Server};
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

/// Answers once the process was told to end.
#[cfg(unix)]
async fn until_told() -> &'static str {
    let mut terminate = signal(SignalKind::terminate()).expect("the process may listen for signals");
    eprintln!("waiting");
    terminate.recv().await;
    "told"
}

#[cfg(not(unix))]
async fn until_told() -> &'static str {
    std::future::pending().await
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let framing = match std::env::args().nth(1).as_deref() {
        Some("lengths") => Framing::ContentLength,
        _ => Framing::Lines,
    };
    let server = Server::builder()
        .method("echo", |(text,): (String,)| async move { text })
        .method("large", || async { "x".repeat(1 << 20) })
        .method("until_told", until_told)
        .method("hang", || async {
            eprintln!("waiting");
            std::future::pending::<()>().await
        })
        .stream("silent", || async { stream::pending::<u64>() })
        .limits(Limits::default().write_progress_timeout(Duration::from_millis(100)))
        .build();
    rpc::stdio(server).framing(framing).await
}
