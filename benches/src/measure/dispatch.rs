//! Instructions and allocations from the request's bytes to the answer's, without HTTP.

use super::effort::Effort;
use crate::Result;
use crate::callgrind::Callgrind;
use crate::scenario::Scenario;
use crate::subject::dispatch::Dispatcher;
use crate::table::Table;

const SCENARIOS: [(Scenario, &str); 4] = [
    (Scenario::One, "one call"),
    (Scenario::Named, "one call, params by name"),
    (Scenario::Page, "a page of ten objects"),
    (Scenario::Batch(100), "a call in a batch of 100"),
];

pub(super) fn run(_: Effort) -> Result<Vec<Table>> {
    let callgrind = Callgrind::new()?;
    let columns = || Dispatcher::ALL.iter().map(|dispatcher| dispatcher.title());
    let mut instructions = Table::new("dispatch", "Instructions per call, dispatch in process", "", columns());
    let mut allocations =
        Table::new("dispatch-allocations", "Allocations per call, dispatch in process", "", columns());
    for (scenario, label) in SCENARIOS {
        eprintln!("  {label}");
        let cost = |dispatcher: &Dispatcher| {
            dispatcher.takes(scenario).then(|| callgrind.dispatch(*dispatcher, scenario, None)).transpose()
        };
        let costs: Vec<_> = Dispatcher::ALL.iter().map(cost).collect::<Result<_>>()?;
        instructions.row(label, costs.iter().map(|cost| cost.as_ref().map(|cost| cost.instructions)));
        allocations.row(label, costs.iter().map(|cost| cost.as_ref().map(|cost| cost.allocations)));
    }
    Ok(vec![instructions, allocations])
}
