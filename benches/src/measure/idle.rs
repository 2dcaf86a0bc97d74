//! The cost of a kept connection while it is idle.

use super::effort::Effort;
use crate::Result;
use crate::connection::{Connection, request};
use crate::process::{ServerProcess, subject};
use crate::scenario::Scenario;
use crate::subject::server::Server;
use crate::table::Table;

const CONNECTIONS: usize = 2_000;

pub(super) fn run(_: Effort) -> Result<Vec<Table>> {
    let columns = Server::ALL.iter().map(|server| server.title());
    let mut table = Table::new("idle", "Memory of an idle connection, KiB", "", columns);
    let cells: Vec<_> =
        Server::ALL.iter().map(|server| kib_per_connection(*server).map(Some)).collect::<Result<_>>()?;
    table.row("after one call", cells);
    Ok(vec![table])
}

fn kib_per_connection(server: Server) -> Result<f64> {
    let process = ServerProcess::start(&mut subject(&["server", &server.to_string()])?)?;
    let request = request(&Scenario::One.request());
    let connect = || {
        let mut connection = Connection::open(process.addr())?;
        Scenario::One.check(connection.send(&request)?)?;
        Ok(connection)
    };
    // The first connections allocate buffers and tables that later ones share.
    let first: Vec<Connection> = (0..10).map(|_| connect()).collect::<Result<_>>()?;
    let before = process.memory()?;
    let idle: Vec<Connection> = (0..CONNECTIONS).map(|_| connect()).collect::<Result<_>>()?;
    let after = process.memory()?;
    drop((first, idle));
    process.stop()?;
    Ok(after.saturating_sub(before) as f64 / 1024.0 / CONNECTIONS as f64)
}
