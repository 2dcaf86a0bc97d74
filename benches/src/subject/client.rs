//! The clients. Each sends the same calls, one after the other on one kept connection, to our server.

mod hyper;
#[cfg(feature = "peers")]
mod jsonrpsee;
mod ours;
#[cfg(feature = "peers")]
mod reqwest;

use std::fmt;
use std::str::FromStr;

use super::host::runtime;
use crate::Result;
use crate::scenario::Scenario;

/// A client that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Prebuilt bytes, sent by hyper-util's client. It receives the answer and does not parse it.
    Bytes,
    /// reqwest, with serde_json by hand.
    #[cfg(feature = "peers")]
    Reqwest,
    /// jsonrpsee's client with its defaults, which include a logger.
    #[cfg(feature = "peers")]
    Jsonrpsee,
    /// jsonrpsee's client without its logger.
    #[cfg(feature = "peers")]
    JsonrpseeQuiet,
    /// Ours, with each call sent once under a numeric id.
    OursPlain,
    /// Ours as `Client::new` builds it, with `readonly` calls.
    OursReadonly,
    /// Ours as `Client::new` builds it, with an idempotency key for each call.
    Ours,
    /// Ours over reqwest.
    #[cfg(feature = "peers")]
    OursReqwest,
}

impl Client {
    /// All clients, the prebuilt bytes first.
    pub(crate) const ALL: &[Self] = &[
        Self::Bytes,
        #[cfg(feature = "peers")]
        Self::Reqwest,
        #[cfg(feature = "peers")]
        Self::Jsonrpsee,
        #[cfg(feature = "peers")]
        Self::JsonrpseeQuiet,
        Self::OursPlain,
        Self::OursReadonly,
        Self::Ours,
        #[cfg(feature = "peers")]
        Self::OursReqwest,
    ];

    /// Returns its name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Bytes => "bytes, hyper-util",
            #[cfg(feature = "peers")]
            Self::Reqwest => "reqwest by hand",
            #[cfg(feature = "peers")]
            Self::Jsonrpsee => "jsonrpsee",
            #[cfg(feature = "peers")]
            Self::JsonrpseeQuiet => "jsonrpsee, no logger",
            Self::OursPlain => "ours, `Retry::never()`",
            Self::OursReadonly => "**ours**, readonly",
            Self::Ours => "**ours**, with keys",
            #[cfg(feature = "peers")]
            Self::OursReqwest => "**ours**, reqwest",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            #[cfg(feature = "peers")]
            Self::Reqwest => "reqwest",
            #[cfg(feature = "peers")]
            Self::Jsonrpsee => "jsonrpsee",
            #[cfg(feature = "peers")]
            Self::JsonrpseeQuiet => "jsonrpsee-quiet",
            Self::OursPlain => "ours-plain",
            Self::OursReadonly => "ours-readonly",
            Self::Ours => "ours",
            #[cfg(feature = "peers")]
            Self::OursReqwest => "ours-reqwest",
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Client {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|client| client.name() == name);
        found.copied().ok_or_else(|| format!("{name} is no client"))
    }
}

/// What a client sends: one call, or a batch of this many calls.
#[derive(Clone, Copy)]
enum Load {
    One,
    Batch(usize),
}

/// Sends the scenario's calls `count` times. Every answer is checked, as a user's program would do.
pub(super) fn run(client: Client, scenario: Scenario, count: usize, url: &str) -> Result<()> {
    let load = match scenario {
        Scenario::One => Load::One,
        Scenario::Batch(entries) => Load::Batch(entries),
        Scenario::Named | Scenario::Page | Scenario::Text => {
            return Err(format!("clients do not send {scenario}").into());
        }
    };
    runtime(1)?.block_on(async {
        match client {
            Client::Bytes => hyper::send(scenario, count, url).await,
            #[cfg(feature = "peers")]
            Client::Reqwest => reqwest::send(load, count, url).await,
            #[cfg(feature = "peers")]
            Client::Jsonrpsee => jsonrpsee::send(&jsonrpsee::client(url)?, load, count).await,
            #[cfg(feature = "peers")]
            Client::JsonrpseeQuiet => jsonrpsee::send(&jsonrpsee::quiet_client(url)?, load, count).await,
            Client::OursPlain => ours::send(ours::plain(url)?, load, count, false).await,
            Client::OursReadonly => ours::send(rpc::Client::new(url)?, load, count, true).await,
            Client::Ours => ours::send(rpc::Client::new(url)?, load, count, false).await,
            #[cfg(feature = "peers")]
            Client::OursReqwest => ours::send(ours::over_reqwest(url)?, load, count, false).await,
        }
    })
}

/// Checks the result of `subtract(42, 23)`.
fn check(difference: i64) -> Result<()> {
    if difference == 19 { Ok(()) } else { Err(format!("42 - 23 was answered with {difference}").into()) }
}
