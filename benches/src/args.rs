//! The arguments of the command line.

use std::fmt::Write as _;

use crate::Result;
use crate::measure::{self, Effort, Measurement};

/// The task to run.
pub(crate) enum Task<'a> {
    Help,
    /// Measure and print the tables.
    Measure {
        measurements: Vec<&'static Measurement>,
        effort: Effort,
        keep: Keep,
    },
    /// Write the saved results into the documentation.
    Report,
    /// Compare with the recorded costs, or record them again.
    Gate {
        bless: bool,
    },
    /// Run as a subject, in a process of its own.
    Subject(&'a [&'a str]),
}

/// Where measured tables are written, besides the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Keep {
    Nowhere,
    /// Into the saved results.
    Results,
    /// Into the saved results, and from there into the documentation.
    Documentation,
}

/// Seven rounds of all servers and all requests take less than five minutes.
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
    let mut effort = Effort { rounds: ROUNDS, quick: false, threads: 1 };
    let mut keep = Keep::Nowhere;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match *arg {
            "--quick" => (effort.rounds, effort.quick) = (1, true),
            "--save" => keep = keep.max(Keep::Results),
            "--report" => keep = Keep::Documentation,
            "--rounds" => effort.rounds = number(args.next())?,
            "--threads" => effort.threads = number(args.next())?,
            "counts" => measurements.extend(measure::ALL.iter().filter(|measurement| !measurement.is_timed)),
            name => measurements.push(find(name)?),
        }
    }
    if measurements.is_empty() {
        measurements.extend(measure::ALL);
    }
    Ok(Task::Measure { measurements, effort, keep })
}

/// Parses the number that follows an option. It must be at least 1.
fn number(arg: Option<&&str>) -> Result<usize> {
    let number = arg.and_then(|arg| arg.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| "an option wants a number from one up".into())
}

fn find(name: &str) -> Result<&'static Measurement> {
    let found = measure::ALL.iter().find(|measurement| measurement.name == name);
    found.ok_or_else(|| format!("there is no table {name:?}; see --help").into())
}

pub(crate) fn help() -> String {
    let mut help = String::from(
        "usage:
  rpc-benches [TABLE..] [OPTION..]   measures, by default everything
  rpc-benches report                 writes what was saved into the documentation
  rpc-benches gate [--bless]         compares with what is recorded, or records anew

options:
  --quick        one short round, to see that it works
  --rounds N     how many rounds where time is measured (7)
  --threads N    how many threads the servers have in the table `server` (1)
  --save         keeps the tables in benches/results.json
  --report       does so, and writes what is kept into the documentation

tables (* needs an idle machine):
  counts          all that need no idle machine
",
    );
    for measurement in measure::ALL {
        let mark = if measurement.is_timed { '*' } else { ' ' };
        let _ = writeln!(help, "{mark} {:<16}{}", measurement.name, measurement.about);
    }
    help
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_and_options_come_in_any_order() {
        let Ok(Task::Measure { measurements, effort, keep }) = parse(&["--save", "idle", "--rounds", "3", "growth"])
        else {
            panic!("this asks for two measurements");
        };
        assert_eq!(measurements.iter().map(|measurement| measurement.name).collect::<Vec<_>>(), ["idle", "growth"]);
        assert_eq!((effort.rounds, effort.threads, keep), (3, 1, Keep::Results));
    }

    #[test]
    fn counts_are_the_tables_that_need_no_idle_machine() {
        let Ok(Task::Measure { measurements, keep, .. }) = parse(&["counts", "--report", "--save"]) else {
            panic!("this asks for measurements");
        };
        assert!(measurements.iter().any(|measurement| measurement.name == "profiles"));
        assert!(!measurements.iter().any(|measurement| measurement.name == "server"));
        assert_eq!(keep, Keep::Documentation);
    }

    #[test]
    fn what_is_unknown_or_lacks_its_number_is_refused() {
        for args in [&["sever"][..], &["--rounds"], &["--rounds", "0"], &["--threads", "many"]] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }
}
