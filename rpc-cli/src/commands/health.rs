//! `rpc health`: asks a server whether it is ready.

use std::time::{Duration, Instant};

use clap::Args;
use rpc::{Client, Error, ErrorCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::connection::{ConnectionArgs, duration};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::readonly;

/// Ask a server for its health
///
/// Calls the method rpc.health and prints its report. Exits with 0 if the server is ready, and with 1 if it is not.
///
/// A server is ready if the member `status` of its report, or a report without members, is ready, ok, up, healthy,
/// serving, pass or true, in upper or lower case. A report that is null or empty means the same. Any other report says
/// that the server is not ready.
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

/// Returns whether a report says that the server is ready. A report that says nothing does, since the method has
/// succeeded. A word or a form that is not known does not, so that no deployment relies on a guess.
fn is_ready(report: &RawValue) -> bool {
    let is_blank = |text: &str| text.trim_ascii().is_empty();
    let inner = |open, close| report.get().strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    match report.get().as_bytes().first() {
        _ if report.get() == "null" => true,
        Some(b'{') if inner('{', '}').is_some_and(is_blank) => true,
        Some(b'[') => inner('[', ']').is_some_and(is_blank),
        // Only the status is parsed. The other members may hold what serde_json cannot represent.
        Some(b'{') => {
            let report = serde_json::from_str::<Report<'_>>(report.get());
            report.is_ok_and(|report| report.status.is_some_and(|status| is_ready_word(status.get())))
        }
        _ => report.get() == "\"\"" || is_ready_word(report.get()),
    }
}

/// The part of a report that is read.
#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    status: Option<&'a RawValue>,
}

/// Returns whether a JSON value is `true` or a string with a word for ready.
fn is_ready_word(json: &str) -> bool {
    const WORDS: [&str; 7] = ["ready", "ok", "up", "healthy", "serving", "pass", "true"];
    let is_known = |word: String| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known));
    json == "true" || serde_json::from_str::<String>(json).is_ok_and(is_known)
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
    fn only_a_known_word_or_an_empty_report_is_ready() {
        let deep = |status: &str| format!(r#"{{"status":"{status}","d":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        for (report, expected) in [
            (r#"{"status":"ready","checks":{}}"#, true),
            (r#"{"status":"unready"}"#, false),
            (r#"{"status":"Draining"}"#, false),
            (r#"{"status":"DOWN"}"#, false),
            (r#"{"status":"down","x":1e999}"#, false),
            (r#"{"status":"up","x":1e999}"#, true),
            (&*deep("unready"), false),
            (&*deep("ready"), true),
            (r#"{"status":"starting"}"#, false),
            (r#"{"status":"not ready"}"#, false),
            (r#"{"status":"ready","status":"down"}"#, false),
            (r#"{"status":false}"#, false),
            (r#"{"status":true}"#, true),
            (r#"{"status":null}"#, false),
            (r#"{"status": "SERVING" }"#, true),
            (r#"{"ready":false}"#, false),
            (r#"{"ok":1}"#, false),
            (r#""down""#, false),
            (r#""Healthy""#, true),
            ("true", true),
            ("false", false),
            ("1", false),
            (r#"["ready"]"#, false),
            ("null", true),
            ("{ }", true),
            ("[]", true),
            ("\"\"", true),
        ] {
            assert_eq!(is_ready(&RawValue::from_string(report.to_owned()).unwrap()), expected, "{report}");
        }
    }
}
