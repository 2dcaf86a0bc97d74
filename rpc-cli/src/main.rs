//! The command `rpc`: calls, describes, measures and compares JSON-RPC 2.0 servers.
//!
//! From the bottom up: `exit` and `error` say how a command ends, `output` writes, `target`, `profile` and `connection`
//! make clients, and each file of `commands` is one command. `bench` is the load generator of its command.
#![forbid(unsafe_code)]

mod bench;
mod commands;
mod completion;
mod connection;
mod curl;
mod description;
mod dump;
mod effect;
mod error;
mod escape;
mod example_value;
mod exit;
mod json_text;
mod nearest;
mod output;
mod params;
mod pattern;
mod profile;
mod readonly;
mod signals;
mod target;
mod time;
mod type_notation;

use std::process::ExitCode;

use clap::Parser;

use commands::{Cli, Command};
use error::CliError;
use exit::Exit;
use output::Output;

fn main() -> ExitCode {
    // No command of users, so neither help nor completion shows it.
    if commands::complete(std::env::args_os().skip(1)) {
        return Exit::Success.into();
    }
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
