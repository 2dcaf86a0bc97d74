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
    /// Whether time is measured, for which the machine must be idle. What is counted is the same on a busy one.
    pub(crate) is_timed: bool,
}

impl Measurement {
    const fn counted(name: &'static str, about: &'static str, run: fn(Effort) -> Result<Vec<Table>>) -> Self {
        Self { name, about, run, is_timed: false }
    }

    const fn timed(name: &'static str, about: &'static str, run: fn(Effort) -> Result<Vec<Table>>) -> Self {
        Self { name, about, run, is_timed: true }
    }
}

/// All measurements, in the order in which they are shown.
pub(crate) const ALL: &[Measurement] = &[
    Measurement::timed("server", "CPU time per call of the servers", server::run),
    Measurement::counted("instructions", "instructions and allocations per call of the servers", instructions::run),
    #[cfg(feature = "peers")]
    Measurement::counted("layers", "instructions per call with axum's layers around ours", layers::run),
    Measurement::counted("dispatch", "instructions and allocations per call, without HTTP", dispatch::run),
    Measurement::counted("profiles", "instructions per call with plain `release`, thin and fat LTO", |_| {
        profiles::run()
    }),
    Measurement::counted("client", "instructions and allocations per call of the clients", client::run),
    Measurement::timed("keys", "what an idempotency key costs the server and the client", keys::run),
    Measurement::counted("growth", "cost per call with more methods and longer batches", growth::run),
    Measurement::counted("idle", "memory of an idle connection", idle::run),
    #[cfg(feature = "peers")]
    Measurement::timed("compile", "time to compile a service of 100 methods", compile::run),
    Measurement::timed("fairness", "latency of a client beside a bad neighbour", fairness::run),
];
