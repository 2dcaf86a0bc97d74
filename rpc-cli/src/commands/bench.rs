//! `rpc bench`: makes many calls of a method, and reports their rate and latencies.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use rpc::openrpc::Description;
use rpc::{Client, Effect, Retry};

use crate::bench::{self, JSON_HELP, LiveLine, Load, Plan, Report, Requests, Template, share};
use crate::connection::{Connection, ConnectionArgs, build, duration};
use crate::description;
use crate::effect::EffectArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::params::{DescribedParams, ParamsArgs};

/// Measure how fast a server answers calls of a method
///
/// With --rate, calls start at that rate, however slow the answers are (open loop). The latency of a call counts from
/// the time when the call was due. So a server that stalls shows in the latencies of all calls that users would have
/// made meanwhile. Without --rate, each caller waits for its answer before its next call (closed loop), which shows the
/// largest rate of the server and hides stalls.
///
/// Each call is sent once, unless --retry is set. A method runs if its description says that it has no effect, or with
/// --readonly. Others need --yes, since each of many calls may change data.
///
/// In strings of the params, {{n}} becomes the number of the call, from 1, and {{uuid}} a new random UUID. A string
/// that is "{{n}}" and nothing else becomes a number.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{JSON_HELP}"))]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// The name of the method
    method: String,
    #[command(flatten)]
    params: ParamsArgs,
    #[command(flatten)]
    effect: EffectArgs,
    /// Call the method even if that may change data
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    load: LoadArgs,
}

/// How many calls, and when.
#[derive(Args, Clone, Copy, Debug)]
struct LoadArgs {
    /// Start this many calls per second, however slow the answers are
    #[arg(long, value_name = "CALLS/S", value_parser = rate)]
    rate: Option<f64>,
    /// Start a caller's next call when its last one has ended; this is the default
    #[arg(long, conflicts_with = "rate")]
    closed: bool,
    /// Let this many callers make calls, without --rate [default: 16]
    #[arg(short, long, value_name = "N", conflicts_with = "rate", value_parser = up_to_100_000())]
    callers: Option<u64>,
    /// Start calls for this time, such as 500ms or 1m [default: 10s, or no limit with --requests]
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Make at most this many calls
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// Make calls for this time before the measurement begins [default: none]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    warmup: Option<Duration>,
    /// Send calls in batches of this many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = up_to_100_000())]
    batch: u64,
    /// Have at most this many requests in flight [default: 256 with --rate, otherwise one for each caller]
    ///
    /// Over HTTP/1.1, each of them has a connection of its own.
    #[arg(long, value_name = "N", value_parser = up_to_100_000())]
    connections: Option<u64>,
}

const EXAMPLES: &str = "\
Exit code: 0 if at least one call had a result and none failed. Otherwise the code of the gravest failure: 6, 7, 5, 3,
4, 2 or 1, in this order. A single failed call is enough. A signal ends the run early, with its report, and is no
failure.

Examples:
  rpc bench http://127.0.0.1:8080 user.get '[7]' --rate 5000
  rpc bench http://127.0.0.1:8080 user.get '[\"{{n}}\"]' --readonly -c 64 --for 30s --warmup 2s
  rpc bench http://127.0.0.1:8080 user.add '{\"name\":\"user-{{n}}\"}' --yes --requests 1000 --batch 50 --json";

/// The default duration.
const DURATION: Duration = Duration::from_secs(10);

/// The default number of callers of a closed loop.
const CALLERS: u64 = 16;

/// The default limit of an open loop. It suits a process with the common limit of 1,024 open files.
const MAX_IN_FLIGHT: u64 = 256;

pub(super) async fn run(args: &BenchArgs, output: &mut Output) -> Result<Exit, CliError> {
    let plan = args.load.plan();
    check(&plan)?;
    let connection = args.connection.resolve()?;
    let description = args.description(&connection).await?;
    let effect = args.effect(description.as_ref())?;
    let described = description.as_ref().and_then(|description| DescribedParams::of(description, &args.method));
    let params = Template::new(args.params.read(described.as_ref())?);
    let cores = available_parallelism().map_or(1, |cores| cores.get() as u64);
    let workers = plan.workers(cores);
    let attempts = args.connection.retry.map(|_| Arc::new(AtomicU64::new(0)));
    let mut requests = Vec::new();
    for worker in 0..workers {
        let client = args.client(&connection, share(plan.connections, worker, workers), attempts.as_ref())?;
        requests.push(Requests { client, method: args.method.clone(), params: params.clone(), effect });
    }
    let server = address(&requests[0].client);
    let ended = bench::run(plan, requests, LiveLine::new()).await?;
    let attempts = attempts.map(|attempts| attempts.load(Ordering::Relaxed));
    let report = Report { server, method: args.method.clone(), plan, ended, attempts };
    if output.is_json() {
        output.json(&bench::json(&report))?;
    } else {
        bench::text(&report).iter().try_for_each(|line| output.line(line))?;
    }
    Ok(report.exit())
}

