//! `rpc health`: asks a server whether it is ready.

use std::time::{Duration, Instant};

use clap::Args;
use rpc::{Client, Error, ErrorCode};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::connection::{ConnectionArgs, duration};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::readonly;

/// Ask a server for its health
///
/// Calls the method rpc.health and prints its report. Exits with 0 if the server is ready, and with 1 if it is not.
#[derive(Args, Debug)]
#[command(after_help = "\
A server that answers JSON-RPC, but has no method rpc.health, is alive. Then the report is {\"status\":\"unknown\"}, and the
exit code is 0.

Examples:
  rpc health http://127.0.0.1:8080
  rpc health @prod --wait 30s && deploy")]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
    /// Ask again until the server is ready, for at most this time, such as 30s; then exit with 5
    #[arg(long, value_name = "TIME", value_parser = duration)]
    wait: Option<Duration>,
}

/// The method that reports the health.
const METHOD: &str = "rpc.health";

/// How long a server has to answer once.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait before the server is asked again.
const PAUSE: Duration = Duration::from_millis(250);

/// What a server says of its health.
struct Health {
    report: Box<RawValue>,
    is_ready: bool,
    /// Whether the server tells nothing of its health.
    is_unknown: bool,
}

pub(super) async fn run(args: &HealthArgs, output: &mut Output) -> Result<Exit, CliError> {
    let connection = args.connection.resolve()?;
    let client = connection.client()?;
    let timeout = TIMEOUT.min(connection.deadline());
    let health = match args.wait {
        None => ask(&client, timeout).await?,
        Some(wait) => until_ready(&client, timeout, wait).await?,
    };
    output.result(&health.report)?;
    if health.is_unknown {
        output.note("the server answers, but has no method rpc.health: whether it is ready is unknown");
    }
    Ok(if health.is_ready { Exit::Success } else { Exit::MethodError })
}

/// Asks once.
async fn ask(client: &Client, timeout: Duration) -> Result<Health, CliError> {
    match client.call::<Box<RawValue>>(METHOD, ()).readonly().deadline(timeout).await {
        Ok(report) => {
            let is_ready = is_ready(&report);
            Ok(Health { report, is_ready, is_unknown: false })
        }
        // Only a server that speaks JSON-RPC knows these errors. Some reject all names that begin with `rpc.`, because
        // JSON-RPC reserves them.
        Err(Error::Rpc(error)) if [ErrorCode::METHOD_NOT_FOUND, ErrorCode::INVALID_REQUEST].contains(&error.code()) => {
            let report = RawValue::from_string(r#"{"status":"unknown"}"#.to_owned()).expect("it is JSON");
            Ok(Health { report, is_ready: true, is_unknown: true })
        }
        Err(error) => Err(readonly::call_error(error)),
    }
}

/// Returns whether a report says that the server is ready. Servers of other frameworks may return anything: only a
/// report that says otherwise is bad.
fn is_ready(report: &RawValue) -> bool {
    let report: Value = serde_json::from_str(report.get()).unwrap_or_default();
    let status = report.get("status").and_then(Value::as_str).map(str::to_ascii_lowercase);
    let is_bad = matches!(
        status.as_deref(),
        Some("unready" | "draining" | "unhealthy" | "down" | "error" | "fail" | "failed" | "not_ready" | "stopping")
    );
    !is_bad && report != Value::Bool(false)
}

/// Asks until the server is ready.
async fn until_ready(client: &Client, timeout: Duration, wait: Duration) -> Result<Health, CliError> {
    let until = Instant::now().checked_add(wait);
    let left = || until.map_or(wait, |until| until.saturating_duration_since(Instant::now()));
    let mut last = String::new();
    loop {
        let limit = timeout.min(left().max(Duration::from_millis(1)));
        match ask(client, limit).await {
            Ok(health) if health.is_ready => return Ok(health),
            Ok(health) => last = format!("it reports {}", health.report.get()),
            // No wait makes a command line right.
            Err(error) if error.exit() == Exit::Usage => return Err(error),
            // The end of the wait cut this attempt short, and an earlier one says more.
            Err(error) if error.exit() == Exit::Deadline && limit < timeout && !last.is_empty() => {}
            Err(error) => error.message().clone_into(&mut last),
        }
        if left().is_zero() {
            return Err(CliError::new(Exit::Deadline, format!("the server was not ready within {wait:?}: {last}")));
        }
        tokio::time::sleep(PAUSE.min(left())).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::is_ready;

    #[test]
    fn only_a_bad_report_is_bad() {
        for (report, expected) in [
            (r#"{"status":"ready","checks":{}}"#, true),
            (r#"{"status":"unready"}"#, false),
            (r#"{"status":"Draining"}"#, false),
            (r#"{"status":"DOWN"}"#, false),
            ("true", true),
            ("false", false),
            ("null", true),
            (r#"{"ok":1}"#, true),
        ] {
            assert_eq!(is_ready(&RawValue::from_string(report.to_owned()).unwrap()), expected, "{report}");
        }
    }
}
