//! The cost of layers that an application puts around our router.

use super::effort::Effort;
use crate::Result;
use crate::callgrind::Callgrind;
use crate::scenario::Scenario;
use crate::subject::server::Server;
use crate::table::Table;

pub(super) fn run(_: Effort) -> Result<Vec<Table>> {
    let callgrind = Callgrind::new()?;
    let columns = Server::LAYERED.iter().map(|server| server.title());
    let mut table = Table::new("layers", "Instructions per call, with layers of axum", "", columns);
    for (scenario, label) in [(Scenario::One, "one call"), (Scenario::Batch(100), "a call in a batch of 100")] {
        let cost = |server: &Server| Ok(Some(callgrind.server(*server, scenario)?.instructions));
        table.row(label, Server::LAYERED.iter().map(cost).collect::<Result<Vec<_>>>()?);
    }
    Ok(vec![table])
}
