//! Finds the description of a server: the document that `--description` names, or what the server tells of itself, by
//! the method `rpc.discover` or at `/openrpc.json`.

use std::time::{Duration, Instant};

use http::Uri;
use rpc::openrpc::Description;
use rpc::{Error, ErrorCode, Failure};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::AsyncReadExt;

use crate::connection::{Connection, ConnectionArgs};
use crate::error::CliError;
use crate::escape::escape_line;
use crate::exit::Exit;
use crate::readonly;
use crate::target::Target;

/// How long a server has to tell its description.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The method that returns the description.
const DISCOVER: &str = "rpc.discover";

/// The page with the description.
const PAGE: &str = "/openrpc.json";

/// What came of a search.
#[derive(Debug)]
enum Search {
    Found(Box<Description>),
    /// The server has none. The texts say what was tried.
    Nothing(Vec<String>),
}

/// Returns the description of a server, or `None` if the server has none.
///
/// # Errors
///
/// If the server cannot be reached, or its document or the one of `--description` cannot be read.
pub(crate) async fn fetch(connection: &Connection) -> Result<Option<Description>, CliError> {
    match search(connection).await? {
        Search::Found(description) => Ok(Some(*description)),
        Search::Nothing(_) => Ok(None),
    }
}

/// Returns the description of a server, for commands that need it.
///
/// # Errors
///
/// As for [`fetch`], and if the server has none.
pub(crate) async fn require(connection: &Connection) -> Result<Description, CliError> {
    match search(connection).await? {
        Search::Found(description) => Ok(*description),
        Search::Nothing(tried) => Err(CliError::usage(format!(
            "{} has no description: {}. Name a file or an address of its OpenRPC document with --description",
            shown(&connection.url),
            tried.join(", and ")
        ))),
    }
}

/// Returns the description that the target of a command line names: a server's, or a file.
///
/// # Errors
///
/// As for [`require`], and if a file cannot be read.
pub(crate) async fn of_target(args: &ConnectionArgs) -> Result<Description, CliError> {
    match &args.target {
        Target::File(path) => of_file(path).await,
        Target::Url(_) | Target::Profile(_) | Target::Wrong(_) => require(&args.resolve()?).await,
    }
}

/// Returns an address without its user, password and query, which may be secrets.
pub(crate) fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    if url.parse::<Uri>().is_err() {
        // Which part is the password is unknown.
        return format!("{scheme}://...");
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let port = host.rsplit(']').next().unwrap_or_default().split_once(':').map_or("", |(_, port)| port);
    if port.chars().any(|c| !c.is_ascii_digit()) {
        return format!("{scheme}://...");
    }
    format!("{scheme}://{host}{path}")
}

async fn search(connection: &Connection) -> Result<Search, CliError> {
    if let Some(source) = connection.description() {
        let description = if is_url(source) { of_url(source, connection).await? } else { of_file(source).await? };
        return Ok(Search::Found(Box::new(description)));
    }
    if path_of(&connection.url).is_some_and(|path| path.split('?').next().is_some_and(|path| path.ends_with(".json"))) {
        return Ok(Search::Found(Box::new(of_url(&connection.url, connection).await?)));
    }
    let until = Instant::now() + TIMEOUT.min(connection.deadline());
    let by_method = match by_method(connection, until).await? {
        Ok(description) => return Ok(Search::Found(description)),
        Err(why) => why,
    };
    match by_page(connection, until).await? {
        Ok(description) => Ok(Search::Found(description)),
        Err(by_page) => Ok(Search::Nothing(vec![by_method, by_page])),
    }
}

/// Asks the method. The inner error says why the server does not seem to have it.
async fn by_method(connection: &Connection, until: Instant) -> Result<Result<Box<Description>, String>, CliError> {
    let call = connection.client()?.call::<Box<RawValue>>(DISCOVER, ());
    match call.readonly().deadline(until.saturating_duration_since(Instant::now())).await {
        Ok(text) => parse(&format!("the result of {DISCOVER}"), text.get(), Exit::Protocol).map(Box::new).map(Ok),
        Err(Error::Rpc(error)) if error.code() == ErrorCode::METHOD_NOT_FOUND => {
            Ok(Err(format!("it has no method {DISCOVER}")))
        }
        Err(Error::Rpc(error)) => {
            Ok(Err(format!("the method {DISCOVER} answered with the error {}", escape_line(&error.to_string()))))
        }
        Err(Error::Failure(failure)) if is_answer(&failure) => {
            Ok(Err(format!("the method {DISCOVER}: {}", CliError::from(failure).message())))
        }
        Err(error) => Err(readonly::call_error(error)),
    }
}

