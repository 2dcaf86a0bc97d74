//! Whether the cost of a call stays the same with more methods and in longer batches.

use super::effort::Effort;
use crate::Result;
use crate::callgrind::Callgrind;
use crate::scenario::Scenario;
use crate::subject::dispatch::Dispatcher;
use crate::table::{Table, grouped};

const METHODS: [usize; 3] = [10, 100, 1_000];
const ENTRIES: [usize; 4] = [10, 100, 1_000, 10_000];

pub(super) fn run(_: Effort) -> Result<Vec<Table>> {
    let callgrind = Callgrind::new()?;
    let columns = || Dispatcher::ALL.iter().map(|dispatcher| dispatcher.title());
    let mut methods = Table::new("growth-methods", "Instructions per call by number of methods", "methods", columns());
    for count in METHODS {
        let cost = |dispatcher: &Dispatcher| match dispatcher {
            // The hand-written dispatcher is a `match`, so it has no number of methods to set.
            Dispatcher::Raw => Ok(None),
            _ => Ok(Some(callgrind.dispatch(*dispatcher, Scenario::One, Some(count))?.instructions)),
        };
        methods.row(grouped(count), Dispatcher::ALL.iter().map(cost).collect::<Result<Vec<_>>>()?);
    }
    let mut entries =
        Table::new("growth-entries", "Instructions per entry by length of the batch", "entries", columns());
    for count in ENTRIES {
        let scenario = Scenario::Batch(count);
        let cost = |dispatcher: &Dispatcher| {
            let cost =
                dispatcher.takes(scenario).then(|| callgrind.dispatch(*dispatcher, scenario, None)).transpose()?;
            Ok(cost.map(|cost| cost.instructions))
        };
        entries.row(grouped(count), Dispatcher::ALL.iter().map(cost).collect::<Result<Vec<_>>>()?);
    }
    Ok(vec![methods, entries])
}
