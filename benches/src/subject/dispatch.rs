//! From the bytes of a request to the bytes of its answer, in process and without HTTP.

#[cfg(feature = "peers")]
pub(crate) mod jsonrpsee;
pub(crate) mod ours;
pub(crate) mod raw;

use std::fmt;
use std::hint::black_box;
use std::str::FromStr;

use super::host::runtime;
use crate::Result;
use crate::scenario::Scenario;

/// A dispatcher that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dispatcher {
    /// The function that the raw server calls.
    Raw,
    /// `RpcModule::raw_json_request`, which does not support batches.
    #[cfg(feature = "peers")]
    Jsonrpsee,
    /// Our `Dispatch`.
    Ours,
    /// Our `Dispatch` behind two layers that do nothing. It appears in the gate and not in tables.
    Layered,
}

impl Dispatcher {
    /// All dispatchers, the hand-written one first.
    pub(crate) const ALL: &[Self] = &[
        Self::Raw,
        #[cfg(feature = "peers")]
        Self::Jsonrpsee,
        Self::Ours,
    ];

    /// Returns its name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Raw => "by hand",
            #[cfg(feature = "peers")]
            Self::Jsonrpsee => "jsonrpsee",
            Self::Ours => "**ours**",
            Self::Layered => "ours, two layers",
        }
    }

    /// Returns whether it supports such a request. All but jsonrpsee's support batches.
    pub(crate) fn takes(self, scenario: Scenario) -> bool {
        matches!(self, Self::Raw | Self::Ours | Self::Layered) || !matches!(scenario, Scenario::Batch(_))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            #[cfg(feature = "peers")]
            Self::Jsonrpsee => "jsonrpsee",
            Self::Ours => "ours",
            Self::Layered => "layered",
        }
    }
}

impl fmt::Display for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dispatcher {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().chain(&[Self::Layered]).find(|dispatcher| dispatcher.name() == name);
        found.copied().ok_or_else(|| format!("{name} is no dispatcher"))
    }
}

/// Dispatches the request `count` times. `methods` is the number of methods, `subtract` included.
pub(super) fn run(dispatcher: Dispatcher, scenario: Scenario, count: usize, methods: Option<usize>) -> Result<()> {
    let request = scenario.request();
    runtime(1)?.block_on(async {
        match dispatcher {
            Dispatcher::Raw => {
                for round in 0..count {
                    let answer = black_box(raw::answer(black_box(request.as_bytes())).await).unwrap_or_default();
                    check_first(round, scenario, &answer)?;
                }
            }
            #[cfg(feature = "peers")]
            Dispatcher::Jsonrpsee => {
                let module = jsonrpsee::module_of(methods)?;
                for round in 0..count {
                    let (answer, _) = module.raw_json_request(black_box(&request), 1).await?;
                    check_first(round, scenario, black_box(answer).get().as_bytes())?;
                }
            }
            Dispatcher::Ours | Dispatcher::Layered => {
                let layered = dispatcher == Dispatcher::Layered;
                let server = if layered { ours::layered() } else { ours::server_of(methods) };
                let request = bytes::Bytes::from(request);
                for round in 0..count {
                    let answer = black_box(ours::answer(&server, request.clone()).await);
                    check_first(round, scenario, &answer)?;
                }
            }
        }
        Ok(())
    })
}

/// Checks the first answer. The later requests are the same.
fn check_first(round: usize, scenario: Scenario, answer: &[u8]) -> Result<()> {
    if round == 0 { scenario.check(answer) } else { Ok(()) }
}
