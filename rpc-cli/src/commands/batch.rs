//! `rpc batch`.

use clap::Args;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// Send calls from a file, a line each, in batches
#[derive(Args, Debug)]
pub(crate) struct BatchArgs {}

pub(super) async fn run(_args: &BatchArgs, _output: &mut Output) -> Result<Exit, CliError> {
    Err(CliError::usage("not written yet"))
}
