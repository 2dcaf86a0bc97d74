//! [`Connection`]: a server, and how its client is built, from the options that all commands share and from a profile.

use std::time::Duration;

use clap::Args;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use rpc::{Client, ClientBuilder, Retry};

use crate::error::CliError;
use crate::profile::Profile;
use crate::target::Target;
pub(crate) use crate::time::duration;

/// The server, and how to reach it.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConnectionArgs {
    /// The server's address, or @NAME for a profile
    #[arg(value_name = "URL")]
    pub(crate) target: Target,
    /// Send this header; may be given several times
    // The parser would quote a wrong header with its secret.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// Send this bearer token [default: the variable RPC_BEARER]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) bearer: Option<String>,
    /// Give up after this time, such as 500ms, 10s or 2m [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Retry at most this many times where that is safe [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) retry: Option<u32>,
    /// Use HTTP/2, also without TLS
    #[arg(long)]
    pub(crate) http2: bool,
    /// Read the server's OpenRPC document here, instead of asking the server
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) description: Option<String>,
}

/// How long a call may take if nothing else is said.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long a call may take at most because its description says so.
const MAX_DESCRIBED: Duration = Duration::from_secs(600);

/// The variable with a bearer token.
const BEARER: &str = "RPC_BEARER";

/// A server, and how its client is built.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) url: String,
    /// All headers, with the token.
    headers: HeaderMap,
    deadline: Option<Duration>,
    retry: Option<u32>,
    http2: bool,
    description: Option<String>,
}

impl ConnectionArgs {
    /// Joins the command line with the profile that it names. The command line takes precedence.
    ///
    /// # Errors
    ///
    /// If there is no such server or profile, the configuration is wrong, or a header is invalid or given twice.
    pub(crate) fn resolve(&self) -> Result<Connection, CliError> {
        let (url, profile) = match &self.target {
            Target::Url(url) => (url.clone(), Profile::default()),
            Target::Profile(name) => {
                let profile = Profile::load(name)?;
                (profile.url.clone(), profile)
            }
            Target::Wrong(why) => return Err(CliError::usage(why)),
            Target::File(path) => {
                return Err(CliError::usage(format!(
                    "{path:?} is a file, and the command needs a server: an address that begins with http:// or \
                     https://, or the @name of a profile"
                )));
            }
        };
        Ok(Connection {
            url,
            headers: self.headers(&profile)?,
            deadline: self.deadline.or(profile.deadline),
            retry: self.retry.or(profile.retry),
            http2: self.http2 || profile.http2,
            description: self.description.clone().or(profile.description),
        })
    }

