//! The command `rpc`: calls, describes, measures and compares JSON-RPC 2.0 servers.
//!
//! From the bottom up: `exit` and `error` say how a command ends, `output` writes, `target`, `profile` and `connection`
//! make clients, and each file of `commands` is one command. `bench` is the load generator of its command.
#![forbid(unsafe_code)]

mod bench;
mod commands;
mod connection;
mod curl;
mod description;
mod dump;
mod effect;
mod error;
mod exit;
mod json_text;
mod nearest;
mod output;
mod params;
mod profile;
mod readonly;
mod signals;
mod target;
mod time;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;
use error::CliError;
use exit::Exit;
use output::{Output, OutputArgs};

/// Calls, describes, measures and compares JSON-RPC 2.0 servers.
#[derive(Debug, Parser)]
#[command(name = "rpc", version, after_help = exit::HELP, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to tell anyone if the text cannot be written.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Success }.into();
        }
    };
    let mut output = Output::new(&cli.output);
    let ended = run(cli.command, &mut output).and_then(|exit| output.flush().map(|()| exit));
    ended.unwrap_or_else(|error| output.error(&error)).into()
}

fn run(command: Command, output: &mut Output) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::usage(format!("the runtime cannot start: {error}")))?;
    let ended = runtime.block_on(command.run(output));
    // A read of the terminal may never end.
    runtime.shutdown_background();
    ended
}
