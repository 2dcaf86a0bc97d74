//! What the command `rpc bench` costs in a closed loop, compared with our client in a bare loop: the server on one
//! core, the client on the other.
//!
//! Each round measures both, in an order that alternates, and compares them with each other.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

use crate::Result;
use crate::process::{LOAD_CORE, SERVER_CORE, ServerProcess, cpu_of_children, pinned, subject};
use crate::results::repository;
use crate::stats::Spread;
use crate::subject::server::Server;
use crate::table::Table;

/// The number of callers, the number of their calls, and the label of the row.
const LOADS: [(usize, usize, &str); 3] =
    [(1, 20_000, "1 caller"), (16, 60_000, "16 callers"), (64, 60_000, "64 callers")];

const COLUMNS: [&str; 5] = ["bare loop", "**`rpc bench`**", "ratio", "lowest ratio", "highest ratio"];

/// What one run has measured.
#[derive(Clone, Copy, Debug)]
struct Visit {
    /// Calls per second of the clock.
    rate: f64,
    /// The CPU time of the client's whole process for one call, in microseconds.
    cpu: f64,
}

pub(super) fn run(rounds: usize, quick: bool) -> Result<Vec<Table>> {
    let program = build()?;
    let server = ServerProcess::start(&mut pinned(SERVER_CORE, &subject(&["server", &Server::Ours.to_string()])?))?;
    let mut rate = Table::new("cli", "Calls per second of a client on one core", "", COLUMNS);
    let mut cpu = Table::new("cli-cpu", "CPU time per call of a client, microseconds", "", COLUMNS);
    for (callers, calls, label) in LOADS {
        eprintln!("  {label}");
        let calls = if quick { calls / 10 } else { calls };
        let visits = visit_all(&program, &server, [callers, calls], rounds)?;
        rate.row(label, cells(&visits, |visit| visit.rate, |[bare, cli]| cli.rate / bare.rate));
        cpu.row(label, cells(&visits, |visit| visit.cpu, |[bare, cli]| bare.cpu / cli.cpu));
    }
    server.stop()?;
    Ok(vec![rate, cpu])
}

/// Measures the bare loop and the command in each round.
fn visit_all(program: &Path, server: &ServerProcess, load: [usize; 2], rounds: usize) -> Result<Vec<[Visit; 2]>> {
    let [callers, calls] = load.map(|number| number.to_string());
    let mut visits = Vec::new();
    for round in 0..rounds {
        let bare = || visit(&subject(&["bare-loop", &callers, &calls, &server.url()])?, load[1]);
        let cli = || {
            let mut command = Command::new(program);
            command.args(["bench", &server.url(), "subtract", "[42,23]", "--readonly", "--json"]);
            visit(command.args(["-c", &callers, "--requests", &calls]), load[1])
        };
        visits.push(if round % 2 == 0 {
            let bare = bare()?;
            [bare, cli()?]
        } else {
            let cli = cli()?;
            [bare()?, cli]
        });
    }
    Ok(visits)
}

fn visit(command: &Command, calls: usize) -> Result<Visit> {
    let before = cpu_of_children()?;
    let output = pinned(LOAD_CORE, command).output()?;
    let spent = cpu_of_children()? - before;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(String::from_utf8_lossy(&said).into());
    }
    let elapsed: Elapsed = String::from_utf8(output.stdout)?.parse()?;
    let calls = calls as f64;
    Ok(Visit { rate: calls / elapsed.0.as_secs_f64(), cpu: spent.as_secs_f64() * 1e6 / calls })
}

/// How long the calls took, as both programs print it in a JSON object.
struct Elapsed(Duration);

impl FromStr for Elapsed {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(text: &str) -> Result<Self> {
        let report: serde_json::Value = serde_json::from_str(text)?;
        let seconds = report["elapsed_s"].as_f64().ok_or("the client has printed no time")?;
        Ok(Self(Duration::from_secs_f64(seconds)))
    }
}

/// Returns the cells of a row: both values, and the median, the smallest and the largest of their ratios.
fn cells(visits: &[[Visit; 2]], value: fn(&Visit) -> f64, ratio: fn(&[Visit; 2]) -> f64) -> [Option<Spread>; 5] {
    let of = |place: usize| Spread::of(visits.iter().map(|visit| value(&visit[place])).collect());
    let ratios: Vec<f64> = visits.iter().map(ratio).collect();
    let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = ratios.iter().copied().fold(0.0, f64::max);
    [of(0), of(1), Spread::of(ratios), lowest.into(), highest.into()].map(Some)
}

/// Builds the command as it is measured, and returns the path of its binary.
///
/// It has a directory of its own, since cargo would otherwise replace the running program.
fn build() -> Result<PathBuf> {
    let repository = repository();
    let target = repository.join("target/cli");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "rpc-cli", "--profile", "bench", "--target-dir"]).arg(&target);
    if !command.current_dir(repository).status()?.success() {
        return Err("the command line does not build".into());
    }
    Ok(target.join("release/rpc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_compare_both_in_the_same_round() {
        let visit = |rate, cpu| Visit { rate, cpu };
        let visits = [[visit(100.0, 10.0), visit(90.0, 20.0)], [visit(50.0, 10.0), visit(50.0, 10.0)]];
        let [bare, cli, ratio, lowest, highest] =
            cells(&visits, |visit| visit.rate, |[bare, cli]| cli.rate / bare.rate);
        let medians = [bare, cli, ratio, lowest, highest].map(|cell| cell.unwrap().median);
        assert_eq!(medians, [75.0, 70.0, 0.95, 0.9, 1.0]);
    }
}
