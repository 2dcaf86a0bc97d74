//! The cost of a call with the profiles that users build with: cargo's plain `release`, thin LTO and fat LTO.
//!
//! Only fat LTO inlines freely across crates. Otherwise, a function is inlined into another crate only if it is
//! generic, tiny or marked. So this shows how much our crates depend on the linker. Raw hyper is built the same way,
//! with the same dependencies.

use std::path::PathBuf;
use std::process::Command;

use crate::Result;
use crate::callgrind::Callgrind;
use crate::results::repository;
use crate::scenario::Scenario;
use crate::subject::dispatch::Dispatcher;
use crate::subject::server::Server;
use crate::table::Table;

const SCENARIOS: [(Scenario, &str); 2] =
    [(Scenario::One, "one call"), (Scenario::Batch(100), "a call in a batch of 100")];

/// The profiles of cargo, each with its name in the tables.
const PROFILES: [(&str, &str); 3] = [("release", "plain `release`"), ("bench-thin", "thin LTO"), (FAT, "fat LTO")];

/// The profile that all other tables are measured with.
const FAT: &str = "bench";

pub(super) fn run() -> Result<Vec<Table>> {
    let mut counted = Vec::new();
    for (profile, label) in PROFILES {
        eprintln!("  {label}");
        let callgrind = Callgrind::of(build(profile)?)?;
        for (scenario, _) in SCENARIOS {
            let server = |server| Ok(callgrind.server(server, scenario)?.instructions);
            let dispatch = |dispatcher| Ok(callgrind.dispatch(dispatcher, scenario, None)?.instructions);
            counted.push(ProfileCost {
                profile,
                scenario,
                server: InstructionPair::of(server, Server::Raw, Server::Ours)?,
                dispatch: InstructionPair::of(dispatch, Dispatcher::Raw, Dispatcher::Ours)?,
            });
        }
    }
    Ok(vec![
        table(
            Table::new("profiles", "Instructions per call by profile, whole server", "", COLUMNS),
            &counted,
            |counted| counted.server,
        ),
        table(
            Table::new("profiles-dispatch", "Instructions per call by profile, dispatch in process", "", COLUMNS),
            &counted,
            |counted| counted.dispatch,
        ),
    ])
}

/// The costs of both with one profile in one scenario.
struct ProfileCost {
    profile: &'static str,
    scenario: Scenario,
    server: InstructionPair,
    dispatch: InstructionPair,
}

/// The instructions per call of the hand-written server, and of ours.
#[derive(Clone, Copy)]
struct InstructionPair {
    by_hand: f64,
    ours: f64,
}

impl InstructionPair {
    fn of<S>(cost: impl Fn(S) -> Result<f64>, by_hand: S, ours: S) -> Result<Self> {
        Ok(Self { by_hand: cost(by_hand)?, ours: cost(ours)? })
    }

    fn ratio(self) -> f64 {
        self.ours / self.by_hand
    }
}

const COLUMNS: [&str; 4] = ["by hand", "**ours**", "ratio", "ratio, fat LTO = 1.00"];

/// Builds a table with a row for each scenario and profile.
fn table(mut table: Table, counted: &[ProfileCost], pair: fn(&ProfileCost) -> InstructionPair) -> Table {
    for (scenario, what) in SCENARIOS {
        let find = |profile| {
            counted.iter().find(|counted| counted.profile == profile && counted.scenario == scenario).map(pair)
        };
        for (profile, label) in PROFILES {
            let (cost, fat) = (find(profile), find(FAT));
            let ratio = cost.map(InstructionPair::ratio);
            let beside_fat = ratio.zip(fat).map(|(ratio, fat)| ratio / fat.ratio());
            let cells = [cost.map(|cost| cost.by_hand), cost.map(|cost| cost.ours), ratio, beside_fat];
            table.row(format!("{what}, {label}"), cells);
        }
    }
    table
}

/// Builds this program with a profile, without the peers, and returns the path of the binary.
///
/// Each profile has its own directory, because `bench` and `release` would write to the same file: the running one.
fn build(profile: &str) -> Result<PathBuf> {
    let repository = repository();
    let target = repository.join("target/profiles").join(profile);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "rpc-benches", "--profile", profile, "--target-dir"]).arg(&target);
    let status = command.current_dir(repository).status()?;
    if !status.success() {
        return Err(format!("the profile {profile} does not build").into());
    }
    // Cargo names the directory after the profile, but that of `bench` is `release`.
    let directory = if profile == FAT { "release" } else { profile };
    Ok(target.join(directory).join("rpc-benches"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratio_of_each_profile_is_compared_with_that_of_fat_lto() {
        let counted: Vec<_> = PROFILES
            .iter()
            .zip([150.0, 120.0, 100.0])
            .map(|((profile, _), ours)| {
                let pair = InstructionPair { by_hand: 200.0, ours };
                ProfileCost { profile, scenario: Scenario::One, server: pair, dispatch: pair }
            })
            .collect();
        let table = table(Table::new("toy", "Toys", "", COLUMNS), &counted, |counted| counted.server);
        assert_eq!(table.median("one call, plain `release`", "ratio"), Some(0.75));
        assert_eq!(table.median("one call, plain `release`", COLUMNS[3]), Some(1.5));
        assert_eq!(table.median("one call, fat LTO", COLUMNS[3]), Some(1.0));
        assert_eq!(table.median("a call in a batch of 100, fat LTO", "ratio"), None);
    }
}