impl BenchArgs {
    /// Returns the server's description, if the effect or the params of the method need one.
    async fn description(&self, connection: &Connection) -> Result<Option<Description>, CliError> {
        let is_needed = self.params.needs_description() || (!self.effect.readonly && !self.yes);
        if is_needed { description::fetch(connection).await } else { Ok(None) }
    }

    /// Returns the effect of the method, if it may be called.
    fn effect(&self, description: Option<&Description>) -> Result<Effect, CliError> {
        let described = description.and_then(|description| description.method(&self.method)?.effect());
        match self.effect.effect(described) {
            Effect::None => Ok(Effect::None),
            effect if self.yes => Ok(effect),
            _ => Err(refuse(&self.method, self.effect.stated(), described)),
        }
    }

    /// Builds the client of one worker. It sends each call once, unless the command line asks for retries.
    fn client(
        &self,
        connection: &Connection,
        max_in_flight: u64,
        attempts: Option<&Arc<AtomicU64>>,
    ) -> Result<Client, CliError> {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let mut builder =
            connection.builder().max_concurrent_requests(size(max_in_flight)).max_batch_entries(size(self.load.batch));
        builder = match attempts.map(Arc::clone) {
            None => builder.retry(Retry::never()),
            Some(attempts) => builder.on_attempt(move |_| {
                attempts.fetch_add(1, Ordering::Relaxed);
            }),
        };
        build(builder)
    }
}

impl LoadArgs {
    fn plan(&self) -> Plan {
        let load = match self.rate {
            Some(rate) => Load::Open { rate },
            None => Load::Closed { callers: self.callers.unwrap_or(CALLERS) },
        };
        let connections = match load {
            Load::Open { .. } => MAX_IN_FLIGHT,
            Load::Closed { callers } => callers,
        };
        Plan {
            load,
            connections: self.connections.unwrap_or(connections),
            batch: self.batch,
            warmup: self.warmup.unwrap_or_default(),
            duration: self.duration.or(self.requests.is_none().then_some(DURATION)),
            limit: self.requests,
        }
    }
}

/// Refuses a plan that measures no call.
fn check(plan: &Plan) -> Result<(), CliError> {
    let (Load::Open { rate }, Some(end), false) = (plan.load, plan.end(), plan.has_measured_requests()) else {
        return Ok(());
    };
    let next = plan.schedule(rate).due_at(plan.warmup_requests(rate)).as_secs_f64();
    let end = end.as_secs_f64();
    Err(CliError::usage(format!(
        "no call is due after the warm-up: at {rate} calls/s the next one is due {next} s after the start, and the run \
         ends at {end} s. Raise --rate or --for, or leave --warmup off."
    )))
}

/// Says why a method is not called. The command line may have stated its effect. `described` is the one that its
/// description has.
fn refuse(method: &str, stated: Option<Effect>, described: Option<Effect>) -> CliError {
    let (why, instead) = match (stated, described) {
        (Some(_), _) => (
            format!("{method} may change data: --idempotent says only that a repeat has no further effect"),
            ", or use --readonly instead if it changes nothing",
        ),
        (None, Some(Effect::Idempotent)) => {
            (format!("{method} may change data: its description says that it is idempotent"), "")
        }
        (None, Some(_)) => (format!("{method} changes data with each call, as its description says"), ""),
        (None, None) => (
            format!("it is not known whether {method} changes data, since no description says it"),
            ", or --readonly if it changes nothing",
        ),
    };
    CliError::usage(format!("{why}. Add --yes to call it many times{instead}."))
}

/// Returns host and port of the client's server.
fn address(client: &Client) -> String {
    let endpoints = client.endpoints();
    let address = endpoints.first().and_then(|endpoint| endpoint.address());
    address.map_or_else(|| "an unknown address".to_owned(), ToString::to_string)
}

/// Parses a number of callers, calls or requests.
fn up_to_100_000() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..=100_000)
}

/// Parses a rate in calls per second.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 =
        text.parse().map_err(|_| "a rate is a number of calls per second, such as 5000 or 0.5".to_owned())?;
    if rate > 0.0 && rate <= 10_000_000.0 {
        Ok(rate)
    } else {
        Err("a rate is more than 0 and at most 10000000".to_owned())
    }
}
