//! Measures `rpc` against raw hyper, hand-written axum and jsonrpsee. docs/performance.md describes what is measured
//! and how.
//!
//! Run with: `cargo run --profile bench -p rpc-benches --features peers -- --help`
#![forbid(unsafe_code)]

mod args;
mod callgrind;
mod chart;
#[cfg(feature = "peers")]
mod compile;
mod connection;
mod error;
mod gate;
mod measure;
mod process;
mod report;
mod results;
mod scenario;
#[cfg(feature = "simulation")]
mod simulation;
mod stats;
mod subject;
mod subscriber;
mod table;
mod workload;
mod wrk;

use std::process::ExitCode;
use std::time::Instant;

use args::{Keep, Task};
pub(crate) use error::Result;
use measure::{Effort, Measurement};
use results::Results;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("rpc-benches: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<ExitCode> {
    match args::parse(args)? {
        Task::Help => println!("{}", args::help()),
        Task::Subject(args) => subject::run(args)?,
        Task::Measure { measurements, effort, keep } => measure(&measurements, effort, keep)?,
        Task::Report => report::write()?,
        Task::Gate { bless } => gate::run(bless)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(measurements: &[&Measurement], effort: Effort, keep: Keep) -> Result<()> {
    for measurement in measurements {
        eprintln!("{}: {}", measurement.name, measurement.about);
        let begin = Instant::now();
        let tables = (measurement.run)(effort)?;
        for table in &tables {
            println!("\n{}\n\n{}", table.title, table.markdown());
        }
        eprintln!("  took {} s", begin.elapsed().as_secs());
        if keep >= Keep::Results {
            Results::load()?.save(tables)?;
        }
    }
    if keep == Keep::Documentation { report::write() } else { Ok(()) }
}
