//! `rpc diff`.

use clap::Args;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// Compare two descriptions and name breaking changes
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {}

pub(super) async fn run(_args: &DiffArgs, _output: &mut Output) -> Result<Exit, CliError> {
    Err(CliError::usage("not written yet"))
}
