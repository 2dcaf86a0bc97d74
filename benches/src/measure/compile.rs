//! The cost of a service each time its crate is compiled.

use super::effort::Effort;
use crate::Result;
use crate::compile::{self, Times};
use crate::results::repository;
use crate::stats::Spread;
use crate::table::Table;

/// A round takes half a minute. The first build of the dependencies takes several minutes more.
const ROUNDS: usize = 5;

/// The peer that the others are compared with.
const BASE: &str = "jsonrpsee";

pub(super) fn run(effort: Effort) -> Result<Vec<Table>> {
    let repository = repository();
    let times = compile::run(&repository, &repository.join("target/compile"), effort.rounds.min(ROUNDS))?;
    let base = times.iter().find(|times| times.name == BASE).ok_or("there is nothing to compare with")?;
    let columns = || times.iter().map(|times| title(times.name));
    let mut seconds = Table::new("compile", "Compiling a service of 100 methods, seconds", "", columns());
    let mut ratios = Table::new("compile-ratio", "Compiling a service of 100 methods, jsonrpsee = 1.00", "", columns());
    let rows: [(&str, TimesField); 2] =
        [("`cargo check` after an edit", |times| &times.check), ("building the crate", |times| &times.build)];
    for (label, part) in rows {
        seconds.row(label, times.iter().map(|times| Some(Spread::of(part(times).to_vec()))));
        ratios.row(label, times.iter().map(|times| Some(ratio(part(times), part(base)))));
    }
    Ok(vec![ratios, seconds])
}

/// Selects one of the timed values.
type TimesField = fn(&Times) -> &[f64];

fn title(name: &'static str) -> &'static str {
    match name {
        "ours" => "**ours**",
        "by-hand" => "by hand",
        other => other,
    }
}

/// Compares with the time of the base in the same round.
fn ratio(values: &[f64], base: &[f64]) -> Spread {
    Spread::of(values.iter().zip(base).map(|(value, base)| value / base).collect())
}
