//! `rpc describe`.

use clap::Args;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// Describe a method: params, result, errors
#[derive(Args, Debug)]
pub(crate) struct DescribeArgs {}

pub(super) async fn run(_args: &DescribeArgs, _output: &mut Output) -> Result<Exit, CliError> {
    Err(CliError::usage("not written yet"))
}
