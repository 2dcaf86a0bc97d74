//! `rpc call`: calls a method and prints its result.

mod repeat;

use std::time::Duration;

use clap::Args;
use rpc::openrpc::Description;
use rpc::{Call, Client, Effect, Error, Failure, KeyRefusal, Outcome, Ticket};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::connection::{Connection, ConnectionArgs, build};
use crate::curl::Catcher;
use crate::description;
use crate::dump::dump;
use crate::effect::{EffectArgs, with_effect};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::params::{DescribedParams, ParamsArgs};
use crate::signals::Signals;
use repeat::Repeat;

/// Call a method and print its result
///
/// Params are one JSON value, or NAME=VALUE for each. The types of NAME=VALUE are those of the server's OpenRPC
/// description. Without one, a value is JSON if it can be, else a string.
///
/// A call that is neither --readonly nor --idempotent may have an effect. If the server keeps idempotency keys, such a
/// call gets a ticket. If the call may have run but has no answer, the command ends with exit code 6 and shows the
/// ticket. With it, the call can be repeated without a second effect.
///
/// --curl does not make the call. For NAME=VALUE it still asks the server for its description.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// The name of the method
    method: String,
    #[command(flatten)]
    params: ParamsArgs,
    #[command(flatten)]
    effect: EffectArgs,
    /// Send a notification: the server sends no result
    #[arg(long)]
    notify: bool,
    /// Send the call under this idempotency key, which alone protects only while the server's store remembers it
    #[arg(long, value_name = "UUID", conflicts_with_all = ["notify", "readonly", "idempotent"])]
    key: Option<Uuid>,
    /// Repeat a call whose outcome is unknown, without a second effect
    #[arg(long, value_parser = ticket, conflicts_with_all = ["notify", "key", "readonly", "idempotent"])]
    ticket: Option<Ticket>,
    /// Show requests and answers on standard error, with *** for the values of headers that may be secrets
    #[arg(long)]
    dump: bool,
    /// Print a curl command that makes the call, secrets included, instead of making it
    #[arg(long)]
    curl: bool,
}

const EXAMPLES: &str = "\
Examples:
  rpc call http://127.0.0.1:8080 user.get id=1
  rpc call http://127.0.0.1:8080 sum '[1, 2]' --readonly --deadline 500ms
  rpc call @prod order.place @order.json
  echo '{\"id\":1}' | rpc call @prod user.get -
  rpc call @prod order.place @order.json --ticket 'keys=...'";

/// How long the question for a ticket may take. The call is then made without one.
const TICKET_TIME: Duration = Duration::from_secs(1);

pub(super) async fn run(args: &CallArgs, output: &mut Output) -> Result<Exit, CliError> {
    let mut connection = args.connection.resolve()?;
    let description = args.description(&connection).await?;
    let described = description.as_ref().and_then(|description| description.method(&args.method));
    connection.or_deadline(described.and_then(|method| method.timeout()));
    let params = description.as_ref().and_then(|description| DescribedParams::of(description, &args.method));
    let planned = PlannedCall {
        params: args.params.read(params.as_ref())?,
        effect: args.effect(described.and_then(|method| method.effect())),
    };
    if args.curl {
        return args.print_curl(&connection, &planned, output).await;
    }
    let builder = connection.builder();
    let client = build(if args.dump { dump(builder, &connection.url) } else { builder })?;
    if args.notify {
        let ended = interruptible(args.call(&client, &planned).notify(), planned.effect).await?;
        let ended = ended.map(|ended| ended.map_err(Error::from));
        return Repeat::Notification.conclude(ended, planned.effect).map(|()| Exit::Success);
    }
    let result = args.result(&client, &planned, connection.deadline()).await?;
    output.result(&result)?;
    Ok(Exit::Success)
}

/// A call before it is made.
struct PlannedCall {
    params: Option<Box<RawValue>>,
    effect: Effect,
}

fn ticket(text: &str) -> Result<Ticket, String> {
    text.parse()
        .map_err(|_| "this is no ticket: it begins with keys= and is shown by a call with exit code 6".to_owned())
}