    /// Returns the headers of the profile, overlaid by those of the command line, and with a token.
    fn headers(&self, profile: &Profile) -> Result<HeaderMap, CliError> {
        let own = self.own_headers()?;
        let mut headers = profile.headers.clone();
        // A token for another server must not be sent to this one, so the profile precedes the variable.
        let token = match (&self.bearer, own.contains_key(AUTHORIZATION), headers.contains_key(AUTHORIZATION)) {
            (Some(_), true, _) => return Err(CliError::usage("give either --bearer or the header authorization")),
            (Some(token), false, _) => Some(token.clone()),
            (None, true, _) => None,
            (None, false, has_header) => {
                let of_environment = || std::env::var(BEARER).ok().filter(|token| !token.is_empty() && !has_header);
                profile.bearer.clone().or_else(of_environment)
            }
        };
        for (name, value) in &own {
            headers.insert(name, value.clone());
        }
        if let Some(token) = token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| CliError::usage("the bearer token holds bytes that no header may have"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }

    /// Returns the headers of the command line. Values of the same name become one, as HTTP allows.
    fn own_headers(&self) -> Result<HeaderMap, CliError> {
        let mut headers = HeaderMap::new();
        for text in &self.headers {
            let (name, value) = header(text).map_err(CliError::usage)?;
            let value = match headers.get(&name) {
                None => value,
                Some(_) if name == AUTHORIZATION => {
                    return Err(CliError::usage("the header authorization is given twice"));
                }
                Some(first) => {
                    let separator: &[u8] = if name == COOKIE { b"; " } else { b", " };
                    let joined = [first.as_bytes(), separator, value.as_bytes()].concat();
                    HeaderValue::from_bytes(&joined).expect("both halves are valid")
                }
            };
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

impl Connection {
    /// Returns the file or the address of the server's description, if the command line or the profile names one.
    pub(crate) fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Returns how long a call may take.
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline.unwrap_or(DEADLINE)
    }

    /// Limits calls to the time that the method's description states, unless the user has set a time.
    ///
    /// The description comes from the server. It must not make each call fail or let the command wait for ever, so a
    /// time of zero does not count, and 10 minutes are the most.
    pub(crate) fn or_deadline(&mut self, described: Option<Duration>) {
        let described = described.filter(|time| !time.is_zero()).map(|time| time.min(MAX_DESCRIBED));
        self.deadline = self.deadline.or(described);
    }

    /// Returns whether requests use HTTP/2, also without TLS.
    pub(crate) fn is_http2(&self) -> bool {
        self.http2
    }

    /// Returns the same connection to another address, without the headers and the token: they are secrets of the own
    /// server.
    pub(crate) fn without_secrets(&self, url: &str) -> Self {
        Self { headers: HeaderMap::new(), ..self.at(url) }
    }

    /// Returns the same connection to another address of the same server.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// Begins a client with all options.
    ///
    /// An attempt may use the whole deadline. There is no second server that an early end would leave time for.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let deadline = self.deadline();
        let mut builder = Client::builder().endpoint(&self.url).deadline(deadline).attempt_timeout(deadline);
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        if self.http2 {
            builder = builder.http2_prior_knowledge();
        }
        match self.retry {
            None => builder,
            Some(retries) => builder.retry(Retry::exponential().max_attempts(retries.saturating_add(1))),
        }
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// If the address or a header is invalid.
    pub(crate) fn client(&self) -> Result<Client, CliError> {
        build(self.builder())
    }
}

/// Builds a client.
///
/// # Errors
///
/// If the address or a header is invalid.
pub(crate) fn build(builder: ClientBuilder) -> Result<Client, CliError> {
    builder.build().map_err(|failure| CliError::usage(format!("the server cannot be called: {failure}")))
}

/// Parses `NAME: VALUE`. Errors quote nothing that may be a secret.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("a header has the form NAME: VALUE")?;
    let name: HeaderName =
        name.trim().parse().map_err(|_| "the text before the colon of a --header is no name of a header")?;
    let value = value.trim().parse().map_err(|_| format!("the header {name} holds bytes that no header may have"))?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::ConnectionArgs;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        connection: ConnectionArgs,
    }

    #[test]
    fn a_described_deadline_is_neither_zero_nor_very_long() {
        for (args, described, expected) in [
            (&["rpc", "http://a"][..], 2_000, 2_000),
            (&["rpc", "http://a"], 0, 30_000),
            (&["rpc", "http://a"], u64::MAX, 600_000),
            (&["rpc", "http://a", "--deadline", "2h"], 0, 7_200_000),
        ] {
            let mut connection = Cli::try_parse_from(args).unwrap().connection.resolve().unwrap();
            connection.or_deadline(Some(Duration::from_millis(described)));
            assert_eq!(connection.deadline(), Duration::from_millis(expected), "{args:?} {described}");
        }
    }

    fn headers(args: &[&str]) -> Result<Vec<(String, String)>, String> {
        let cli = Cli::try_parse_from([&["rpc", "http://a"], args].concat()).map_err(|error| error.to_string())?;
        let headers = cli.connection.own_headers().map_err(|error| error.message().to_owned())?;
        Ok(headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect())
    }

    #[test]
    fn values_of_a_header_that_is_given_twice_are_joined() {
        let joined = |name: &str, value: &str| Ok(vec![(name.to_owned(), value.to_owned())]);
        assert_eq!(
            headers(&["-H", "Accept-Language: de", "-H", "accept-language:fr"]),
            joined("accept-language", "de, fr")
        );
        assert_eq!(headers(&["-H", "cookie: a=1", "-H", "cookie: b=2"]), joined("cookie", "a=1; b=2"));
        let error = headers(&["-H", "authorization: a", "-H", "authorization: b"]).unwrap_err();
        assert_eq!(error, "the header authorization is given twice");
    }

    #[test]
    fn a_header_has_a_name_and_a_valid_value() {
        for (header, message) in [
            ("a", "a header has the form NAME: VALUE"),
            ("authorization s3cret", "a header has the form NAME: VALUE"),
            ("Bearer s3cret: c", "the text before the colon of a --header is no name of a header"),
            ("authorization: s3\ncret", "the header authorization holds bytes that no header may have"),
        ] {
            let error = headers(&["-H", header]).unwrap_err();
            assert_eq!(error, message);
        }
    }
}
