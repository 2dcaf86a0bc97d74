//! Servers of streams, each in a process of its own.

use std::process::Command;

use crate::Result;
use crate::process::{ServerProcess, subject};
use crate::subject::streams::StreamServer;
use crate::subscriber::{NOTIFICATION, Subscriber};
use crate::workload::Pace;

/// Returns the command that starts a server.
pub(super) fn command(server: StreamServer) -> Result<Command> {
    subject(&["streams", &server.to_string()])
}

/// Starts a server, and checks that its notifications are those of the others.
pub(super) async fn start(server: StreamServer, command: &mut Command) -> Result<ServerProcess> {
    let process = ServerProcess::start(command)?;
    let last = Subscriber::to_ticks(server.wire(), process.addr(), Pace::Burst, 2).await?.read_ticks(2).await?;
    // The random ids of jsonrpsee have 16 digits, and sometimes fewer. Those of our older form have four bytes more.
    if last.len() > NOTIFICATION + 4 || last.len() + 3 < NOTIFICATION {
        return Err(format!("{server}: {:?} is not of {NOTIFICATION} bytes", String::from_utf8_lossy(&last)).into());
    }
    Ok(process)
}
