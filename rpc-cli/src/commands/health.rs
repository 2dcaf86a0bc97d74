//! `rpc health`.

use clap::Args;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// Ask a server for its health
#[derive(Args, Debug)]
pub(crate) struct HealthArgs {}

pub(super) async fn run(_args: &HealthArgs, _output: &mut Output) -> Result<Exit, CliError> {
    Err(CliError::usage("not written yet"))
}
