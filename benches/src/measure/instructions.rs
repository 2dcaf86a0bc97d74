//! Instructions and allocations of the servers, and the parts that the instructions belong to.

use super::effort::Effort;
use crate::Result;
use crate::callgrind::{CallPart, Callgrind, PerCall};
use crate::scenario::Scenario;
use crate::subject::server::Server;
use crate::table::Table;

const SCENARIOS: [(Scenario, &str); 5] = [
    (Scenario::One, "one call"),
    (Scenario::Named, "one call, params by name"),
    (Scenario::Page, "a page of ten objects"),
    (Scenario::Text, "an echo of 10 KiB"),
    (Scenario::Batch(100), "a call in a batch of 100"),
];

pub(super) fn run(_: Effort) -> Result<Vec<Table>> {
    let callgrind = Callgrind::new()?;
    let columns = || Server::ALL.iter().map(|server| server.title());
    let mut instructions = Table::new("instructions", "Instructions per call, whole server", "", columns());
    let mut allocations = Table::new("allocations", "Allocations per call, whole server", "", columns());
    let mut tables = Vec::new();
    for (scenario, label) in SCENARIOS {
        eprintln!("  {label}");
        let costs: Vec<_> =
            Server::ALL.iter().map(|server| callgrind.server(*server, scenario)).collect::<Result<_>>()?;
        instructions.row(label, costs.iter().map(|cost| Some(cost.instructions)));
        allocations.row(label, costs.iter().map(|cost| Some(cost.allocations)));
        if matches!(scenario, Scenario::One | Scenario::Batch(_)) {
            let title = format!("Instructions by part, {label}");
            tables.push(parts(&format!("parts-{scenario}"), &title, columns(), &costs));
        }
    }
    tables.splice(0..0, [instructions, allocations]);
    Ok(tables)
}

/// Builds a table with a row for each part that at least one subject has.
pub(super) fn parts<'a>(id: &str, title: &str, columns: impl IntoIterator<Item = &'a str>, costs: &[PerCall]) -> Table {
    let mut table = Table::new(id, title, "part", columns);
    for part in CallPart::ALL {
        let cells: Vec<_> =
            costs.iter().map(|cost| cost.parts.get(part).copied().filter(|count| *count >= 1.0)).collect();
        if cells.iter().any(Option::is_some) {
            table.row(part.title(), cells);
        }
    }
    table
}
