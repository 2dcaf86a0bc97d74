//! Clients that read streams as fast as they can. They have the core of the load generator.

use std::net::SocketAddr;
use std::time::Instant;

use super::host::runtime;
use super::streams::StreamServer;
use crate::Result;
use crate::subscriber::Subscriber;
use crate::workload::Pace;

/// How many items each client reads before the clock starts.
pub(crate) const WARM_UP: u64 = 100;

/// Opens a stream of each client, and reads `count` items of each. Prints how many seconds that took.
pub(super) fn run(server: StreamServer, pace: Pace, [clients, count]: [u64; 2], addr: SocketAddr) -> Result<()> {
    let seconds = runtime(1)?.block_on(async {
        read_all(server, pace, [clients, WARM_UP], addr).await?;
        let begin = Instant::now();
        read_all(server, pace, [clients, count], addr).await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(begin.elapsed().as_secs_f64())
    })?;
    println!("{seconds}");
    Ok(())
}

async fn read_all(server: StreamServer, pace: Pace, [clients, count]: [u64; 2], addr: SocketAddr) -> Result<()> {
    let running: Vec<_> = (0..clients).map(|_| tokio::spawn(read(server, pace, count, addr))).collect();
    for client in running {
        client.await??;
    }
    Ok(())
}

async fn read(server: StreamServer, pace: Pace, count: u64, addr: SocketAddr) -> Result<()> {
    let mut subscriber = Subscriber::to_ticks(server.wire(), addr, pace, count).await?;
    subscriber.read_ticks(count).await?;
    Ok(())
}
