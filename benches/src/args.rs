//! What the command line asks for.

use std::fmt::Write as _;

use crate::Result;
use crate::measure::{self, Effort, Measurement};

/// What to do.
pub(crate) enum Task<'a> {
    Help,
    /// Measure, print the tables, and maybe save them.
    Measure {
        measurements: Vec<&'static Measurement>,
        effort: Effort,
        save: bool,
    },
    /// Write what was saved into the documentation.
    Report,
    /// Compare with what is recorded, or record anew.
    Gate {
        bless: bool,
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
        ["report"] => Ok(Task::Report),
        ["gate"] => Ok(Task::Gate { bless: false }),
        ["gate", "--bless"] => Ok(Task::Gate { bless: true }),
        _ => parse_measure(args),
    }
}

fn parse_measure<'a>(args: &[&str]) -> Result<Task<'a>> {
    let mut measurements = Vec::new();
    let mut effort = Effort { rounds: ROUNDS, quick: false };
    let mut save = false;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match *arg {
            "--quick" => effort = Effort { rounds: 1, quick: true },
            "--save" => save = true,
            "--rounds" => effort.rounds = args.next().ok_or("--rounds wants a number")?.parse::<usize>()?.max(1),
            name => measurements.push(find(name)?),
        }
    }
    if measurements.is_empty() {
        measurements.extend(measure::ALL);
    }
    Ok(Task::Measure { measurements, effort, save })
}

fn find(name: &str) -> Result<&'static Measurement> {
    let found = measure::ALL.iter().find(|measurement| measurement.name == name);
    found.ok_or_else(|| format!("there is no table {name:?}; see --help").into())
}

pub(crate) fn help() -> String {
    let mut help = String::from(
        "usage:\n  \
         rpc-benches [TABLE..] [--quick | --rounds N] [--save]   measure, by default everything\n  \
         rpc-benches report                                      write what was saved into the documentation\n  \
         rpc-benches gate [--bless]                              compare with what is recorded, or record anew\n\n\
         tables:\n",
    );
    for measurement in measure::ALL {
        let _ = writeln!(help, "  {:<14}{}", measurement.name, measurement.about);
    }
    help
}
