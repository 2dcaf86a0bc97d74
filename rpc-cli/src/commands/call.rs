//! `rpc call`: calls a method and prints its result.

use clap::Args;
use serde_json::value::RawValue;

use crate::connection::ConnectionArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// Call a method and print its result
#[derive(Args, Debug)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// The name of the method
    method: String,
    /// The params, as JSON
    params: Option<String>,
}

pub(super) async fn run(args: &CallArgs, output: &mut Output) -> Result<Exit, CliError> {
    let client = args.connection.resolve()?.client()?;
    let params = args.params.as_deref().map(serde_json::from_str::<Box<RawValue>>).transpose();
    let params = params.map_err(|error| CliError::usage(format!("the params are no JSON: {error}")))?;
    let result: Box<RawValue> = client.call(args.method.clone(), params).await?;
    output.result(&result)?;
    Ok(Exit::Success)
}
