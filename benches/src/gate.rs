//! The gate in CI: it fails when a call costs more than recorded in `gate.json`.
//!
//! Instructions and allocations are repeatable where time is not. Of the instructions, only those in the program itself
//! count. The instructions of `memcpy` and `malloc` depend on the processor and the C library. The number of
//! allocations does not, and is compared separately. Raw hyper is counted too: if its numbers also changed, the cause
//! is the compiler or a dependency, not our code. Another compiler generates other code, so instructions are compared
//! only with the compiler that recorded them.
//!
//! Batches yield by the clock. On a slow machine, and under valgrind each machine is slow, they check the clock and
//! yield more often. So the clock checks do not count. Without HTTP the runtime does not count either, because it then
//! only lets batches yield.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::callgrind::{CallPart, Callgrind, PerCall};
use crate::process::{ServerProcess, subject};
use crate::results::{compiler, repository};
use crate::scenario::Scenario;
use crate::subject::client::Client;
use crate::subject::dispatch::Dispatcher;
use crate::subject::server::Server;
use crate::subject::streams::StreamServer;
use crate::workload::Pace;

/// The tolerated growth in instructions, as a share of the recorded ones.
const INSTRUCTIONS: f64 = 0.03;
/// The tolerated growth in allocations per call.
const ALLOCATIONS: f64 = 0.5;

/// The function in which a batch reads the clock.
const LOOK_AT_CLOCK: &str = "*time_slice::TimeSlice*look";

/// The maximum number of counts. The lowest count is taken. Over HTTP, a busy machine adds a few instructions to
/// batches, which yield by the clock.
const MAX_COUNTS: usize = 3;

/// The command that records again. It must use the features that CI builds: other features would compile the
/// dependencies differently.
const BLESS: &str = "cargo run --profile bench -p rpc-benches -- gate --bless";

/// The recorded costs.
#[derive(Deserialize, Serialize)]
struct Recorded {
    compiler: String,
    costs: BTreeMap<String, Cost>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Cost {
    instructions: u64,
    allocations: f64,
}

impl From<PerCall> for Cost {
    fn from(cost: PerCall) -> Self {
        let hundredths = (cost.allocations * 100.0).round() / 100.0;
        Self { instructions: cost.own_instructions.round() as u64, allocations: hundredths }
    }
}

impl Cost {
    /// Leaves the instructions of the runtime out.
    fn of_dispatch(mut cost: PerCall) -> Self {
        cost.own_instructions -= cost.parts.get(&CallPart::Runtime).copied().unwrap_or_default();
        cost.into()
    }
}

/// Compares the costs, or records them with `bless`.
pub(crate) fn run(bless: bool) -> Result<()> {
    let (compiler, mut costs) = (compiler()?, count()?);
    if bless {
        for _ in 1..MAX_COUNTS {
            keep_least(&mut costs, count()?);
        }
        let text = serde_json::to_string_pretty(&Recorded { compiler, costs })?;
        return Ok(fs::write(path(), text + "\n")?);
    }
    let recorded: Recorded = serde_json::from_str(&fs::read_to_string(path())?)?;
    let same_compiler = recorded.compiler == compiler;
    if !same_compiler {
        eprintln!("recorded with {}, this is {compiler}: only allocations are compared", recorded.compiler);
    }
    for _ in 1..MAX_COUNTS {
        if same_compiler && is_any_worse(&recorded.costs, &costs) {
            println!("a call costs more than recorded: counting again");
            keep_least(&mut costs, count()?);
        }
    }
    let mut verdict = Verdict::Same;
    for (name, new) in &costs {
        let old = recorded.costs.get(name).ok_or_else(|| format!("{name} is not recorded; bless it: {BLESS}"))?;
        let each = Verdict::of(*old, *new, same_compiler);
        println!("{}", line(name, *old, *new, each));
        // Raw hyper is only for comparison. It is not our code.
        if !name.starts_with("raw") {
            verdict = verdict.max(each);
        }
    }
    conclude(verdict)
}

/// Returns whether any of our own costs exceeds the recorded one.
fn is_any_worse(recorded: &BTreeMap<String, Cost>, costs: &BTreeMap<String, Cost>) -> bool {
    costs
        .iter()
        .filter(|(name, _)| !name.starts_with("raw"))
        .any(|(name, new)| recorded.get(name).is_some_and(|old| Verdict::of(*old, *new, true) == Verdict::Worse))
}

/// Replaces each cost by that of another count where the other has fewer instructions.
fn keep_least(costs: &mut BTreeMap<String, Cost>, again: BTreeMap<String, Cost>) {
    for (name, new) in again {
        let least = costs.entry(name).or_insert(new);
        if new.instructions < least.instructions {
            *least = new;
        }
    }
}

fn conclude(verdict: Verdict) -> Result<()> {
    match verdict {
        Verdict::Same => println!("nothing costs more than recorded"),
        Verdict::Improved => println!("improved, bless it: {BLESS}"),
        Verdict::Worse => {
            return Err(format!(
                "a call costs more than recorded. If it must, say why in the commit, and bless it: {BLESS}"
            )
            .into());
        }
    }
    Ok(())
}

fn line(name: &str, old: Cost, new: Cost, verdict: Verdict) -> String {
    let change = change(old, new) * 100.0;
    let verdict = match verdict {
        Verdict::Same => "",
        Verdict::Improved => "  improved",
        Verdict::Worse => "  WORSE",
    };
    format!(
        "{name:<46} instructions {:>6} -> {:>6} ({change:+.1} %)   allocations {:>5.2} -> {:>5.2}{verdict}",
        old.instructions, new.instructions, old.allocations, new.allocations
    )
}

/// Returns the relative growth in instructions.
fn change(old: Cost, new: Cost) -> f64 {
    new.instructions as f64 / old.instructions as f64 - 1.0
}

/// The result of a comparison. Of several results, the greatest counts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Verdict {
    Same,
    Improved,
    Worse,
}

