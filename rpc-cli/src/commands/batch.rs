//! `rpc batch`: sends calls from a file, a line each, in batches, and prints their answers in the same order.

mod answer;
mod chunk;
mod input;
mod line;

use clap::Args;
use futures_util::{StreamExt, stream};
use rpc::Client;

use crate::connection::{ConnectionArgs, build};
use crate::dump::dump;
use crate::effect::EffectArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use chunk::send;
use input::Input;

/// Send calls from a file, a line each, in batches
///
/// A line is a JSON object with `method` and optionally `params`, `id`, `notify`, `readonly`, `idempotent` and `key`,
/// an idempotency key. `jsonrpc` is accepted. A line is a notification only if it has `"notify": true`, also if it has
/// no `id`.
///
/// Each call prints a line of JSON, in the order of the input: its number as `line`, its `id`, and its `result` or
/// `error`. Lines with an error have the exit code that the call alone would have as `exit`, and `outcome` if the call
/// has no answer. A notification prints a line only if it fails.
///
/// Requests leave as lines arrive: when a batch is full, or when the input pauses. A line that is no call ends the
/// command with exit code 2. The calls before it were made, and none after it.
///
/// Exit code: 0 if all calls have results. Otherwise the code of the gravest failure: 6, 7, 5, 3, 4, 2 or 1, in this
/// order. Calls with code 2 could not be sent, such as two in a request with the same key.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BatchArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// The file with the calls, or - for the standard input
    file: String,
    /// Send at most this many calls in a request; with 1, no request is a batch
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    chunk: u32,
    /// Have at most this many requests in flight
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    concurrency: u32,
    #[command(flatten)]
    effect: EffectArgs,
    /// Show requests and answers on standard error, with *** for secrets
    #[arg(long)]
    dump: bool,
}

const EXAMPLES: &str = "\
Examples:
  rpc batch http://127.0.0.1:8080 calls.jsonl --chunk 50
  jq -c '{method: \"user.get\", params: [.id], readonly: true}' users.json | rpc batch @prod -";

pub(super) async fn run(args: &BatchArgs, output: &mut Output) -> Result<Exit, CliError> {
    let client = args.client()?;
    let is_batch = args.chunk > 1;
    let input = Input::open(&args.file, args.chunk as usize)?;
    let chunks = stream::unfold(input, |mut input| async move { input.next().await.map(|chunk| (chunk, input)) });
    let answered = chunks.map(|chunk| {
        let (client, effect) = (client.clone(), args.effect);
        async move {
            match chunk {
                Ok(lines) => Ok(send(&client, lines, effect, is_batch).await),
                Err(error) => Err(error),
            }
        }
    });
    let mut answered = Box::pin(answered.buffered(args.concurrency as usize));
    let mut exit = Exit::Success;
    while let Some(answers) = answered.next().await {
        for answer in answers? {
            exit = exit.or_graver(answer.exit());
            output.json_line(&answer.to_json())?;
        }
        output.flush()?;
    }
    Ok(exit)
}

impl BatchArgs {
    fn client(&self) -> Result<Client, CliError> {
        let connection = self.connection.resolve()?;
        // The chunks decide what is one request.
        let builder = connection.builder().max_batch_entries(self.chunk as usize);
        build(if self.dump { dump(builder, &connection.url) } else { builder })
    }
}
