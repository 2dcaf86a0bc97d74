//! The measurements. Each returns one or more tables.

#[cfg(feature = "simulation")]
mod balancing;
mod cli;
mod client;
#[cfg(feature = "peers")]
mod coalescing;
#[cfg(feature = "peers")]
mod compile;
mod dispatch;
mod effort;
mod endpoints;
mod fairness;
mod growth;
mod idle;
mod instructions;
mod keys;
#[cfg(feature = "peers")]
mod layers;
mod profiles;
mod server;
mod streams;

use crate::Result;
use crate::table::Table;
pub(crate) use effort::Effort;

/// A measurement that can be selected by name.
pub(crate) struct Measurement {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(Effort) -> Result<Vec<Table>>,
    /// Whether the measurement takes time, which needs an idle machine. Counts are the same on a busy machine.
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
    #[cfg(feature = "peers")]
    Measurement::timed("coalescing", "what coalescing saves for concurrent callers", |effort| {
        coalescing::run(effort.rounds, effort.quick)
    }),
    Measurement::timed("cli", "calls per second of the command `rpc bench`, compared with a bare loop", |effort| {
        cli::run(effort.rounds, effort.quick)
    }),
    Measurement::timed("keys", "what an idempotency key costs the server and the client", keys::run),
    Measurement::counted("growth", "cost per call with more methods and longer batches", growth::run),
    Measurement::counted("idle", "memory of an idle connection", idle::run),
    Measurement::counted("streams", "instructions and memory of streams", streams::count),
    #[cfg(feature = "peers")]
    Measurement::timed("streams-rate", "notifications of streams per second", streams::rate),
    Measurement::timed("streams-fan-out", "one event to 10,000 subscribers", streams::fan_out),
    Measurement::timed("streams-unread", "10,000 open streams, one of which is not read", streams::unread),
    #[cfg(feature = "simulation")]
    Measurement::counted("balancing", "how clients share servers, simulated; fails beyond its limits", balancing::run),
    Measurement::counted(
        "endpoints",
        "what a call costs a client with many endpoints, and their memory",
        endpoints::run,
    ),
    #[cfg(feature = "peers")]
    Measurement::timed("compile", "time to compile a service of 100 methods", compile::run),
    Measurement::timed("fairness", "latency of a client beside a bad neighbour", fairness::run),
];