/// Returns whether the server answered, though not with a result.
fn is_answer(failure: &Failure) -> bool {
    // Callers without access must hear that.
    let is_denied = failure.status().is_some_and(|status| matches!(status.as_u16(), 401 | 403));
    let is_answer =
        failure.status().is_some() || failure.is_protocol() || failure.is_decode() || failure.is_foreign_error();
    is_answer && !is_denied
}

/// Reads the page. The inner error says why the server does not seem to have it.
async fn by_page(connection: &Connection, until: Instant) -> Result<Result<Box<Description>, String>, CliError> {
    let left = until.saturating_duration_since(Instant::now());
    let what = format!("GET {PAGE}");
    let page = match connection.builder().deadline(left).get_page(PAGE).await {
        Ok(page) => page,
        Err(failure) => {
            let status = failure.status().map(|status| status.to_string());
            let why = status.unwrap_or_else(|| CliError::from(failure).message().to_owned());
            return Ok(Err(format!("{what} fails: {why}")));
        }
    };
    // Servers of pages may answer each path with a page for browsers.
    let claims = serde_json::from_slice(&page).is_ok_and(|page: Value| page.get("openrpc").is_some());
    if !claims {
        return Ok(Err(format!("{what} returns no OpenRPC document")));
    }
    parse(&format!("the page {PAGE}"), &String::from_utf8_lossy(&page), Exit::Protocol).map(Box::new).map(Ok)
}

/// Reads a document from its address. Only the connection's own server gets the connection's headers.
async fn of_url(url: &str, connection: &Connection) -> Result<Description, CliError> {
    let path = path_of(url).ok_or_else(|| CliError::usage(format!("{:?} is no valid address", shown(url))))?;
    let at = if origin(url) == origin(&connection.url) { connection.at(url) } else { connection.without_secrets(url) };
    let page = at.builder().deadline(TIMEOUT.min(connection.deadline())).get_page(&path).await;
    let page = page.map_err(|failure| readonly::request_error(&format!("{}: ", shown(url)), failure))?;
    parse(&shown(url), &String::from_utf8_lossy(&page), Exit::Protocol)
}

/// Reads a document from a file, or from standard input if the path is `-`.
async fn of_file(path: &str) -> Result<Description, CliError> {
    let text = if path == "-" {
        let mut text = String::new();
        tokio::io::stdin().read_to_string(&mut text).await.map(|_| text)
    } else {
        tokio::fs::read_to_string(path).await
    };
    let name = if path == "-" { "standard input" } else { path };
    let text = text.map_err(|error| CliError::usage(format!("{name} cannot be read: {error}")))?;
    parse(name, &text, Exit::Usage)
}

fn parse(what: &str, text: &str, exit: Exit) -> Result<Description, CliError> {
    let text = text.trim_start_matches('\u{feff}');
    Description::parse(text).map_err(|error| CliError::new(exit, format!("{what} is no OpenRPC document: {error}")))
}

fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// Returns the path and the query of an address.
fn path_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    uri.scheme()?;
    Some(uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string))
}

/// Returns the scheme, the host and the port of an address.
fn origin(url: &str) -> Option<(String, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some((scheme, uri.host()?.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::{origin, path_of, shown};

    #[test]
    fn secrets_of_addresses_are_not_shown() {
        assert_eq!(shown("https://user:secret@host:1/rpc?token=x#y"), "https://host:1/rpc");
        assert_eq!(shown("http://host"), "http://host");
        assert_eq!(shown("http://host?a=b@c"), "http://host");
        assert_eq!(shown("http://[::1]:80/a"), "http://[::1]:80/a");
        for invalid in ["http://user:p ss@host", "http://user:a/b@host"] {
            assert_eq!(shown(invalid), "http://...");
        }
    }

    #[test]
    fn origins_have_default_ports() {
        assert_eq!(origin("http://Host/a"), origin("http://host:80/b?c"));
        assert_ne!(origin("http://host"), origin("https://host"));
        assert_ne!(origin("http://host:81"), origin("http://host"));
        assert_eq!(path_of("http://host"), Some("/".to_owned()));
        assert_eq!(path_of("http://host/a?b"), Some("/a?b".to_owned()));
        assert_eq!(path_of("nothing"), None);
    }
}
