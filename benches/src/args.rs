//! What the command line asks for.

use std::fmt::Write as _;

use crate::Result;
use crate::measure::{self, Effort, Measurement};

/// What to do.
pub(crate) enum Task<'a> {
    Help,
    /// Measure, and print the tables.
    Measure {
        measurements: Vec<&'static Measurement>,
        effort: Effort,
    },
    /// Be what is measured.
    Subject(&'a [&'a str]),
}

/// Seven rounds visit all servers with all requests in less than five minutes.
const ROUNDS: usize = 7;

pub(crate) fn parse<'a>(args: &'a [&'a str]) -> Result<Task<'a>> {
    match args {
        ["--help" | "-h" | "help", ..] => Ok(Task::Help),
        ["subject", rest @ ..] => Ok(Task::Subject(rest)),
        _ => parse_measure(args),
    }
}

fn parse_measure<'a>(args: &[&str]) -> Result<Task<'a>> {
    let mut measurements = Vec::new();
    let mut effort = Effort { rounds: ROUNDS, quick: false };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match *arg {
            "--quick" => effort = Effort { rounds: 1, quick: true },
            "--rounds" => effort.rounds = args.next().ok_or("--rounds wants a number")?.parse::<usize>()?.max(1),
            name => measurements.push(find(name)?),
        }
    }
    if measurements.is_empty() {
        measurements.extend(measure::ALL);
    }
    Ok(Task::Measure { measurements, effort })
}

fn find(name: &str) -> Result<&'static Measurement> {
    let found = measure::ALL.iter().find(|measurement| measurement.name == name);
    found.ok_or_else(|| format!("there is no table {name:?}; see --help").into())
}

pub(crate) fn help() -> String {
    let mut help = String::from(
        "usage: rpc-benches [TABLE..] [--quick] [--rounds N]   measures, by default everything\n\ntables:\n",
    );
    for measurement in measure::ALL {
        let _ = writeln!(help, "  {:<14}{}", measurement.name, measurement.about);
    }
    help
}
