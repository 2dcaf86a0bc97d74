//! Servers of streams, each in a process of its own.

use std::process::Command;

use crate::Result;
use crate::process::{ServerProcess, subject};
use crate::subject::runtime;
use crate::subject::streams::StreamServer;
use crate::subscriber::{NOTIFICATION, Subscriber};
use crate::workload::Pace;

/// Returns the command that starts a server.
pub(super) fn command(server: StreamServer) -> Result<Command> {
    subject(&["streams", &server.to_string()])
}

/// Starts a server, and checks that its notifications are those of the others.
pub(super) fn start(server: StreamServer, command: &mut Command) -> Result<ServerProcess> {
    let process = ServerProcess::start(command)?;
    let last = runtime(1)?.block_on(async {
        let mut subscriber = Subscriber::to_ticks(server.wire(), process.addr(), Pace::Burst, 2).await?;
        subscriber.read_ticks(2).await
    })?;
    // The random ids of jsonrpsee have 16 digits, and sometimes fewer.
    if last.len() > NOTIFICATION || last.len() + 3 < NOTIFICATION {
        return Err(format!("{server}: {:?} is not of {NOTIFICATION} bytes", String::from_utf8_lossy(&last)).into());
    }
    Ok(process)
}
