//! CPU time of a call in the servers, under load from wrk: the server on one core, wrk on the other.
//!
//! Each round measures each server once, in an order that rotates, and compares it with raw hyper in the same round. So
//! a machine that gets slower or faster in between affects all servers alike.

use std::time::Duration;

use super::effort::Effort;
use crate::Result;
use crate::connection::{Connection, request};
use crate::process::{SERVER_CORE, ServerProcess, pinned, subject};
use crate::scenario::Scenario;
use crate::stats::Spread;
use crate::subject::server::Server;
use crate::table::Table;
use crate::wrk::Wrk;

const SCENARIOS: [(Scenario, &str); 5] = [
    (Scenario::One, "one call"),
    (Scenario::Page, "a page of ten objects"),
    (Scenario::Batch(10), "a call in a batch of 10"),
    (Scenario::Batch(100), "a call in a batch of 100"),
    (Scenario::Batch(1_000), "a call in a batch of 1,000"),
];

pub(super) fn run(effort: Effort) -> Result<Vec<Table>> {
    let wrk = Wrk::new()?;
    let servers = start(effort.threads)?;
    let mut rounds = Vec::new();
    for round in 0..effort.rounds {
        eprintln!("  round {} of {}", round + 1, effort.rounds);
        rounds.push(visit_all(&wrk, &servers, round)?);
    }
    Ok(tables(&rounds))
}

fn start(threads: usize) -> Result<Vec<ServerProcess>> {
    let start = |server: &Server| {
        let command = subject(&["server", &server.to_string(), &threads.to_string()])?;
        let process = ServerProcess::start(&mut pinned(SERVER_CORE, &command))?;
        check(&process, *server)?;
        Ok(process)
    };
    Server::ALL.iter().map(start).collect()
}

/// Sends each request of the measurement once, and compares the answer with those of the other servers.
fn check(process: &ServerProcess, server: Server) -> Result<()> {
    let mut connection = Connection::open(process.addr())?;
    let scenarios = SCENARIOS.iter().map(|(scenario, _)| *scenario).chain([Scenario::Named]);
    for scenario in scenarios {
        let answer = connection.send(&request(&scenario.request()))?;
        scenario.check(answer).map_err(|error| format!("{server}: {error}"))?;
    }
    Ok(())
}

/// Microseconds per call, by scenario and then by server.
type Round = Vec<Vec<f64>>;

fn visit_all(wrk: &Wrk, servers: &[ServerProcess], round: usize) -> Result<Round> {
    let visit = |scenario: Scenario| {
        let mut micros = vec![0.0; servers.len()];
        for place in 0..servers.len() {
            let server = (place + round) % servers.len();
            micros[server] = micros_per_call(wrk, &servers[server], scenario)?;
        }
        Ok(micros)
    };
    SCENARIOS.iter().map(|(scenario, _)| visit(*scenario)).collect()
}

fn micros_per_call(wrk: &Wrk, server: &ServerProcess, scenario: Scenario) -> Result<f64> {
    let before = server.cpu()?;
    let counted = wrk.run(&server.url(), &scenario.request(), Duration::from_secs(1))?;
    let spent = server.cpu()? - before;
    Ok(spent.as_secs_f64() * 1e6 / (counted.requests as usize * scenario.calls()) as f64)
}

fn tables(rounds: &[Round]) -> Vec<Table> {
    let columns = || Server::ALL.iter().map(|server| server.title());
    let mut ratios = Table::new("server", "CPU time per call, raw hyper = 1.00", "", columns());
    let mut micros = Table::new("server-time", "CPU time per call, microseconds", "", columns());
    for (row, (_, label)) in SCENARIOS.iter().enumerate() {
        let spread = |server: usize, value: fn(f64, f64) -> f64| {
            Some(Spread::of(rounds.iter().map(|round| value(round[row][server], round[row][0])).collect()))
        };
        ratios.row(*label, (0..Server::ALL.len()).map(|server| spread(server, |micros, raw| micros / raw)));
        micros.row(*label, (0..Server::ALL.len()).map(|server| spread(server, |micros, _| micros)));
    }
    vec![ratios, micros]
}
