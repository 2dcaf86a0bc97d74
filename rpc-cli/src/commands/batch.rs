//! `rpc batch`: sends calls from a file, a line each, in batches, and prints their answers in the same order.

mod answer;
mod chunk;
mod input;
mod interrupt;
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
use chunk::Requests;
use input::Input;
use interrupt::Interrupt;

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
/// At ctrl-c or SIGTERM, no more calls leave. The finished calls print their answers, and each call in flight prints a
/// line with the outcome `unknown` and exit code 6. Calls that were not sent print nothing. The exit code is 6, or 130
/// if no call has an unknown outcome. A second signal ends the command at once.
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
    /// Show requests and answers on standard error, with *** for the values of headers that may be secrets
    #[arg(long)]
    dump: bool,
}

const EXAMPLES: &str = "\
Examples:
  rpc batch http://127.0.0.1:8080 calls.jsonl --chunk 50
  jq -c '{method: \"user.get\", params: [.id], readonly: true}' users.json | rpc batch @prod -";

/// What people read after the lines of an interrupted batch.
const INTERRUPTED: &str = "interrupted: calls that have no line were not sent";

pub(super) async fn run(args: &BatchArgs, output: &mut Output) -> Result<Exit, CliError> {
    let interrupt = Interrupt::watch()?;
    let requests = Requests {
        client: args.client()?,
        effects: args.effect,
        are_batches: args.chunk > 1,
        interrupt: interrupt.clone(),
    };
    let input = Input::open(&args.file, args.chunk as usize)?;
    let chunks = stream::unfold(input, |mut input| async move { input.next().await.map(|chunk| (chunk, input)) });
    let answered = chunks.take_until(interrupt.clone().come()).map(|chunk| async {
        match chunk {
            Ok(lines) => Ok(requests.send(lines).await),
            Err(error) => Err(error),
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
    match exit {
        _ if !interrupt.has_come() => Ok(exit),
        Exit::Unknown => Err(CliError::new(exit, INTERRUPTED)),
        // The answers are complete, and the input is not.
        _ => Err(CliError::new(Exit::Interrupted, INTERRUPTED)),
    }
}

impl BatchArgs {
    fn client(&self) -> Result<Client, CliError> {
        let connection = self.connection.resolve()?;
        // The chunks decide what is one request.
        let builder = connection.builder().max_batch_entries(self.chunk as usize);
        build(if self.dump { dump(builder, &connection.url) } else { builder })
    }
}
