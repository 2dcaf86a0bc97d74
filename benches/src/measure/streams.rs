//! What a notification of a stream costs the servers, how fast they send, and the memory of an open stream.

mod fan_out;
#[cfg(feature = "peers")]
mod rate;
mod stream_process;
mod subscribers;
mod unread;

use super::effort::Effort;
use super::instructions::parts;
use crate::Result;
use crate::callgrind::Callgrind;
use crate::process::ServerProcess;
use crate::subject::runtime;
use crate::subject::streams::StreamServer;
use crate::subscriber::Subscriber;
use crate::table::Table;
use crate::workload::Pace;
use stream_process::{command, start};

const PACES: [(Pace, &str); 2] = [(Pace::Burst, "an item of a burst"), (Pace::Single, "an item alone")];

/// Counts the instructions, the allocations and the memory.
pub(super) fn count(_: Effort) -> Result<Vec<Table>> {
    let callgrind = Callgrind::new()?;
    let columns = || StreamServer::ALL.iter().map(|server| server.title());
    let mut instructions = Table::new("streams", "Instructions per notification, whole server", "", columns());
    let mut allocations = Table::new("streams-allocations", "Allocations per notification", "", columns());
    let mut tables = Vec::new();
    for (pace, label) in PACES {
        eprintln!("  {label}");
        let count = |server: &StreamServer| callgrind.stream(*server, pace);
        let costs: Vec<_> = StreamServer::ALL.iter().map(count).collect::<Result<_>>()?;
        instructions.row(label, costs.iter().map(|cost| Some(cost.instructions)));
        allocations.row(label, costs.iter().map(|cost| Some(cost.allocations)));
        let title = format!("Instructions by part, {label}");
        tables.push(parts(&format!("parts-stream-{pace}"), &title, columns(), &costs));
    }
    tables.splice(0..0, [instructions, allocations]);
    tables.push(idle()?);
    Ok(tables)
}

/// Compares the rates of the servers.
#[cfg(feature = "peers")]
pub(super) fn rate(effort: Effort) -> Result<Vec<Table>> {
    rate::run(effort)
}

/// Publishes events to many subscribers.
pub(super) fn fan_out(effort: Effort) -> Result<Vec<Table>> {
    Ok(vec![fan_out::run(effort)?])
}

/// Measures streams of which one is not read.
pub(super) fn unread(effort: Effort) -> Result<Vec<Table>> {
    Ok(vec![unread::run(effort)?])
}

const CONNECTIONS: usize = 2_000;

fn idle() -> Result<Table> {
    let columns = StreamServer::ALL.iter().map(|server| server.title());
    let mut table =
        Table::new("streams-idle", "Memory of a connection with an open stream that is idle, KiB", "", columns);
    let cells: Vec<_> =
        StreamServer::ALL.iter().map(|server| kib_per_stream(*server).map(Some)).collect::<Result<_>>()?;
    table.row("after one item", cells);
    Ok(table)
}

fn kib_per_stream(server: StreamServer) -> Result<f64> {
    let runtime = runtime(1)?;
    let process = runtime.block_on(start(server, &mut command(server)?))?;
    let grown = runtime.block_on(async {
        // The first connections allocate buffers and tables that later ones share.
        let first = open_idle(server, &process, 10).await?;
        let before = process.memory()?;
        let idle = open_idle(server, &process, CONNECTIONS).await?;
        let after = process.memory();
        drop((first, idle));
        after.map(|after| after.saturating_sub(before))
    })?;
    process.stop()?;
    Ok(grown as f64 / 1024.0 / CONNECTIONS as f64)
}

/// Opens streams that have sent one item.
async fn open_idle(server: StreamServer, process: &ServerProcess, count: usize) -> Result<Vec<Subscriber>> {
    let mut subscribers = Vec::new();
    for _ in 0..count {
        let mut subscriber = Subscriber::to_ticks(server.wire(), process.addr(), Pace::Idle, 1).await?;
        subscriber.read_ticks(1).await?;
        subscribers.push(subscriber);
    }
    Ok(subscribers)
}
