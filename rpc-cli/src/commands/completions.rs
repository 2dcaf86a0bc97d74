//! `rpc completions`.

use clap::Args;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// Print the completion script of a shell
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {}

pub(super) async fn run(_args: &CompletionsArgs, _output: &mut Output) -> Result<Exit, CliError> {
    Err(CliError::usage("not written yet"))
}