impl Verdict {
    fn of(old: Cost, new: Cost, same_compiler: bool) -> Self {
        let instructions = if same_compiler { change(old, new) } else { 0.0 };
        let allocations = new.allocations - old.allocations;
        if instructions > INSTRUCTIONS || allocations > ALLOCATIONS {
            Self::Worse
        } else if instructions < -INSTRUCTIONS || allocations < -ALLOCATIONS {
            Self::Improved
        } else {
            Self::Same
        }
    }
}

fn count() -> Result<BTreeMap<String, Cost>> {
    let callgrind = Callgrind::new()?.without(LOOK_AT_CLOCK);
    let beside = ServerProcess::start(&mut subject(&["server", &Server::Ours.to_string()])?)?;
    let mut costs = BTreeMap::new();
    for (scenario, what) in [(Scenario::One, "one call"), (Scenario::Batch(100), "call in a batch")] {
        let layered = ("ours with two layers", Dispatcher::Layered);
        for (who, dispatcher) in [("ours", Dispatcher::Ours), layered, ("raw", Dispatcher::Raw)] {
            let cost = callgrind.dispatch(dispatcher, scenario, None)?;
            costs.insert(format!("{who}, dispatch, {what}"), Cost::of_dispatch(cost));
        }
        for (who, server) in [("ours", Server::Ours), ("raw", Server::Raw)] {
            costs.insert(format!("{who}, server, {what}"), callgrind.server(server, scenario)?.into());
        }
        for (who, client) in [("ours", Client::Ours), ("raw", Client::Bytes)] {
            costs.insert(format!("{who}, client, {what}"), callgrind.client(client, scenario, &beside.url())?.into());
        }
    }
    beside.stop()?;
    for (pace, what) in [(Pace::Burst, "notification of a burst"), (Pace::Single, "notification alone")] {
        let servers = [
            ("ours, server over SSE", StreamServer::Ours),
            ("ours, server over WebSocket", StreamServer::OursWebSocket),
            ("raw, server over SSE", StreamServer::Raw),
        ];
        for (who, server) in servers {
            costs.insert(format!("{who}, {what}"), callgrind.stream(server, pace)?.into());
        }
    }
    let many = callgrind.endpoints("peak_ewma", 1_000)?;
    costs.insert("ours, client of 1,000 endpoints in memory".to_owned(), many.into());
    Ok(costs)
}

fn path() -> PathBuf {
    repository().join("benches/gate.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Cost = Cost { instructions: 1_000, allocations: 5.0 };

    fn verdict(instructions: u64, allocations: f64, same_compiler: bool) -> Verdict {
        Verdict::of(OLD, Cost { instructions, allocations }, same_compiler)
    }

    #[test]
    fn instructions_beyond_the_tolerance_are_worse() {
        assert_eq!(verdict(1_029, 5.0, true), Verdict::Same);
        assert_eq!(verdict(1_031, 5.0, true), Verdict::Worse);
        assert_eq!(verdict(960, 5.0, true), Verdict::Improved);
    }

    #[test]
    fn of_several_counts_the_least_is_compared() {
        let count = |instructions| {
            let costs = [("ours", instructions), ("raw", 2_000)];
            let cost = |instructions| Cost { instructions, allocations: 5.0 };
            BTreeMap::from(costs.map(|(name, instructions)| (name.to_owned(), cost(instructions))))
        };
        let (recorded, mut costs) = (count(1_000), count(1_100));
        assert!(is_any_worse(&recorded, &costs));
        keep_least(&mut costs, count(1_200));
        assert_eq!(costs, count(1_100));
        keep_least(&mut costs, count(1_010));
        assert_eq!(costs, count(1_010));
        assert!(!is_any_worse(&recorded, &costs));
    }

    #[test]
    fn one_more_allocation_is_worse_whatever_else_improved() {
        assert_eq!(verdict(900, 6.0, true), Verdict::Worse);
        assert_eq!(verdict(1_000, 4.0, true), Verdict::Improved);
    }

    #[test]
    fn with_another_compiler_only_allocations_count() {
        assert_eq!(verdict(2_000, 5.0, false), Verdict::Same);
        assert_eq!(verdict(1_000, 6.0, false), Verdict::Worse);
    }
}
