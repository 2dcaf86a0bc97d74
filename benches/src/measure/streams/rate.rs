//! How many notifications a server sends in a second: the server on one core, its clients on the other.
//!
//! Each round measures each server once, in an order that rotates, and compares it with jsonrpsee in the same round.

use super::stream_process::{command, start};
use crate::Result;
use crate::measure::effort::Effort;
use crate::process::{LOAD_CORE, SERVER_CORE, ServerProcess, pinned, subject};
use crate::stats::Spread;
use crate::subject::readers::WARM_UP;
use crate::subject::runtime;
use crate::subject::streams::StreamServer;
use crate::table::Table;
use crate::workload::Pace;

/// The place of jsonrpsee among the servers.
const PEER: usize = 1;

/// The streams of a row.
struct Load {
    pace: Pace,
    clients: u64,
    /// The number of items that each client reads.
    count: u64,
    label: &'static str,
}

const LOADS: [Load; 4] = [
    Load { pace: Pace::Burst, clients: 1, count: 512_000, label: "1 client, items of a burst" },
    Load { pace: Pace::Burst, clients: 64, count: 8_000, label: "64 clients, items of a burst" },
    Load { pace: Pace::Single, clients: 1, count: 128_000, label: "1 client, items alone" },
    Load { pace: Pace::Single, clients: 64, count: 2_000, label: "64 clients, items alone" },
];

/// What one visit of a server has measured.
#[derive(Clone, Copy, Debug, Default)]
struct Visit {
    /// Notifications per second.
    rate: f64,
    /// The CPU time of the server for one notification, in microseconds.
    cpu: f64,
}

pub(super) fn run(effort: Effort) -> Result<Vec<Table>> {
    let begin = |server: &StreamServer| {
        let process = runtime(1)?.block_on(start(*server, &mut pinned(SERVER_CORE, &command(*server)?)))?;
        Ok((*server, process))
    };
    let servers: Vec<_> = StreamServer::ALL.iter().map(begin).collect::<Result<_>>()?;
    // By load, then by round, then by server.
    let mut visits = vec![Vec::new(); LOADS.len()];
    for round in 0..effort.rounds {
        eprintln!("  round {} of {}", round + 1, effort.rounds);
        for (load, visits) in LOADS.iter().zip(&mut visits) {
            let mut visited = vec![Visit::default(); servers.len()];
            for place in 0..servers.len() {
                let place = (place + round) % servers.len();
                visited[place] = visit(&servers[place], load, effort.quick)?;
            }
            visits.push(visited);
        }
    }
    for (_, process) in servers {
        process.stop()?;
    }
    Ok(tables(&visits))
}

fn visit((server, process): &(StreamServer, ServerProcess), load: &Load, quick: bool) -> Result<Visit> {
    let Load { pace, clients, count, .. } = load;
    let count = if quick { count / 10 } else { *count };
    let [server, pace, addr] = [server.to_string(), pace.to_string(), process.addr().to_string()];
    let command = subject(&["readers", &server, &pace, &clients.to_string(), &count.to_string(), &addr])?;
    let before = process.cpu()?;
    let output = pinned(LOAD_CORE, &command).output()?;
    if !output.status.success() {
        return Err(format!("{server}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let spent = process.cpu()? - before;
    let seconds: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    // The server's time includes the streams before the clock of the clients starts.
    let counted = (clients * (count + WARM_UP)) as f64;
    Ok(Visit { rate: (clients * count) as f64 / seconds, cpu: spent.as_secs_f64() * 1e6 / counted })
}

fn tables(visits: &[Vec<Vec<Visit>>]) -> Vec<Table> {
    let table = |id, title, value: fn(Visit, Visit) -> f64| {
        let mut table = Table::new(id, title, "", StreamServer::ALL.iter().map(|server| server.title()));
        for (Load { label, .. }, rounds) in LOADS.iter().zip(visits) {
            let cell = |place: usize| {
                let values = rounds.iter().map(|round: &Vec<Visit>| value(round[place], round[PEER]));
                Some(Spread::of(values.collect()))
            };
            table.row(*label, (0..StreamServer::ALL.len()).map(cell));
        }
        table
    };
    let rates = "Notifications per second, jsonrpsee = 1.00";
    let times = "CPU time of the server per notification, jsonrpsee = 1.00";
    vec![
        table("streams-rate", rates, |visit, peer| visit.rate / peer.rate),
        table("streams-cpu", times, |visit, peer| visit.cpu / peer.cpu),
        table("streams-rate-absolute", "Notifications per second", |visit, _| visit.rate),
    ]
}
