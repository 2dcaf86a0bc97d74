//! [`Connection`]: a server, and how its client is built, from the options that all commands share.

use std::time::Duration;

use clap::Args;
use http::{HeaderName, HeaderValue};
use rpc::{Client, ClientBuilder, Retry};

use crate::error::CliError;
use crate::target::Target;

/// The server, and how to reach it.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConnectionArgs {
    /// The server's address, or @NAME for a profile
    #[arg(value_name = "URL")]
    pub(crate) target: Target,
    /// Send this header; may be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Send this bearer token
    #[arg(long, value_name = "TOKEN", env = "RPC_BEARER", hide_env_values = true)]
    pub(crate) bearer: Option<String>,
    /// Give up after this time, such as 500ms, 10s or 2m [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Retry at most this many times where that is safe [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) retry: Option<u32>,
    /// Read the server's OpenRPC document here, instead of asking the server
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) description: Option<String>,
}

/// How long a call may take if nothing else is said.
const DEADLINE: Duration = Duration::from_secs(30);

/// A server, and how its client is built.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) url: String,
    args: ConnectionArgs,
}

impl ConnectionArgs {
    /// Reads the profile, if the command line names one.
    ///
    /// # Errors
    ///
    /// If there is no such profile.
    pub(crate) fn resolve(&self) -> Result<Connection, CliError> {
        match &self.target {
            Target::Url(url) => Ok(Connection { url: url.clone(), args: self.clone() }),
            Target::Profile(name) => Err(CliError::usage(format!("there is no profile {name:?}"))),
            Target::File(path) => Err(CliError::usage(format!(
                "{path:?} is a file, and the command needs a server: an address that begins with http:// or https://, or \
                 the @name of a profile"
            ))),
        }
    }
}

impl Connection {
    /// Returns the file or the address of the server's description, if the command line names one.
    pub(crate) fn description(&self) -> Option<&str> {
        self.args.description.as_deref()
    }

    /// Returns how long a call may take.
    pub(crate) fn deadline(&self) -> Duration {
        self.args.deadline.unwrap_or(DEADLINE)
    }

    /// Returns the same connection to another address, without the headers and the token: they are secrets of the own
    /// server.
    pub(crate) fn without_secrets(&self, url: &str) -> Self {
        let args = ConnectionArgs { headers: Vec::new(), bearer: None, ..self.args.clone() };
        Self { url: url.to_owned(), args }
    }

    /// Returns the same connection to another address of the same server.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), args: self.args.clone() }
    }

    /// Begins a client with all options.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let mut builder = Client::builder().endpoint(&self.url);
        for (name, value) in &self.args.headers {
            builder = builder.header(name, value);
        }
        if let Some(token) = &self.args.bearer {
            builder = builder.header(http::header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(deadline) = self.args.deadline {
            builder = builder.deadline(deadline);
        }
        match self.args.retry {
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
        self.builder().build().map_err(|failure| CliError::usage(format!("{}: {failure}", self.url)))
    }
}

/// Parses `NAME: VALUE`.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("a header has the form NAME: VALUE")?;
    let name = name.trim().parse().map_err(|_| format!("{:?} is no name of a header", name.trim()))?;
    let value: HeaderValue = value.trim().parse().map_err(|_| "the value holds bytes that no header may have")?;
    Ok((name, value))
}

/// Parses a time such as `250ms`, `10s`, `2m` or `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("a time is a number with ms, s, m or h, such as 500ms".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| format!("{number:?} is no number"))?;
    Duration::try_from_secs_f64(number * seconds)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "a time is more than zero".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::duration;

    #[test]
    fn times_have_a_number_and_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "5", "s", "5 s", "-1s", "0s", "1.2.3s", "5d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