impl CallArgs {
    /// Returns the server's description, if it is needed or the user names it.
    async fn description(&self, connection: &Connection) -> Result<Option<Description>, CliError> {
        if self.params.needs_description() || connection.description().is_some() {
            description::fetch(connection).await
        } else {
            Ok(None)
        }
    }

    /// Returns the effect. A key and a ticket are only for calls with an effect.
    fn effect(&self, described: Option<Effect>) -> Effect {
        if self.key.is_some() || self.ticket.is_some() { Effect::Once } else { self.effect.effect(described) }
    }

    fn call(&self, client: &Client, planned: &PlannedCall) -> Call<Box<RawValue>> {
        let call = with_effect(client.call(self.method.clone(), planned.params.as_ref()), planned.effect);
        match (self.key, &self.ticket) {
            (_, Some(ticket)) => call.redeem(ticket.clone()),
            (Some(key), None) => call.idempotency_key(key),
            (None, None) => call,
        }
    }

    /// Makes the call and returns its result.
    async fn result(
        &self,
        client: &Client,
        planned: &PlannedCall,
        deadline: Duration,
    ) -> Result<Box<RawValue>, CliError> {
        let mut call = self.call(client, planned);
        let mut repeat = match (self.key, &self.ticket) {
            (_, Some(ticket)) => Repeat::Ticket(ticket.clone()),
            (Some(key), None) => Repeat::Key(key),
            (None, None) if planned.effect == Effect::Once => {
                call = call.deadline(TICKET_TIME.min(deadline / 3));
                let issued = call.ticket().await;
                call = call.deadline(deadline);
                issued.map_or_else(Repeat::Nothing, Repeat::Ticket)
            }
            (None, None) => Repeat::Harmless,
        };
        let mut ended = interruptible(call, planned.effect).await?;
        if let (None, Some(Err(Error::Failure(failure)))) = (&self.ticket, &ended)
            && matches!(repeat, Repeat::Ticket(_))
            && is_of_another_store(failure)
        {
            // There are several stores behind the address. The call did not run, and is made without proof.
            repeat = Repeat::Nothing(failure.clone());
            ended = interruptible(self.call(client, planned), planned.effect).await?;
        }
        repeat.conclude(ended, planned.effect)
    }

    async fn print_curl(
        &self,
        connection: &Connection,
        planned: &PlannedCall,
        output: &mut Output,
    ) -> Result<Exit, CliError> {
        let (catcher, effect) = (Catcher::default(), planned.effect);
        let call = self.call(&catcher.client(connection)?, planned);
        let ended = if self.notify {
            call.notify().await.map_err(|failure| CliError::of_failure(&failure, effect))
        } else {
            call.await.map(drop).map_err(|error| CliError::of_call(error, effect))
        };
        match (catcher.command(connection), ended) {
            (Some(command), _) => output.line(&command).map(|()| Exit::Success),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(CliError::usage("the client sends no request for this call")),
        }
    }
}

/// Returns whether the server refused a ticket that another server has issued, or that something on the way has
/// changed.
fn is_of_another_store(failure: &Failure) -> bool {
    let reason = failure.error_object().and_then(|error| KeyRefusal::from_error_object(&error));
    let is_other = matches!(reason, Some(KeyRefusal::OtherStore | KeyRefusal::KeysLost));
    failure.outcome() == Outcome::Refused && is_other
}

/// Awaits a call. Returns `None` if a signal ends it early. Calls without an effect do not watch for signals, which
/// then end the process.
async fn interruptible<C: IntoFuture>(call: C, effect: Effect) -> Result<Option<C::Output>, CliError> {
    if effect != Effect::Once {
        return Ok(Some(call.await));
    }
    let mut signals =
        Signals::watch().map_err(|error| CliError::usage(format!("ctrl-c cannot be watched for: {error}")))?;
    let ended = tokio::select! {
        ended = call.into_future() => Some(ended),
        () = signals.next() => None,
    };
    if ended.is_none() {
        tokio::spawn(async move {
            signals.next().await;
            std::process::exit(Exit::Interrupted as i32);
        });
    }
    Ok(ended)
}
