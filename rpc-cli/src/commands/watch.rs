//! `rpc watch`: opens a stream and prints its items.

use std::convert::Infallible;
use std::num::NonZeroU64;
use std::time::Duration;

use clap::Args;
use rpc::{Effect, Error, StreamCall, StreamError, Streaming};
use serde_json::value::RawValue;

use crate::connection::{ConnectionArgs, build, duration};
use crate::description;
use crate::dump::dump;
use crate::error::CliError;
use crate::escape::escape_line;
use crate::exit::Exit;
use crate::output::Output;
use crate::params::{DescribedParams, ParamsArgs};
use crate::signals::Signals;

/// Open a stream and print its items, one on each line
///
/// Params are those of rpc call. The command ends with the stream, after --count items, or with ctrl-c, and then says
/// after which cursor the stream can be continued.
///
/// If the connection breaks, a stream with cursors is continued behind the last item. The server's OpenRPC description
/// says which streams have cursors; without one, use --resume. Losses are reported on standard error.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// The name of the method
    method: String,
    #[command(flatten)]
    params: ParamsArgs,
    /// End after this many items
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<NonZeroU64>,
    /// Begin behind the item with this cursor, as JSON
    #[arg(long, value_name = "CURSOR", value_parser = json)]
    after: Option<Box<RawValue>>,
    /// The stream has cursors, and this parameter is the one after which it begins
    #[arg(long, value_name = "PARAM", conflicts_with = "resubscribe")]
    resume: Option<String>,
    /// Open a stream without cursors again after a cut; the items between are lost
    #[arg(long, conflicts_with = "after")]
    resubscribe: bool,
    /// Give up if the stream cannot be opened again for this time [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    reopen_limit: Option<Duration>,
    /// Show requests and answers on standard error, with *** for the values of headers that may be secrets
    #[arg(long)]
    dump: bool,
}

const EXAMPLES: &str = "\
Examples:
  rpc watch http://127.0.0.1:8080 market.ticks symbol=EURUSD
  rpc watch @prod market.ticks symbol=EURUSD --after 41 --count 10
  rpc watch @prod log.lines --resubscribe";

fn json(text: &str) -> Result<Box<RawValue>, String> {
    RawValue::from_string(text.to_owned()).map_err(|error| format!("the cursor is not JSON: {error}"))
}

pub(super) async fn run(args: &WatchArgs, output: &mut Output) -> Result<Exit, CliError> {
    let mut connection = args.connection.resolve()?;
    let needs_description =
        args.params.needs_description() || connection.description().is_some() || !args.says_how_to_reopen();
    let description = if needs_description { description::fetch(&connection).await? } else { None };
    let described = description.as_ref().and_then(|description| description.method(&args.method));
    connection.or_deadline(described.and_then(|method| method.timeout()));
    let params = description.as_ref().and_then(|description| DescribedParams::of(description, &args.method));
    let params = args.params.read(params.as_ref())?;
    let is_resumable = described.and_then(|method| method.stream()).is_some_and(|stream| stream.resume);
    let last_param = described.and_then(|method| method.params().last().map(|param| param.name.to_owned()));
    let resume = args.resume.clone().or_else(|| last_param.filter(|_| is_resumable && !args.resubscribe));

    let builder = connection.builder();
    let client = build(if args.dump { dump(builder, &connection.url) } else { builder })?;
    let mut call = client.stream::<Box<RawValue>>(args.method.clone(), params.as_ref()).deadline(connection.deadline());
    if let Some(limit) = args.reopen_limit {
        call = call.reopen_limit(limit);
    }
    match resume {
        Some(param) => {
            let mut call = call.resume_param(param);
            if let Some(after) = &args.after {
                call = call.after(after.clone());
            }
            follow(args, call, |stream| stream.cursor().map(|cursor| cursor.get().to_owned()), output).await
        }
        None if args.after.is_some() => Err(CliError::usage(
            "--after is for streams with cursors, and the server does not describe this one so: name the parameter \
             with --resume",
        )),
        None if args.resubscribe => follow(args, call.resubscribe(), |_| None, output).await,
        None => follow(args, call, |_| None, output).await,
    }
}

impl WatchArgs {
    /// Returns whether the command line says what to do after a cut.
    fn says_how_to_reopen(&self) -> bool {
        self.resume.is_some() || self.resubscribe
    }
}

/// A stream of any items, with cursors of the type `C`.
type Items<C> = Streaming<Box<RawValue>, Infallible, C>;

/// Opens the stream and prints its items until it ends.
async fn follow<C>(
    args: &WatchArgs,
    call: StreamCall<Box<RawValue>, Infallible, C>,
    cursor: fn(&Items<C>) -> Option<String>,
    output: &mut Output,
) -> Result<Exit, CliError> {
    let mut signals =
        Signals::watch().map_err(|error| CliError::usage(format!("ctrl-c cannot be watched for: {error}")))?;
    let mut stream = tokio::select! {
        opened = call.into_future() => opened.map_err(|error| CliError::of_call(error, Effect::None))?,
        () = signals.next() => return Ok(Exit::Interrupted),
    };
    let mut left = args.count.map_or(u64::MAX, NonZeroU64::get);
    while left > 0 {
        let next = tokio::select! {
            next = stream.next() => next,
            () = signals.next() => {
                output.flush()?;
                if let Some(cursor) = cursor(&stream) {
                    output.note(&format!("continue with: --after '{}'", escape_line(&cursor)));
                }
                return Ok(Exit::Interrupted);
            }
        };
        match next {
            None => break,
            Some(Ok(item)) => {
                output.json_line(item.get())?;
                output.flush()?;
                left -= 1;
            }
            Some(Err(error)) => note_loss(&error, output)?,
        }
    }
    Ok(Exit::Success)
}

/// Reports lost items on standard error. Returns the error with which the stream has ended, if it has.
fn note_loss(error: &StreamError, output: &Output) -> Result<(), CliError> {
    if !(error.is_end() || error.is_cut()) {
        output.note(&format!("lost: {}", escape_line(&error.to_string())));
        return Ok(());
    }
    match (error.error_object(), error.failure()) {
        (Some(object), None) => Err(CliError::of_call(Error::Rpc(object), Effect::None)),
        (_, Some(failure)) => Err(CliError::of_failure(failure, Effect::None)),
        (None, None) => Err(CliError::new(Exit::Protocol, escape_line(&error.to_string()))),
    }
}
