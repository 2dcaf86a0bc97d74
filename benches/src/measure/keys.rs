//! The cost of an idempotency key: in the server that stores it, and in the client that makes it.

use super::effort::Effort;
use crate::Result;
use crate::callgrind::{Callgrind, PerCall};
use crate::process::{SERVER_CORE, ServerProcess, pinned, subject};
use crate::scenario::Scenario;
use crate::stats::Spread;
use crate::subject::client::Client;
use crate::subject::server::Server;
use crate::table::Table;

/// Enough calls for the store to forget keys as fast as it takes new ones.
const CALLS: usize = 200_000;

const CLIENTS: [Client; 3] = [Client::OursPlain, Client::OursReadonly, Client::Ours];

pub(super) fn run(effort: Effort) -> Result<Vec<Table>> {
    let callgrind = Callgrind::new()?;
    Ok(vec![server(&callgrind, effort)?, client(&callgrind)?])
}

fn server(callgrind: &Callgrind, effort: Effort) -> Result<Table> {
    eprintln!("  dispatch");
    let columns = ["without a key", "with a key", "the key"];
    let mut table = Table::new("keys", "A call dispatched in process", "", columns);
    let calls = if effort.quick { CALLS / 10 } else { CALLS };
    let (mut without, mut with, mut more) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        let [one, other] = [nanos(false, calls)?, nanos(true, calls)?];
        without.push(one);
        with.push(other);
        more.push(other - one);
    }
    table.row("nanoseconds", [without, with, more].map(|values| Some(Spread::of(values))));
    let [without, with] = [callgrind.keys(false)?, callgrind.keys(true)?];
    let mut counted = |label: &str, count: fn(&PerCall) -> f64| {
        table.row(label, [count(&without), count(&with), count(&with) - count(&without)].map(Some));
    };
    counted("instructions, request made", |cost| cost.instructions);
    counted("allocations, request made", |cost| cost.allocations);
    Ok(table)
}

/// Runs the calls in a process of their own, and returns the time of one call in nanoseconds.
fn nanos(keyed: bool, calls: usize) -> Result<f64> {
    let subject = subject(&["keys", &keyed.to_string(), &calls.to_string()])?;
    let output = pinned(SERVER_CORE, &subject).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

fn client(callgrind: &Callgrind) -> Result<Table> {
    eprintln!("  client");
    let server = ServerProcess::start(&mut subject(&["server", &Server::Ours.to_string()])?)?;
    let columns = CLIENTS.map(Client::title);
    let mut table = Table::new("keys-client", "Instructions per call, client", "", columns);
    for (scenario, label) in [(Scenario::One, "one call"), (Scenario::Batch(100), "a call in a batch of 100")] {
        let cost = |client| Ok(Some(callgrind.client(client, scenario, &server.url())?.instructions));
        table.row(label, CLIENTS.into_iter().map(cost).collect::<Result<Vec<_>>>()?);
    }
    server.stop()?;
    Ok(table)
}
