//! The commands: each has its arguments and its run in a file.

mod batch;
mod bench;
mod call;
mod complete;
mod completions;
mod describe;
mod diff;
mod health;
mod list;
mod watch;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

use crate::error::CliError;
use crate::exit::{self, Exit};
use crate::output::{Output, OutputArgs};

/// Calls, describes, measures and compares JSON-RPC 2.0 servers.
#[derive(Debug, Parser)]
#[command(name = "rpc", version, after_help = exit::HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Call(call::CallArgs),
    Watch(watch::WatchArgs),
    Batch(batch::BatchArgs),
    List(list::ListArgs),
    Describe(describe::DescribeArgs),
    Health(health::HealthArgs),
    Bench(bench::BenchArgs),
    Diff(diff::DiffArgs),
    Completions(completions::CompletionsArgs),
}

/// Completes a command line, if the arguments are those of a script of `rpc completions`. Returns whether they are.
pub(crate) fn complete(args: impl IntoIterator<Item = OsString>) -> bool {
    let mut args = args.into_iter();
    let is_script = args.next().is_some_and(|first| first == complete::NAME);
    if is_script {
        complete::run(args, Cli::command());
    }
    is_script
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
            Self::Watch(args) => watch::run(&args, output).await,
            Self::Batch(args) => batch::run(&args, output).await,
            Self::List(args) => list::run(&args, output).await,
            Self::Describe(args) => describe::run(&args, output).await,
            Self::Health(args) => health::run(&args, output).await,
            Self::Bench(args) => bench::run(&args, output).await,
            Self::Diff(args) => diff::run(&args, output).await,
            Self::Completions(args) => completions::run(&args, &mut Cli::command(), output),
        }
    }
}
