//! `rpc bench`.

use clap::Args;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// Measure how fast a server answers calls of a method
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {}

pub(super) async fn run(_args: &BenchArgs, _output: &mut Output) -> Result<Exit, CliError> {
    Err(CliError::usage("not written yet"))
}
