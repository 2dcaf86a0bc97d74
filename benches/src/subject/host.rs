//! What the processes of all subjects need: a runtime, a listener whose port the parent learns, and an
//! end with the parent.

use std::io::Read;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::Result;

/// Builds a runtime: `current_thread` for one thread, otherwise a multi-threaded one.
pub(crate) fn runtime(threads: usize) -> Result<Runtime> {
    let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    Ok(builder.enable_all().build()?)
}

/// Ends the process when its standard input closes: when the parent stops it or has ended.
///
/// The process must exit normally, because callgrind writes its counts on exit.
pub(super) fn exit_with_parent() {
    std::thread::spawn(|| {
        let mut ignored = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut ignored);
        std::process::exit(0);
    });
}

/// Listens on a free port, and prints it for the parent.
pub(super) async fn listen() -> Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?);
    Ok(listener)
}

/// Prints the port for the parent.
pub(super) fn announce(addr: SocketAddr) {
    println!("{}", addr.port());
}
