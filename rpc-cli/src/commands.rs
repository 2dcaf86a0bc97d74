//! The commands: each has its arguments and its run in a file.

mod batch;
mod bench;
mod call;
mod completions;
mod describe;
mod diff;
mod health;
mod list;

use clap::Subcommand;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Call(call::CallArgs),
    Batch(batch::BatchArgs),
    List(list::ListArgs),
    Describe(describe::DescribeArgs),
    Health(health::HealthArgs),
    Bench(bench::BenchArgs),
    Diff(diff::DiffArgs),
    Completions(completions::CompletionsArgs),
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// If it fails. What it printed before stays valid.
    pub(crate) async fn run(self, output: &mut Output) -> Result<Exit, CliError> {
        match self {
            Self::Call(args) => call::run(&args, output).await,
            Self::Batch(args) => batch::run(&args, output).await,
            Self::List(args) => list::run(&args, output).await,
            Self::Describe(args) => describe::run(&args, output).await,
            Self::Health(args) => health::run(&args, output).await,
            Self::Bench(args) => bench::run(&args, output).await,
            Self::Diff(args) => diff::run(&args, output).await,
            Self::Completions(args) => completions::run(&args, output).await,
        }
    }
}
