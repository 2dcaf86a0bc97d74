//! The measurements. Each gives one table or several.

mod client;
#[cfg(feature = "peers")]
mod compile;
mod dispatch;
mod fairness;
mod growth;
mod idle;
mod instructions;
mod keys;
#[cfg(feature = "peers")]
mod layers;
mod profiles;
mod server;

use crate::Result;
use crate::table::Table;

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// How many times each subject is visited where time is measured.
    pub(crate) rounds: usize,
    /// One short round: shows that it works, and no more.
    pub(crate) quick: bool,
    /// How many threads the servers' runtimes have where time is measured. They share one core all the same.
    pub(crate) threads: usize,
}

/// A measurement that can be asked for by name.
pub(crate) struct Measurement {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(Effort) -> Result<Vec<Table>>,
}

/// All measurements, in the order in which they are shown.
pub(crate) const ALL: &[Measurement] = &[
    Measurement { name: "server", about: "CPU time per call of the servers", run: server::run },
    Measurement {
        name: "instructions",
        about: "instructions and allocations per call of the servers",
        run: instructions::run,
    },
    #[cfg(feature = "peers")]
    Measurement { name: "layers", about: "instructions per call with axum's layers around ours", run: layers::run },
    Measurement { name: "dispatch", about: "instructions and allocations per call, without HTTP", run: dispatch::run },
    Measurement {
        name: "profiles",
        about: "instructions per call with plain `release`, thin and fat LTO",
        run: profiles::run,
    },
    Measurement { name: "client", about: "instructions and allocations per call of the clients", run: client::run },
    Measurement { name: "keys", about: "what an idempotency key costs the server and the client", run: keys::run },
    Measurement { name: "growth", about: "cost per call with more methods and longer batches", run: growth::run },
    Measurement { name: "idle", about: "memory of an idle connection", run: idle::run },
    #[cfg(feature = "peers")]
    Measurement { name: "compile", about: "time to compile a service of 100 methods", run: compile::run },
    Measurement { name: "fairness", about: "latency of a client beside a bad neighbour", run: fairness::run },
];
