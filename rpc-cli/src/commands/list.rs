//! `rpc list`.

use clap::Args;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// List the methods of a server
#[derive(Args, Debug)]
pub(crate) struct ListArgs {}

pub(super) async fn run(_args: &ListArgs, _output: &mut Output) -> Result<Exit, CliError> {
    Err(CliError::usage("not written yet"))
}
