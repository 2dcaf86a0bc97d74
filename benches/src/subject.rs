//! The subjects of measurements. A measurement starts its subject as a separate process: this program with `subject
//! ..`. So no subject shares a runtime, an allocator or a core with the load generator or with another subject.

mod bare_loop;
#[cfg(feature = "peers")]
pub(crate) mod callers;
pub(crate) mod client;
pub(crate) mod dispatch;
mod endpoints;
mod host;
mod keys;
#[cfg(feature = "peers")]
pub(crate) mod readers;
pub(crate) mod server;
pub(crate) mod streams;
mod toy;

pub(crate) use host::runtime;
pub(crate) use toy::ALLOCATIONS as TOY_ALLOCATIONS;

use crate::Result;

/// Runs a subject: `server KIND [THREADS]`, `client KIND SCENARIO COUNT URL`, `dispatch KIND SCENARIO COUNT [METHODS]`,
/// `callers KIND CALLERS COUNT URL`, `bare-loop CALLERS COUNT URL`, `keys KEYED COUNT`, `endpoints BALANCER ENDPOINTS
/// COUNT`, `endpoint-memory CLIENTS`, `streams KIND`, `readers KIND PACE CLIENTS COUNT ADDR` or `toy COUNT`.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    match args {
        ["server", kind] => server::run(kind.parse()?, 1),
        ["server", kind, threads] => server::run(kind.parse()?, threads.parse()?),
        ["client", kind, scenario, count, url] => client::run(kind.parse()?, scenario.parse()?, count.parse()?, url),
        ["dispatch", kind, scenario, count] => dispatch::run(kind.parse()?, scenario.parse()?, count.parse()?, None),
        ["dispatch", kind, scenario, count, methods] => {
            dispatch::run(kind.parse()?, scenario.parse()?, count.parse()?, Some(methods.parse()?))
        }
        #[cfg(feature = "peers")]
        ["callers", kind, callers, calls, url] => callers::run(kind.parse()?, callers.parse()?, calls.parse()?, url),
        ["streams", kind] => streams::run(kind.parse()?),
        #[cfg(feature = "peers")]
        ["readers", kind, pace, clients, count, addr] => {
            readers::run(kind.parse()?, pace.parse()?, [clients.parse()?, count.parse()?], addr.parse()?)
        }
        ["bare-loop", callers, calls, url] => bare_loop::run(callers.parse()?, calls.parse()?, url),
        ["keys", keyed, count] => keys::run(keyed.parse()?, count.parse()?),
        ["endpoints", balancer, number, count] => endpoints::call(balancer, number.parse()?, count.parse()?),
        ["endpoint-memory", clients] => endpoints::memory(clients.parse()?),
        ["toy", count] => {
            toy::run(count.parse()?);
            Ok(())
        }
        _ => Err(format!("{args:?} is no subject").into()),
    }
}
